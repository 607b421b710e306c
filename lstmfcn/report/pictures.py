"""Which pictures go into a report? Displays drawn to text that an HTML page can hold."""

import base64
import itertools

import numpy as np

from lstmfcn.evaluation import METRICS, score_table
from lstmfcn.plots import (
    ComparisonMatrixDisplay,
    CostDisplay,
    CriticalDifferenceDisplay,
    GalleryDisplay,
    HistoryDisplay,
    PairwiseDisplay,
    ScoresDisplay,
)
from lstmfcn.plots.display import image_bytes

WITH_COST = ("accuracy", "balanced_accuracy", "weighted_f1", "auroc")  # drawn against seconds
MAX_MODEL_PAIRS = 6
MIN_DATASETS = 5  # for a test over datasets
MAX_GALLERY_CLASSES = 4
MAX_GALLERY_SERIES = 60  # of each class, from which a gallery chooses


def sweep_pictures(records, metric):
    """Draw the results over all datasets: a list of pictures, each as `_picture` returns it."""
    try:
        table = score_table(records, metric).complete().ranked()
    except ValueError:  # no dataset has results of all models
        return []
    pictures = compare_pictures(table)
    if len(table.models) > 1:
        pictures += _pairs(table)
    if metric in WITH_COST:
        pictures += _cost(records, table)
    return [*pictures, _every_dataset(table)]


def compare_pictures(table):
    """Draw the critical differences and the matrix of comparisons, of datasets of all models."""
    try:
        table = table.complete().ranked()
    except ValueError:  # no dataset has results of all models
        return []
    if len(table.models) < 2 or len(table.datasets) < MIN_DATASETS:
        return []
    return [
        _picture(
            "Critical differences",
            f"Mean ranks over {len(table.datasets)} datasets, 1 being the best. A bar joins "
            "models between which a Wilcoxon signed-rank test with Holm's correction finds no "
            "difference (level .05).",
            CriticalDifferenceDisplay.from_scores(table.better(), table.models),
        ),
        _picture(
            "Every pair",
            "Of each pair: the mean difference, on how many datasets the row's model wins, "
            "ties and loses, and the p-value of a Wilcoxon signed-rank test without "
            "correction (bold below .05).",
            ComparisonMatrixDisplay(
                table.better(), table.models, metric=_words(table.metric), sort=False
            ),
        ),
    ]


def _every_dataset(table):
    order = np.argsort(-table.better().mean(axis=1), kind="stable")  # as the display's rows
    scores, datasets = table.better()[order], [table.datasets[i] for i in order]
    dots = [
        (score, row, f"{dataset}: {model} {score:.4f}")
        for row, dataset in enumerate(datasets)
        for model, score in zip(table.models, scores[row], strict=True)
    ]
    return _picture(
        "Every dataset",
        "A dot is a model's mean over its runs; the line spans the models.",
        ScoresDisplay(scores, datasets, table.models, metric=_words(table.metric)),
        dots=dots,
    )


def _cost(records, table):
    """Draw score against seconds, if every run was timed."""
    try:
        seconds = score_table(records, "fit_seconds")
    except ValueError:  # imported results may lack the seconds
        return []
    rows = [seconds.datasets.index(name) for name in table.datasets]
    columns = [seconds.models.index(name) for name in table.models]
    seconds = seconds.scores[np.ix_(rows, columns)]
    if not (np.isfinite(seconds).all() and (seconds > 0).all()):
        return []
    means, costs = table.better().mean(axis=0), seconds.mean(axis=0)
    dots = [
        (cost, mean, f"{model}: {mean:.4f}, {cost:.3g} seconds")
        for model, mean, cost in zip(table.models, means, costs, strict=True)
    ]
    return [
        _picture(
            "Score and cost",
            "Mean score against the seconds of a fit. Where runs shared a machine, the seconds are "
            "those of a busy machine.",
            CostDisplay(table.better(), seconds, table.models, metric=_words(table.metric)),
            dots=dots,
        )
    ]


