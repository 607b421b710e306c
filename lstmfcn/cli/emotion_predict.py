"""What does a kept model say about new clips? `lstmfcn emotion predict MODEL CLIPS`."""

import os

from lstmfcn.cli.arguments import to_path
from lstmfcn.cli.text import text_table

MOST_SHOWN = 30  # clips in the terminal


def add_predict(commands):
    """Add ``predict`` to the commands of ``lstmfcn emotion``."""
    predict = commands.add_parser(
        "predict",
        help="predict the emotions of recordings by a kept model",
        description="Predict the emotion of each clip, with the probabilities of all emotions, by "
        "a model of `lstmfcn emotion run --keep-models`. Recordings get the features that the "
        "model was trained on.",
    )
    predict.add_argument("model", type=to_path, metavar="MODEL", help="file of the model")
    predict.add_argument(
        "clips",
        type=to_path,
        metavar="CLIPS",
        help="a recording, a folder of recordings, or a folder of feature sets",
    )
    predict.add_argument(
        "--labels",
        type=to_path,
        metavar="CSV",
        help="only the clips of this table, with a column name, file or filename, and perhaps "
        "start, end, and the speaker that the model standardises by",
    )
    predict.add_argument(
        "--on-missing",
        choices=("error", "drop"),
        default="error",
        help="of clips that cannot be used: refuse them in one message, or leave them out",
    )
    predict.add_argument("--out", type=to_path, metavar="CSV", help="write all predictions here")
    predict.add_argument(
        "--pictures",
        type=to_path,
        metavar="DIR",
        help="draw each clip with the attention over its seconds (of networks without attention, "
        "the evidence for the predicted emotion) into this folder",
    )
    predict.set_defaults(command=_predict)


def _predict(arguments):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from lstmfcn.emotion import load_model, load_unlabelled
    from lstmfcn.emotion.kept_model import read_clips_of
    from lstmfcn.files import check_writable, write_csv

    if arguments.out is not None:
        check_writable(arguments.out)
    model = load_model(arguments.model)
    table = None if arguments.labels is None else load_unlabelled(arguments.labels)
    names, sequences, groups = read_clips_of(
        model, arguments.clips, groups_of=table, on_missing=arguments.on_missing
    )
    probabilities = model.predict_proba(sequences, names, groups)
    predicted = model.classes_[probabilities.argmax(axis=1)]
    columns = ["clip", "predicted", *model.classes_]
    rows = [
        [name, label, *map(float, row)]
        for name, label, row in zip(names, predicted, probabilities, strict=True)
    ]
    print(text_table(columns, rows[:MOST_SHOWN], n_left=2))
    if len(rows) > MOST_SHOWN:
        print(f"... and {len(rows) - MOST_SHOWN} more{'' if arguments.out else ': see --out'}")
    if arguments.out is not None:
        header = ["name", "predicted", *(f"probability_{label}" for label in model.classes_)]
        write_csv(arguments.out, header, rows)
        print(f"\n{len(rows)} predictions: {arguments.out}")
    if arguments.pictures is not None:
        _draw(arguments.pictures, model, sequences, names, groups, probabilities)


def _draw(folder, model, sequences, names, groups, probabilities):
    from lstmfcn.emotion.clip_pictures import draw_predictions

    paths = draw_predictions(folder, model, sequences, names, groups, probabilities)
    if paths:
        print(f"{len(paths)} pictures: {folder}/")
    else:
        print("no pictures: this model reads each clip as one vector, without time")
