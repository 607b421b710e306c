"""Which pictures go into a report? Displays drawn to text that an HTML page can hold."""

import base64
import io
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

__all__ = ["compare_pictures", "model_pictures", "sweep_pictures"]

SHARES = ("accuracy", "balanced_accuracy", "weighted_f1", "auroc")
MOST_PAIRS = 6
FEWEST_DATASETS = 5  # for a test over datasets
MOST_CLASSES = 4  # in a gallery
MOST_SERIES = 60  # per class, looked at for a gallery


def sweep_pictures(records, metric):
    """Draw what a sweep says about all datasets.

    Parameters
    ----------
    records : list of dict
    metric : str

    Returns
    -------
    list of dict
        ``title``, ``caption``, ``uri``, which an ``<img>`` takes as its source, and ``half``: two
        of these stand side by side.
    """
    table = score_table(records, metric)
    try:
        table = table.complete()
    except ValueError:
        return []
    pictures = compare_pictures(table)
    if len(table.models) > 1:
        pictures += _pairs(table)
    if metric in SHARES:
        pictures += _cost(records, table)
    pictures.append(
        _picture(
            "Every dataset",
            "A dot is a model's mean over its runs; the line spans the models.",
            ScoresDisplay(table.better(), table.datasets, table.models, metric=_words(metric)),
        )
    )
    return pictures


def compare_pictures(table):
    """Draw the critical differences and the matrix of comparisons of a complete table."""
    pictures = []
    if len(table.models) > 1 and len(table.datasets) >= FEWEST_DATASETS:
        pictures += [
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
                ComparisonMatrixDisplay(table.better(), table.models, metric=_words(table.metric)),
            ),
        ]
    return pictures


def _cost(records, table):
    """Draw score against seconds, if every run was timed."""
    try:
        seconds = score_table(records, "fit_seconds")
    except ValueError:  # results of others need not say
        return []
    rows = [seconds.datasets.index(name) for name in table.datasets]
    columns = [seconds.models.index(name) for name in table.models]
    seconds = seconds.scores[np.ix_(rows, columns)]
    if not (np.isfinite(seconds).all() and (seconds > 0).all()):
        return []
    return [
        _picture(
            "Score and cost",
            "Mean score against the seconds of a fit. Where runs shared a machine, the seconds are "
            "those of a busy machine.",
            CostDisplay(table.better(), seconds, table.models, metric=_words(table.metric)),
        )
    ]


def _pairs(table):
    """Draw pairs of models: all, or the best one against the others."""
    ranked = [row["model"] for row in table.summary()]
    pairs = list(itertools.combinations(ranked, 2))
    if len(pairs) > MOST_PAIRS:
        pairs = [(ranked[0], other) for other in ranked[1:]][:MOST_PAIRS]
    return [
        _picture(
            f"{one} against {other}",
            "A dot is a dataset; on the side of a model are those it is better on.",
            PairwiseDisplay(
                table.better()[:, table.models.index(one)],
                table.better()[:, table.models.index(other)],
                (one, other),
                datasets=table.datasets,
                metric=_words(table.metric),
            ),
            half=True,
        )
        for one, other in pairs
    ]


def model_pictures(path, X_test, y_test):
    """Draw a kept model's learning curves, and its map on some test series.

    Parameters
    ----------
    path : path-like
        Of a saved classifier.
    X_test, y_test
        The test split of its run.

    Returns
    -------
    list of dict
        As in :func:`sweep_pictures`.
    """
    from lstmfcn import load

    classifier = load(path)
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
                "Of each class the surest and the least sure of its test series, numbered within "
                f"the {len(chosen)} that were looked at; of many classes those with most errors.",
                display,
                photo=True,
            )
        )
    return pictures


def _choose(classifier, X_test, y_test):
    """Return the places of some test series of the classes that go wrong most."""
    known = np.isin(y_test, classifier.classes_)
    places = {
        label: np.flatnonzero(known & (y_test == label))[:MOST_SERIES]
        for label in np.unique(y_test)
    }
    wrong = classifier.predict(X_test) != y_test
    order = sorted(
        (label for label in places if len(places[label])), key=lambda c: -wrong[y_test == c].mean()
    )
    return np.sort(np.concatenate([places[c] for c in order[:MOST_CLASSES]] or [[]])).astype(int)


def _picture(title, caption, display, *, photo=False, half=False):
    """Draw a display.

    ``photo``: with so many marks that pixels take less room than lines; ``half``: two stand side
    by side on the page.
    """
    import matplotlib.pyplot as plt

    figure = display.plot().figure_
    buffer = io.BytesIO()
    if photo:
        figure.savefig(buffer, format="webp", dpi=110, pil_kwargs={"quality": 85})
        kind = "webp"
    else:
        with plt.rc_context({"svg.fonttype": "path", "svg.hashsalt": "lstmfcn"}):
            figure.savefig(buffer, format="svg", metadata={"Date": None})
        kind = "svg+xml"
    plt.close(figure)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {
        "title": title,
        "caption": caption,
        "half": half,
        "uri": f"data:image/{kind};base64,{text}",
    }


def _words(metric):
    """Return what to call a metric of which more is better."""
    words = "AUROC" if metric == "auroc" else metric.replace("_", " ")
    return words if METRICS.get(metric, "larger") == "larger" else f"minus {words}"
