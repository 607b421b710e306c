"""How good are predicted classes, over samples and over groups, and which of two is better?"""

from dataclasses import dataclass

import numpy as np

from lstmfcn.evaluation.bootstrap import bootstrap_sums, check_groups, interval
from lstmfcn.evaluation.counts import count, measure_tallies, tallies
from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.evaluation.paired import mcnemar, paired_recalls, paired_scores
from lstmfcn.untrusted import listed
from lstmfcn.validation import is_missing

CLASS_METRICS = {"uar": "UAR", "weighted_f1": "weighted F1", "accuracy": "accuracy"}
"""Fields of the scores, the first one to report first, and how they are printed.

UAR is the unweighted average recall: the mean of the classes' recalls, so that a rare class
counts as much as a frequent one.
"""

FIELDS = {"uar": "uar", "waf": "weighted_f1", "accuracy": "accuracy"}  # of counts -> ours
SYSTEMS = ("first", "second")
MOST_CLASSES = 500  # more different labels are none


@dataclass(frozen=True)
class ClassScores:
    """What :func:`score_classes` found.

    Attributes
    ----------
    classes : tuple of str
    n, n_groups : int
        Clips, and speakers (0 without groups).
    scores : dict of str to dict
        For each of :data:`CLASS_METRICS` its ``value`` in [0, 1] and the bounds of its 95 %
        bootstrap intervals: ``clips``, and ``groups`` (None with fewer than two speakers).
    per_class : list of dict
        ``class``, ``precision``, ``recall``, ``f1`` (None where there is nothing to divide by) and
        ``support``, the number of its clips.
    confusion : int ndarray of shape (n_classes, n_classes)
        Clips by true class (row) and predicted class (column).
    auroc, log_loss : float or None
        Of the probabilities, as in :func:`lstmfcn.evaluation.classification_metrics`.

    See Also
    --------
    score_classes : Makes it.
    """

    classes: tuple
    n: int
    n_groups: int
    scores: dict
    per_class: list
    confusion: np.ndarray
    auroc: float | None
    log_loss: float | None


@dataclass(frozen=True)
class ClassComparison:
    """What :func:`compare_classes` found.

    Attributes
    ----------
    classes : tuple of str
    n, n_groups : int
        Clips, and speakers (0 without groups).
    scores : dict of str to dict
        For each of :data:`CLASS_METRICS`: ``first``, ``second``, ``difference`` (first minus
        second), and the bounds of the difference's paired 95 % intervals ``clips`` and ``groups``
        (None with fewer than two speakers).
    only_first, only_second : int
        Clips that only one of the predictions has right.
    p_value : float
        Of McNemar's exact test on these two numbers.
    per_class : list of dict
        ``class``, ``n``, and the recalls ``first`` and ``second`` with their intervals over clips.

    See Also
    --------
    compare_classes : Makes it.
    """

    classes: tuple
    n: int
    n_groups: int
    scores: dict
    only_first: int
    only_second: int
    p_value: float
    per_class: list


