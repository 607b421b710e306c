"""Which files does a run on a track leave? Predictions, submissions and pictures of each model."""

import numpy as np

from lstmfcn.emotion.clip_labels import column_named
from lstmfcn.emotion.one_run import answer_openly
from lstmfcn.emotion.scores import write_submission
from lstmfcn.emotion.splits import OWN_SPLITS
from lstmfcn.evaluation.robustness import CORRUPTIONS
from lstmfcn.files import atomic_path, write_csv
from lstmfcn.plots.display import new_figure
from lstmfcn.plots.robustness import RobustnessDisplay


def write_model(model, results, records):
    """Write everything about a TrackModel but the table.

    ``records`` are (model name, test split) -> the records of the seeds.
    """
    folder = model.folder
    records = {test: records[model.name, test] for test in model.tests}
    folder.mkdir(parents=True, exist_ok=True)
    for test, clips in model.tests.items():
        runs = (model.run(test, seed) for seed in range(len(records[test])))
        predictions = list(map(results.predictions, runs))
        _write_predictions(folder, model, test, predictions)
        if model.source.found.name != "ov":
            answers = [one["y_pred"] for one in predictions]
            path = _file(folder, "confusion", test, "png")
            _draw_confusion(path, model.classes, clips.y, answers, f"{model.name}, {test}")
    curves = [record["robustness"] for record in next(iter(records.values()))]
    if model.challenge is not None:
        _write_submission(model, len(curves))
    if curves[0]:
        references = {}
        if "noisy" in model.tests:
            waf = float(np.mean([record["weighted_f1"] for record in records["noisy"]]))
            references = {f"the noisy test clips ({waf:.3f})": waf}
        _draw_robustness(folder / "robustness.png", curves, model.name, references)


def unlabelled_path(model, seed):
    """Return the file of what a model of all labels makes of the clips without one."""
    return model.folder / f"unlabelled-seed{seed}.npz"


def write_unlabelled(model, data, ensemble, seed):
    """Write the probabilities of the clips without a label."""
    model.folder.mkdir(parents=True, exist_ok=True)
    X = (one.unlabelled.X for one in data.of_each_recipe)
    probabilities = ensemble.predict_proba(*X).astype(np.float32)
    with atomic_path(unlabelled_path(model, seed)) as temporary:
        np.savez_compressed(temporary, probabilities=probabilities, classes=ensemble.classes_)


def _write_submission(model, n_seeds):
    """Write the answers to the clips without a label, by the mean of the seeds' probabilities."""
    total = 0.0
    for seed in range(n_seeds):
        with np.load(unlabelled_path(model, seed), allow_pickle=False) as arrays:
            total, classes = total + arrays["probabilities"], arrays["classes"]
    y_pred = classes[np.argmax(total, axis=1)]
    is_answered = any(test in OWN_SPLITS for test in model.tests)
    path = model.folder / f"submission{'-unlabelled' if is_answered else ''}.csv"
    labels = tuple(dict.fromkeys([*model.classes, *classes.tolist()]))
    write_submission(path, model.challenge.names, y_pred, classes=labels)


def _file(folder, kind, test, ending):
    """Return the file of a test split: the track's own has its plain name."""
    suffix = "" if test in OWN_SPLITS else f"-{test.replace(' ', '-')}"
    return folder / f"{kind}{suffix}.{ending}"


def _write_predictions(folder, model, test, by_seed):
    """Write the class of each clip by the mean of the seeds' probabilities, and the submission."""
    clips, classes = model.tests[test], by_seed[0]["classes"]
    probabilities = np.mean([one["probabilities"] for one in by_seed], axis=0)
    y_pred = classes[probabilities.argmax(axis=1)]
    truth = {} if clips.y is None else {"truth": clips.y}
    columns = {"name": clips.names, **truth, "predicted": y_pred}
    group = model.source.group
    if group is not None and column_named(clips.columns, group) is not None:
        columns[group] = clips.groups(group)
    submission = _file(folder, "submission", test, "csv")
    if model.source.found.name == "ov":
        answers = answer_openly(model.data(), classes, probabilities)
        columns["openset"] = [repr(words) for words in answers.values()]
        rows = zip(clips.names, columns["openset"], strict=True)
        write_csv(submission, ["name", "openset"], rows)
    elif not model.source.holds_out:
        labels = tuple(dict.fromkeys([*model.classes, *classes.tolist()]))
        write_submission(submission, clips.names, y_pred, classes=labels)
    known = dict(zip(classes.tolist(), probabilities.T, strict=True))
    for label in dict.fromkeys([*(c for c in model.classes if c in known), *known]):
        columns[f"probability_{label}"] = np.round(known[label], 6)
    rows = zip(*columns.values(), strict=True)
    write_csv(_file(folder, "predictions", test, "csv"), list(columns), rows)


def _draw_confusion(path, classes, y_true, predictions, title):
    """Draw the fraction of each class that was taken for each other, over all seeds."""
    from sklearn.metrics import ConfusionMatrixDisplay

    labels = [label for label in classes if label in y_true or label in np.unique(predictions)]
    is_true, *are_predicted = (y[:, np.newaxis] == labels for y in (y_true, *predictions))
    counts = sum(is_true.T.astype(int) @ is_predicted for is_predicted in are_predicted)
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = new_figure(1.6 + 0.9 * len(labels), 1.2 + 0.8 * len(labels))
    ax = figure.subplots()
    display = ConfusionMatrixDisplay(fractions, display_labels=labels)
    display.plot(ax=ax, cmap="Blues", values_format=".2f", im_kw={"vmin": 0, "vmax": 1})
    seeds = f"{len(predictions)} seed{'s' if len(predictions) > 1 else ''}"
    ax.set_title(f"{title}\nfraction of the true class, {seeds}", fontsize="small")
    _save(figure, path)


def _draw_robustness(path, curves, name, references):
    kinds = list(curves[0])
    figure = new_figure(5 * len(kinds), 4)
    for ax, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        scores = {name: [curve[kind]["scores"] for curve in curves]}
        options = {"references": references} if kind == "noise" else {}
        levels, title = curves[0][kind]["levels"], CORRUPTIONS[kind]
        RobustnessDisplay(levels, scores, corruption=title, **options).plot(ax)
    _save(figure, path)


def _save(figure, path):
    import matplotlib.pyplot as plt

    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)
