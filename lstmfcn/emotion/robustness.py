"""How does a score fall as series are corrupted more and more?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np

from lstmfcn.emotion.noise import add_feature_noise, drop_frames, drop_modalities
from lstmfcn.emotion.panels import as_panel, n_rows
from lstmfcn.evaluation.intervals import mean_interval
from lstmfcn.evaluation.metrics import METRICS, classification_metrics
from lstmfcn.validation import check_choice, check_counts, check_labels

__all__ = ["CORRUPTIONS", "RobustnessCurve", "robustness_curve"]

CORRUPTIONS = {
    "noise": "deviation of the noise (of the feature's own)",
    "frames": "share of frames lost",
    "modalities": "probability of each modality to be missing",
}
"""What can be done to series, and what its level means."""


@dataclass(frozen=True, eq=False)
class RobustnessCurve:
    """The scores of one classifier at several levels of a corruption.

    Attributes
    ----------
    levels : float64 ndarray of shape (n_levels,)
    scores : float64 ndarray of shape (n_draws, n_levels)
        One row for each drawing of the corruption.
    metric : str
    corruption : str
        What the levels mean.
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

    The draws of one row are the same at every level, so that a curve is not ragged by chance.

    Parameters
    ----------
    classifier : fitted classifier
    X : array of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints), list of \
arrays of shape (n_channels, n_timepoints_i), or dict of str to one of these
        Test series, as in its `predict`.
    y : array-like of shape (n_samples,)
        Their classes.
    corruption : {"noise", "frames", "modalities"} or callable
        - "noise": Gaussian noise; the level is its deviation in units of `deviation`.
        - "frames": timepoints are replaced by 0, the mean of standardised features; the level is
          the probability of each span, in [0, 1].
        - "modalities": of a dict, whole modalities go missing; the level is the probability of
          each, in [0, 1]. If all were to, one stays.
        - a function of (series of shape (n_channels, n_timepoints), level, rng) that returns such a
          series; of a dict it gets each modality.
    levels : sequence of float
    metric : str, default="weighted_f1"
        One of :data:`lstmfcn.evaluation.METRICS`.
    n_draws : int, default=5
    deviation : array of shape (n_channels,), dict of str to this, or None, default=None
        Deviation of each channel in training; None is 1, that of standardised features.
    span : int, default=1
        Frames that are lost together.
    absent : {"zeros", "none"}, default="zeros"
        What stands in the place of a missing modality: zeros, or None in a list of series, as
        :class:`lstmfcn.emotion.fusion.FusionClassifier` takes it.
    random_state : int, default=0

    Returns
    -------
    RobustnessCurve

    Raises
    ------
    ValueError, TypeError
        On unusable input, in one sentence.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from lstmfcn.emotion.robustness import robustness_curve
    >>> X = np.repeat([[0.0, 0.0], [3.0, 3.0]], 20, axis=0)
    >>> y = np.repeat(["sad", "happy"], 20)
    >>> classifier = KNeighborsClassifier(1).fit(X, y)
    >>> curve = robustness_curve(classifier, X, y, "noise", [0.0, 1.0, 9.0], metric="accuracy")
    >>> curve.scores.shape, float(curve.mean()[0]), bool(curve.mean()[1] > curve.mean()[2])
    ((5, 3), 1.0, True)
    """
    panel = as_panel(X)
    y = check_labels(y, n_rows(panel), type(classifier).__name__)
    check_choice(metric, "metric", tuple(METRICS))
    check_counts(n_draws=n_draws, span=span)
    check_choice(absent, "absent", ("zeros", "none"))
    if not isinstance(corruption, Callable):
        check_choice(corruption, "corruption", tuple(CORRUPTIONS))
    levels = _checked_levels(levels)
    if corruption == "modalities" and not (isinstance(panel, Mapping) and len(panel) > 1):
        raise ValueError(
            "corruption='modalities' needs several modalities to lose one; pass X as a dict of two "
            "or more."
        )
    corrupt = _corruption(corruption, deviation, span, absent)
    scores = np.empty((n_draws, len(levels)))
    for column, level in enumerate(levels):
        for draw in range(n_draws):
            # One generator per series: no level shifts the draws of those behind it.
            corrupted = _corrupted(panel, corrupt, level, (random_state, draw))
            scores[draw, column] = _score(classifier, corrupted, y, metric)
    name = getattr(corruption, "__name__", None) or CORRUPTIONS[corruption]
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
    """Return a function of (panel of one clip, level, rng) that returns such a panel."""

    def unit(name):
        found = deviation.get(name, 1.0) if isinstance(deviation, Mapping) else deviation
        return 1.0 if found is None else found

    def of_series(series, level, rng, name=None):
        frames = series.T.astype(np.float64)  # (T, D)
        if corruption == "noise":
            return add_feature_noise(frames, float(level), unit(name), rng).T
        if corruption == "frames":
            return drop_frames(frames, float(level), rng, span=span).T
        changed = np.asarray(corruption(series, float(level), rng))
        if changed.ndim != 2 or len(changed) != len(series):
            raise ValueError(
                f"the corruption returned an array of shape {changed.shape} for a series of shape "
                f"{series.shape}; expected the same channels."
            )
        return changed

    def of_clip(clip, level, rng):
        if corruption == "modalities":
            frames = {name: series.T.astype(np.float64) for name, series in clip.items()}
            left = drop_modalities(frames, float(level), rng)
            if absent == "none":
                return {n: clip[n] if left[n] is frames[n] else None for n in clip}
            return {name: x.T for name, x in left.items()}
        if isinstance(clip, Mapping):
            return {name: of_series(series, level, rng, name) for name, series in clip.items()}
        return of_series(clip, level, rng)

    return of_clip


def _corrupted(panel, corrupt, level, seed):
    """Return a panel of the same form with every clip corrupted."""
    several = panel if isinstance(panel, Mapping) else {"": panel}
    clips = []
    for row in range(n_rows(panel)):
        clip = {name: np.atleast_2d(series[row]) for name, series in several.items()}
        clip = clip if several is panel else clip[""]
        clips.append(corrupt(clip, level, np.random.default_rng((*seed, row))))
    if several is panel:
        return {name: _like(series, [c[name] for c in clips]) for name, series in panel.items()}
    return _like(panel, clips)


def _like(panel, series):
    """Return series as an array, of as many dimensions, where the panel was one."""
    if not isinstance(panel, np.ndarray) or any(one is None for one in series):
        return series
    stacked = np.stack(series)
    return stacked[:, 0] if panel.ndim == 2 else stacked


def _score(classifier, X, y, metric):
    y_pred = classifier.predict(X)
    probabilities = None
    if metric in ("auroc", "log_loss"):
        probabilities = classifier.predict_proba(X)
    value = classification_metrics(y, y_pred, probabilities, getattr(classifier, "classes_", None))
    if not isinstance(value[metric], Real):
        raise ValueError(f"the labels have no {metric}; choose another metric.")
    return value[metric]