def score_classes(
    y_true,
    y_pred,
    *,
    probabilities=None,
    groups=None,
    classes=None,
    n_bootstrap=2000,
    random_state=0,
):
    """Score predicted classes, with intervals over samples and over groups, such as speakers.

    Parameters
    ----------
    y_true, y_pred : array-like of str of shape (n_clips,)
        At least two classes are true.
    probabilities : array-like of shape (n_clips, n_classes), optional
        Columns in the order of ``classes``, which must be passed.
    groups : array-like of shape (n_clips,), optional
        Who speaks each clip. Clips of a speaker resemble each other, so that an interval over clips
        is too narrow for new speakers.
    classes : sequence of str, optional
        In order; by default all labels, sorted.
    n_bootstrap : int, default=2000
        How often clips, or speakers with all their clips, are drawn with replacement.
    random_state : int or RandomState, default=0

    Returns
    -------
    ClassScores

    Raises
    ------
    ValueError
        If labels are unknown or missing, lengths differ, or all clips are of one class.

    See Also
    --------
    compare_classes : Two predictions of the same clips.
    score_numbers : Numbers, such as valence.

    References
    ----------
    Schuller, Steidl, Batliner, "The INTERSPEECH 2009 Emotion Challenge", 2009, on UAR.

    Examples
    --------
    >>> from lstmfcn.evaluation import score_classes
    >>> found = score_classes(["happy", "happy", "sad"], ["happy", "sad", "sad"])
    >>> [(name, round(score["value"], 3)) for name, score in found.scores.items()]
    [('uar', 0.75), ('weighted_f1', 0.667), ('accuracy', 0.667)]
    >>> found.confusion.tolist(), found.per_class[0]["recall"]
    ([[1, 1], [0, 1]], 0.5)
    """
    if probabilities is not None and classes is None:
        raise ValueError("probabilities need classes: which class is each of their columns?")
    truth, (predicted,), classes = _codes(y_true, {"y_pred": y_pred}, classes)
    groups, n_groups = _checked_groups(groups, len(truth))
    if probabilities is not None:
        probabilities = np.asarray(probabilities, dtype=float)
    y_true, y_pred = np.array(classes)[truth], np.array(classes)[predicted]
    of_probabilities = classification_metrics(y_true, y_pred, probabilities, classes)
    confusion, n_classes = _confusion(truth, predicted, len(classes)), len(classes)
    values = measure_tallies(_tallies(confusion))
    options = {"n_bootstrap": n_bootstrap, "random_state": random_state}
    found = {
        over: {name: interval(values) for name, values in measure_tallies(drawn).items()}
        for over, (drawn,) in _draws((truth, predicted), groups, n_classes, options).items()
    }
    scores = {
        field: {"value": values[name], "clips": found["clips"][name]}
        | {"groups": found["groups"][name] if "groups" in found else None}
        for name, field in FIELDS.items()
    }
    return ClassScores(
        classes,
        len(truth),
        n_groups,
        scores,
        _per_class(classes, confusion),
        confusion,
        of_probabilities["auroc"],
        of_probabilities["log_loss"],
    )


def compare_classes(
    y_true, first, second, *, groups=None, classes=None, n_bootstrap=2000, random_state=0
):
    """Compare two predictions of the same clips, paired: both are drawn together.

    Parameters
    ----------
    y_true, first, second : array-like of str of shape (n_clips,)
    groups, classes, n_bootstrap, random_state
        As for :func:`score_classes`.

    Returns
    -------
    ClassComparison

    Raises
    ------
    ValueError
        As :func:`score_classes`.

    See Also
    --------
    score_classes : One prediction.
    compare_numbers : Numbers, such as valence.
    lstmfcn.zero_shot.compare_to_zero_shot : A classifier and a model that was only asked.

    Examples
    --------
    >>> from lstmfcn.evaluation import compare_classes
    >>> truth = ["happy", "happy", "sad", "sad"]
    >>> found = compare_classes(truth, truth, ["happy", "sad", "sad", "happy"])
    >>> found.scores["uar"]["difference"], found.only_first, found.only_second, found.p_value
    (0.5, 2, 0, 0.5)
    """
    predictions = {"first": first, "second": second}
    truth, (first, second), classes = _codes(y_true, predictions, classes)
    groups, n_groups = _checked_groups(groups, len(truth))
    pair = [_tallies(_confusion(truth, one, len(classes))) for one in (first, second)]
    options = {"n_bootstrap": n_bootstrap, "random_state": random_state}
    draws = _draws((truth, first, second), groups, len(classes), options)
    found = {over: paired_scores(pair, drawn, SYSTEMS) for over, drawn in draws.items()}
    scores = {}
    for name, field in FIELDS.items():
        score = found["clips"][name]
        scores[field] = {key: score[key] for key in (*SYSTEMS, "difference")}
        scores[field] |= {over: None for over in ("clips", "groups")}
        scores[field] |= {
            over: (one[name]["low"], one[name]["high"]) for over, one in found.items()
        }
    only_first = int(np.sum((first == truth) & (second != truth)))
    only_second = int(np.sum((first != truth) & (second == truth)))
    return ClassComparison(
        classes,
        len(truth),
        n_groups,
        scores,
        only_first,
        only_second,
        mcnemar(only_first, only_second),
        paired_recalls(classes, pair, draws["clips"], SYSTEMS),
    )


