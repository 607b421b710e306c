"""Which files does a run on a track leave? Predictions, submissions and pictures of each model."""

import numpy as np

from lstmfcn.emotion.one_run import answer_openly, innermost
from lstmfcn.emotion.recipe import short_name
from lstmfcn.emotion.scores import write_submission
from lstmfcn.emotion.splits import OWN_SPLITS
from lstmfcn.evaluation.robustness import CORRUPTIONS
from lstmfcn.files import atomic_path, write_csv
from lstmfcn.meta.rows import take_rows
from lstmfcn.plots.coloured_series import MapScale
from lstmfcn.plots.display import new_figure
from lstmfcn.plots.robustness import RobustnessDisplay
from lstmfcn.report import write_report

N_EXAMPLES = 2  # of each class, whose attention is drawn
MAX_CLASSES = 6


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


def write_page(results):
    """Write the page about all models in a folder of results."""
    has_f1 = any(record.get("weighted_f1") is not None for record in results.records())
    metric = "weighted_f1" if has_f1 else "accuracy"
    path = results.folder / "report.html"
    write_report(results, path, metric=metric, title="Emotion recognition")


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
    if model.source.group in clips.columns:
        columns[model.source.group] = clips.groups(model.source.group)
    submission = _file(folder, "submission", test, "csv")
    if model.source.found.name == "ov":
        answers = answer_openly(model.data(), classes, probabilities)
        columns["openset"] = [repr(words) for words in answers.values()]
        rows = zip(clips.names, columns["openset"], strict=True)
        write_csv(submission, ["name", "openset"], rows)
    elif not model.source.holds_out:
        labels = tuple(dict.fromkeys([*model.classes, *classes.tolist()]))
        write_submission(submission, clips.names, y_pred, classes=labels)
    for label, column in zip(classes, probabilities.T, strict=True):
        columns[f"probability_{label}"] = np.round(column, 6)
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


def write_attention(model, data, ensemble):
    """Draw the attention of the first member over two clips of each class."""
    data = data.of_each_recipe[0]
    classifier = ensemble.classifiers[0]
    clips = next(iter(data.tests.values()))
    y_pred = classifier.predict(clips.X)
    y = y_pred if clips.y is None else clips.y
    known = [label for label in data.classes if label in classifier.classes_ and label in y]
    rows = [np.flatnonzero(y == label)[:N_EXAMPLES] for label in known[:MAX_CLASSES]]
    chosen = np.concatenate(rows)
    several = isinstance(clips.X, dict)
    X = take_rows(clips.X, chosen)
    for feature, attention in _attention(innermost(classifier), X, data.recipe.features).items():
        series = X[feature] if several else X
        attention = _over_frames(attention, series)
        if attention is None:
            continue
        titles = [
            f"{clips.names[i]}: {'' if y is y_pred else f'{y[i]}, '}predicted {y_pred[i]}"
            for i in chosen
        ]
        path = model.folder / f"attention{f'-{short_name(feature)}' if several else ''}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        _draw_maps(path, series, attention, titles, feature)


def _attention(classifier, X, features):
    """Return feature set -> attention over time of each clip; empty where there is none."""
    if hasattr(classifier, "attention_map"):
        return {features[0]: classifier.attention_map(X)}
    try:
        return classifier.attention_maps(X)
    except AttributeError:  # networks without attention, or none of this package
        return {}


def _over_frames(attention, series):
    """Return each clip's attention without its padding, or None if it is not over its frames."""
    lengths = [clip.shape[1] for clip in series]
    equal = isinstance(series, np.ndarray)
    if max(lengths) < 2 or (equal and lengths[0] != attention.shape[1]):
        return None  # a vector per utterance has no time, and early fusion a time of its own
    rows = [row[:length] for row, length in zip(attention, lengths, strict=True)]
    return rows if all(row.sum() > 1 - 1e-3 for row in rows) else None


def _draw_maps(path, series, attention, titles, feature):
    n_rows = -(-len(series) // N_EXAMPLES)
    figure = new_figure(10, 0.8 + 1.5 * n_rows)
    axes = figure.subplots(n_rows, N_EXAMPLES, squeeze=False, sharex=True)
    scale = MapScale(list(attention))
    for ax in axes.ravel()[len(series) :]:
        ax.set_visible(False)
    for ax, clip, relevance, title in zip(axes.ravel(), series, attention, titles, strict=False):
        # Over features: (n_timepoints,). A clip longer than any in training has lost its end.
        size = np.sqrt(np.square(clip[:, : len(relevance)]).mean(axis=0))
        scale.draw(ax, size[np.newaxis], relevance)
        if len(size) == 1:  # a line of one point cannot be seen
            ax.plot(size, "o", color=scale.mappable().to_rgba(relevance[0]))
        ax.set_title(title, fontsize="small")
    for ax in axes[-1]:
        ax.set_xlabel("timepoint")
    figure.supylabel(f"root mean square of {feature}, standardised", fontsize="small")
    scale.add_colorbar(figure, axes, "attention")
    _save(figure, path)


def _save(figure, path):
    import matplotlib.pyplot as plt

    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)
