"""How does a score fall as series are corrupted more and more?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lstmfcn.evaluation.intervals import mean_interval
from lstmfcn.evaluation.metrics import METRICS, classification_metrics
from lstmfcn.meta.corruption import add_feature_noise, drop_frames, drop_modalities
from lstmfcn.meta.rows import check_rows, n_rows
from lstmfcn.untrusted import listed
from lstmfcn.validation import check_choice, check_counts, check_labels

CORRUPTIONS = {
    "noise": "standard deviation of the noise (of the feature's own)",
    "frames": "fraction of frames lost",
    "modalities": "probability of each modality to be missing",
}
"""Kind of corruption -> the meaning of its level."""


@dataclass(frozen=True, eq=False)
class RobustnessCurve:
    """The scores of one classifier at several levels of a corruption.

    Attributes
    ----------
    levels : float64 ndarray of shape (n_levels,)
    scores : float64 ndarray of shape (n_draws, n_levels)
    metric, corruption : str
        The score, and the meaning of the levels.

    See Also
    --------
    robustness_curve : measures it.
    """

    levels: np.ndarray
    scores: np.ndarray
    metric: str
    corruption: str

    def mean(self):
        """Return the mean score of each level over the draws: shape (n_levels,)."""
        return self.scores.mean(axis=0)

    def interval(self, confidence=0.95):
        """Return Student's interval of the mean over the draws, two arrays of shape (n_levels,)."""
        return mean_interval(self.scores, confidence)


def robustness_curve(
    classifier,
    X,
    y,
    corruption,
    levels,
    *,
    metric="weighted_f1",
    n_draws=5,
    deviation=None,
    span=1,
    absent="zeros",
    random_state=0,
):
    """Score a classifier on series that are corrupted more and more.

    One draw uses the same random numbers at every level, so that chance does not bend its curve.

    Parameters
    ----------
    classifier : fitted classifier
    X : array or list of series, as in its ``predict``, or dict of str to these
    y : array-like of shape (n_samples,)
    corruption : {"noise", "frames", "modalities"} or callable
        - "noise": Gaussian noise; the level is its standard deviation in units of `deviation`.
        - "frames": timepoints are replaced by 0, the mean of standardised features; the level is
          the probability to lose a span, in [0, 1].
        - "modalities": whole modalities of a dict go missing; the level is the probability to lose
          a modality, in [0, 1]. A clip keeps at least one modality.
        - a function of (series of shape (n_channels, n_timepoints), level, rng) that returns such a
          series; for a dict it is called with each modality.
    levels : sequence of float
    metric : str, default="weighted_f1"
        One of :data:`lstmfcn.evaluation.METRICS`.
    n_draws : int, default=5
    deviation : array of shape (n_channels,), dict of str to this, or None, default=None
        Standard deviation of each channel in the training data; None is 1, as for standardised
        features.
    span : int, default=1
        Frames that are lost together.
    absent : {"zeros", "none"}, default="zeros"
        What replaces a missing modality: zeros, or None in a list of series, as
        :class:`lstmfcn.multimodal.FusionClassifier` takes it.
    random_state : int, default=0

    Returns
    -------
    RobustnessCurve

    See Also
    --------
    lstmfcn.plots.RobustnessDisplay : draws curves.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from lstmfcn.evaluation import robustness_curve
    >>> X, y = np.repeat([[0.0, 0.0], [3.0, 3.0]], 20, axis=0), np.repeat(["sad", "happy"], 20)
    >>> classifier = KNeighborsClassifier(1).fit(X, y)
    >>> curve = robustness_curve(classifier, X, y, "noise", [0.0, 1.0, 9.0], metric="accuracy")
    >>> curve.scores.shape, float(curve.mean()[0]), bool(curve.mean()[1] > curve.mean()[2])
    ((5, 3), 1.0, True)
    """
    X = check_rows(X)
    y = check_labels(y, n_rows(X), type(classifier).__name__)
    check_choice(metric, "metric", tuple(METRICS))
    check_counts(n_draws=n_draws, span=span)
    check_choice(absent, "absent", ("zeros", "none"))
    if not isinstance(corruption, Callable):
        check_choice(corruption, "corruption", tuple(CORRUPTIONS))
    levels = _checked_levels(levels)
    check_counts(least=0, random_state=random_state)
    if isinstance(deviation, Mapping) and isinstance(X, Mapping) and deviation.keys() - X.keys():
        raise ValueError(
            f"deviation names {listed(deviation.keys() - X.keys())}, but the modalities are "
            f"{', '.join(X)}."
        )
    if corruption == "modalities" and not (isinstance(X, Mapping) and len(X) > 1):
        raise ValueError(
            "corruption='modalities' needs several modalities to lose one; pass X as a dict of two "
            "or more."
        )
    corrupt = _corruption(corruption, deviation, span, absent)
    scores = np.empty((n_draws, len(levels)))
    for column, level in enumerate(levels):
        for draw in range(n_draws):
            # One generator per series: no level shifts the draws of later series.
            corrupted = _corrupted(X, corrupt, float(level), (random_state, draw))
            scores[draw, column] = _score(classifier, corrupted, y, metric)
    name = CORRUPTIONS[corruption] if isinstance(corruption, str) else None
    name = name or getattr(corruption, "__name__", type(corruption).__name__)
    return RobustnessCurve(levels, scores, metric, name)