def _codes(y_true, predictions, classes):
    """Return the index of the class of each label: of the truth, and of each of the predictions."""
    truth, *answers = _texts({"y_true": y_true, **predictions})
    labels = dict(zip(predictions, answers, strict=True))
    if classes is None:
        classes = np.unique(np.concatenate([truth, *labels.values()])).tolist()
    classes = tuple(_texts({"classes": classes})[0].tolist())
    if len(classes) > MOST_CLASSES:
        raise ValueError(
            f"there are {len(classes)} different labels, such as {classes[0]!r}; choose the column "
            "of classes."
        )
    for name, y in {"y_true": truth, **labels}.items():
        if y.shape != truth.shape or y.ndim != 1 or not len(y):
            raise ValueError(
                f"y_true has the shape {truth.shape}, but {name} {y.shape}; pass one label for "
                "each of the same clips."
            )
        unknown = sorted(set(y.tolist()).difference(classes))
        if unknown:
            raise ValueError(f"{name} holds {listed(unknown)}; expected {', '.join(classes)}.")
    if len(set(truth.tolist())) < 2:
        raise ValueError(
            f"all {len(truth)} clips are {str(truth[0])!r}; scores need clips of at least two "
            "classes."
        )
    index = {name: code for code, name in enumerate(classes)}
    truth, *codes = (np.array([index[y] for y in one]) for one in (truth, *labels.values()))
    return truth, codes, classes


def _texts(named):
    """Return labels as texts by which they can be compared: 1, 1.0 and True are one label."""
    found = [np.asarray(labels) for labels in named.values()]
    kinds = {labels.dtype.kind for labels in found}
    for place, (name, labels) in enumerate(zip(named, found, strict=True)):
        rows = [row for row, label in enumerate(labels.ravel().tolist()) if is_missing(label)]
        if rows:
            raise ValueError(f"{name} has no label in row {rows[0]}; leave such clips out.")
        is_whole = labels.dtype.kind == "f" and (labels == np.rint(labels)).all()
        if is_whole or (labels.dtype.kind == "b" and kinds & set("iuf")):
            found[place] = labels.astype(np.int64)
    return [labels.astype(str) for labels in found]


def _checked_groups(groups, n_clips):
    """Return the groups and how many there are."""
    if groups is None:
        return None, 0
    groups = np.asarray(groups)
    if groups.shape != (n_clips,):
        raise ValueError(f"groups has the shape {groups.shape}; pass one for each of {n_clips}.")
    check_groups(groups)
    return groups, len(np.unique(groups))


def _confusion(truth, predicted, n_classes):
    return count((n_classes, n_classes), truth, predicted)


def _tallies(confusion):
    """Return the tallies of a matrix whose answers are all classes."""
    return tallies(np.pad(confusion, [(0, 0), (0, 1)]))


def _draws(codes, groups, n_classes, options):
    """Return what is drawn -> tallies (n_bootstrap, 3, n_classes) of each prediction.

    ``codes`` are those of the truth, and of one or two predictions.
    """
    cells, where, counts = np.unique(codes, axis=1, return_inverse=True, return_counts=True)
    truth, *predictions = cells  # each (n_cells,): what clips are alike in
    rows, n_cells = np.arange(len(truth)), len(truth)
    ones = np.zeros((n_cells, len(predictions), 3, n_classes))  # what a clip in each cell adds
    for system, predicted in enumerate(predictions):
        ones[rows, system, 0, truth] = predicted == truth
        ones[rows, system, 1, truth] = 1
        ones[rows, system, 2, predicted] = 1
    drawn = {"clips": bootstrap_sums(ones, counts, **options)}
    if groups is not None and len(np.unique(groups)) > 1:
        names, of_group = np.unique(groups, return_inverse=True)
        in_group = count((len(names), n_cells), of_group, where.ravel())
        drawn["groups"] = bootstrap_sums(np.tensordot(in_group, ones, 1), **options)
    return {over: tuple(np.moveaxis(found, 1, 0)) for over, found in drawn.items()}


def _per_class(classes, confusion):
    """Return a row of precision, recall, F1 and support for each class."""
    right, given, support = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)

    def ratio(part, whole):
        return float(part / whole) if whole else None

    return [
        {
            "class": name,
            "precision": ratio(right[i], given[i]),
            "recall": ratio(right[i], support[i]),
            "f1": ratio(2 * right[i], given[i] + support[i]),
            "support": int(support[i]),
        }
        for i, name in enumerate(classes)
    ]
