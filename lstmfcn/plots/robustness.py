"""How well does each classifier withstand noise, or losses? Scores over the level of corruption."""

import numpy as np

from lstmfcn.evaluation.intervals import mean_interval
from lstmfcn.evaluation.robustness import robustness_curve
from lstmfcn.plots.display import DARK_GREY, AxesDisplay, floats, plain, style_of


class RobustnessDisplay(AxesDisplay):
    """A line per classifier: its mean score at each level, and Student's 95 % interval over runs.

    Parameters
    ----------
    levels : array-like of shape (n_levels,)
        Ascending.
    scores : dict of str to array-like of shape (n_runs, n_levels)
        Name to scores, a row for each run: seeds, or draws of the corruption.
    corruption : str, default="level"
        What the levels mean.
    metric : str, default="weighted F1"
    references : dict of str to float, optional
        Scores on recordings, such as noisy test clips; horizontal lines.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure, after :meth:`plot`

    See Also
    --------
    lstmfcn.evaluation.robustness.robustness_curve : Measures the scores.

    Examples
    --------
    >>> from lstmfcn.plots import RobustnessDisplay
    >>> scores = {"LSTM-FCN": [[0.8, 0.7, 0.4], [0.9, 0.7, 0.5]]}
    >>> display = RobustnessDisplay([0.0, 0.5, 1.0], scores).plot()
    >>> display.ax_.lines[0].get_ydata().round(2).tolist()
    [0.85, 0.7, 0.45]
    """

    def __init__(
        self, levels, scores, *, corruption="level", metric="weighted F1", references=None
    ):
        self.levels = floats(levels, "levels")
        if self.levels.ndim != 1 or not len(self.levels) or not (np.diff(self.levels) > 0).all():
            raise ValueError("levels must be one or more numbers in ascending order.")
        if not scores:
            raise ValueError("there are no scores to draw; pass those of at least one classifier.")
        self.scores = {str(name): np.atleast_2d(floats(s, "scores")) for name, s in scores.items()}
        for name, values in self.scores.items():
            if values.ndim != 2 or values.shape[1] != len(self.levels):
                raise ValueError(
                    f"the scores of {name!r} have shape {values.shape}; pass (n_runs, "
                    f"{len(self.levels)}), one column for each level."
                )
            if not np.isfinite(values).all():
                raise ValueError(
                    f"the scores of {name!r} hold NaN or infinity; leave such runs out."
                )
        self.corruption, self.metric, self.references = corruption, metric, dict(references or {})

    @classmethod
    def from_curves(cls, curves, *, references=None):
        """Draw what :func:`lstmfcn.evaluation.robustness.robustness_curve` measured.

        Parameters
        ----------
        curves : dict of str to RobustnessCurve, or to a list of them
            Of the same levels; of a list, each is a run, by its mean over the draws.
        references : dict of str to float, optional
        """
        lists = {name: c if isinstance(c, list | tuple) else [c] for name, c in curves.items()}
        first = next((curve for runs in lists.values() for curve in runs), None)
        if first is None:
            raise ValueError("there are no curves to draw; pass at least one.")
        scores = {}
        for name, runs in lists.items():
            if not all(np.array_equal(curve.levels, first.levels) for curve in runs):
                raise ValueError(f"{name!r} was measured at other levels; measure it again.")
            for what in ("metric", "corruption"):
                others = {getattr(curve, what) for curve in runs} - {getattr(first, what)}
                if others:
                    raise ValueError(
                        f"{name!r} has the {what} {others.pop()!r}, and the first curve "
                        f"{getattr(first, what)!r}; draw them apart."
                    )
            is_one = runs is not curves[name]
            scores[name] = runs[0].scores if is_one else [curve.mean() for curve in runs]
        metric = first.metric.replace("_", " ").replace(" f1", " F1")
        words = {"corruption": first.corruption, "metric": metric}
        return cls(first.levels, scores, references=references, **words)

    @classmethod
    def from_estimators(
        cls,
        estimators,
        X,
        y,
        corruption,
        levels,
        *,
        metric="weighted_f1",
        n_draws=5,
        random_state=0,
        references=None,
    ):
        """Measure classifiers on the same corrupted series.

        Parameters
        ----------
        estimators : dict of str to fitted classifier
        X, y, corruption, levels, metric, n_draws, random_state
            As for :func:`lstmfcn.evaluation.robustness.robustness_curve`.
        references : dict of str to float, optional
        """
        settings = {"metric": metric, "n_draws": n_draws, "random_state": random_state}
        curves = {
            name: robustness_curve(estimator, X, y, corruption, levels, **settings)
            for name, estimator in estimators.items()
        }
        return cls.from_curves(curves, references=references)

    def _size(self):
        return 6.5, 4

    def _draw(self, ax):
        for i, (name, values) in enumerate(self.scores.items()):
            style, (low, high) = style_of(i), mean_interval(values)
            shade = {"color": style["color"], "alpha": 0.2, "linewidth": 0}
            if np.isfinite(low).all():
                ax.fill_between(self.levels, low, high, **shade)
            label = plain(name) + (f" ({len(values)} runs)" if len(values) > 1 else "")
            style |= {"label": label, "markersize": 4, "linewidth": 1.5}
            ax.plot(self.levels, values.mean(axis=0), **style)
        for name, score in self.references.items():
            ax.axhline(score, color=DARK_GREY, linestyle="--", linewidth=1.0, label=plain(name))
        scores = [*self.scores.values(), [*self.references.values()]]
        highest = max((np.max(some) for some in scores if np.size(some)), default=1.0)
        ax.set_ylim(0, 1.02 if highest <= 1 else None)  # a log loss may be higher
        ax.set_xlabel(plain(self.corruption, 70))
        ax.set_ylabel(plain(self.metric))
        ax.grid(axis="y", color="#e4e4e4")
        ax.set_axisbelow(True)
        ax.legend(fontsize="small", frameon=False, loc="lower left")