def _checked_levels(levels):
    try:
        levels = np.asarray(list(levels), dtype=np.float64)
    except (TypeError, ValueError):
        levels = np.array([np.nan])
    if levels.ndim != 1 or not len(levels) or not np.isfinite(levels).all():
        raise ValueError("levels is not a sequence of finite numbers; pass at least one.")
    return levels


def _corruption(corruption, deviation, span, absent):
    """Return a function of (dict of name to (C, T) array, level, rng) that returns such a dict."""

    def of_series(name, series, level, rng):
        frames = series.T.astype(np.float64)  # (T, D)
        if corruption == "noise":
            unit = deviation.get(name) if isinstance(deviation, Mapping) else deviation
            return add_feature_noise(frames, level, 1.0 if unit is None else unit, rng).T
        if corruption == "frames":
            return drop_frames(frames, level, rng, span=span).T
        changed = np.asarray(corruption(series, level, rng))
        if changed.ndim != 2 or len(changed) != len(series):
            raise ValueError(
                f"the corruption returned an array of shape {changed.shape} for a series of shape "
                f"{series.shape}; expected the same channels."
            )
        return changed

    def of_clip(clip, level, rng):
        if corruption != "modalities":
            return {name: of_series(name, series, level, rng) for name, series in clip.items()}
        floats = {name: series.astype(np.float64) for name, series in clip.items()}
        left = drop_modalities(floats, level, rng)
        if absent == "none":
            return {name: clip[name] if left[name] is floats[name] else None for name in clip}
        return left

    return of_clip


def _corrupted(X, corrupt, level, seed):
    """Return series of the same form as X with every clip corrupted."""
    modalities = X if isinstance(X, Mapping) else {"": X}
    clips = []
    for row in range(n_rows(X)):
        clip = {name: np.atleast_2d(series[row]) for name, series in modalities.items()}
        clips.append(corrupt(clip, level, np.random.default_rng((*seed, row))))
    changed = {name: _like(one, [c[name] for c in clips]) for name, one in modalities.items()}
    return changed if modalities is X else changed[""]


def _like(original, series):
    """Return series as an array of as many dimensions where the original is an array."""
    if not isinstance(original, np.ndarray) or any(one is None for one in series):
        return series
    stacked = np.stack(series)
    return stacked[:, 0] if original.ndim == 2 else stacked


def _score(classifier, X, y, metric):
    y_pred, needs_probabilities = classifier.predict(X), metric in ("auroc", "log_loss")
    probabilities = classifier.predict_proba(X) if needs_probabilities else None
    classes = getattr(classifier, "classes_", None)
    score = classification_metrics(y, y_pred, probabilities, classes)[metric]
    if score is None:
        raise ValueError(f"the labels have no {metric}; choose another metric.")
    return score