def _pairs(table):
    """Draw all pairs of models, or, of many, the best one against the next."""
    ranked = [row["model"] for row in table.summary()]
    pairs = list(itertools.combinations(ranked, 2))
    if len(pairs) > MAX_MODEL_PAIRS:
        pairs = [(ranked[0], other) for other in ranked[1:]][:MAX_MODEL_PAIRS]
    return [_pair(table, one, other) for one, other in pairs]


def _pair(table, one, other):
    first, second = (table.better()[:, table.models.index(name)] for name in (one, other))
    dots = [
        (x, y, f"{dataset}: {one} {y:.4f}, {other} {x:.4f}")
        for dataset, x, y in zip(table.datasets, second, first, strict=True)
    ]
    names, metric = (one, other), _words(table.metric)
    return _picture(
        f"{one} against {other}",
        "A dot is a dataset, on the side of the model that is better on it.",
        PairwiseDisplay(first, second, names, datasets=table.datasets, metric=metric),
        half=True,
        dots=dots,
    )


def model_pictures(classifier, X_test, y_test):
    """Draw a fitted classifier's learning curves, and its maps of some test series."""
    pictures = [
        _picture(
            "Learning curves",
            "Loss and accuracy on the training split.",
            HistoryDisplay(classifier.history_),
            photo=True,
        )
    ]
    method = "attention_map" if hasattr(classifier, "attention_map") else "class_activation_map"
    chosen = _choose(classifier, X_test, y_test)
    if len(chosen):
        series = [X_test[i] for i in chosen] if isinstance(X_test, list) else X_test[chosen]
        display = GalleryDisplay.from_estimator(
            classifier, series, y_test[chosen], method=method, n_typical=1, n_confused=1
        )
        pictures.append(
            _picture(
                "Attention" if method == "attention_map" else "Class activation map",
                "Of each class the surest and the least sure of its test series, numbered among "
                f"{len(chosen)} candidates; of many classes those with most errors.",
                display,
                photo=True,
            )
        )
    return pictures


def _choose(classifier, X_test, y_test):
    """Return the places of some test series of the classes that go wrong most."""
    wrong = classifier.predict(X_test) != y_test
    known = np.unique(y_test[np.isin(y_test, classifier.classes_)])
    worst = sorted(known, key=lambda label: -wrong[y_test == label].mean())[:MAX_GALLERY_CLASSES]
    places = [np.flatnonzero(y_test == label)[:MAX_GALLERY_SERIES] for label in worst]
    return np.sort(np.concatenate([np.empty(0, int), *places]))


def _picture(title, caption, display, *, photo=False, half=False, dots=()):
    """Return a drawn display as a dict; an ``<img>`` of the page takes its ``uri`` as the source.

    A ``photo`` has so many marks that pixels take less room than lines. Of pictures with ``half``,
    two stand side by side. ``dots`` are x, y and text, in the units of the display's axes.
    """
    import matplotlib.pyplot as plt

    figure = display.plot().figure_
    if photo:
        image = image_bytes(figure, format="webp", dpi=110, pil_kwargs={"quality": 85})
    else:
        with plt.rc_context({"svg.fonttype": "path", "svg.hashsalt": "lstmfcn"}):
            image = image_bytes(figure, format="svg", metadata={"Date": None})
    kind, text = "webp" if photo else "svg+xml", base64.b64encode(image).decode("ascii")
    return {
        "title": title,
        "caption": caption,
        "half": half,
        "uri": f"data:image/{kind};base64,{text}",
        "width": round(96 * figure.get_figwidth()),  # pixels of a page
        "dots": _placed(dots, display.ax_) if dots else [],
    }


def _placed(dots, ax):
    """Return x, y and text of dots, as fractions of the picture from its left and upper edge.

    Of dots in one place the texts are joined.
    """
    places = ax.transData.transform([dot[:2] for dot in dots]) / ax.figure.bbox.size
    texts = {}
    for (x, y), (_, _, text) in zip(places, dots, strict=True):
        texts.setdefault((round(x, 4), round(1 - y, 4)), []).append(text)
    return [[*place, "\n".join(lines)] for place, lines in texts.items()]


def _words(metric):
    """Return the name of a metric, or of its negative where less is better."""
    words = "AUROC" if metric == "auroc" else metric.replace("_", " ")
    return words if METRICS.get(metric, "larger") == "larger" else f"minus {words}"
