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
        description="Predict the emotion of each clip, with the probabilities of all emotions, or "
        "the number of a model of --target, by a model of `lstmfcn emotion run --keep-models`. "
        "Recordings get the features that the model was trained on.",
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
        "the evidence for the predicted emotion; of --target, what they add to the number) into "
        "this folder",
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
    if model.target is None:
        answers = model.predict_proba(sequences, names, groups)
        predicted = model.classes_[answers.argmax(axis=1)]
        columns, parts = ["predicted", *model.classes_], answers.tolist()
    else:
        answers = model.predict_numbers(sequences, names, groups)
        predicted, columns, parts = answers.tolist(), [model.target], [()] * len(names)
    rows = [[*row, *part] for *row, part in zip(names, predicted, parts, strict=True)]
    print(text_table(["clip", *columns], rows[:MOST_SHOWN], n_left=1 + (model.target is None)))
    if len(rows) > MOST_SHOWN:
        print(f"... and {len(rows) - MOST_SHOWN} more{'' if arguments.out else ': see --out'}")
    if arguments.out is not None:
        header = ["name", "predicted", *(f"probability_{label}" for label in columns[1:])]
        write_csv(arguments.out, header, rows)
        print(f"\n{len(rows)} predictions: {arguments.out}")
    if arguments.pictures is not None:
        _draw(arguments.pictures, model, sequences, names, groups, answers)


def _draw(folder, model, sequences, names, groups, answers):
    from lstmfcn.emotion.clip_pictures import draw_predictions

    paths = draw_predictions(folder, model, sequences, names, groups, answers)
    if paths:
        print(f"{len(paths)} picture{'s' if len(paths) > 1 else ''}: {folder}/")
    else:
        print("no pictures: this model reads each clip as one vector, without time")
