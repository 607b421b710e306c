"""Does a map show the evidence of a decision? Four tests of maps.

They delete evidence, insert evidence, compare with known evidence, or randomise weights. Deletion
and insertion take any classifier with ``predict_proba``, and maps as plain arrays.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.stats import rankdata

from lstmfcn.progress import tqdm
from lstmfcn.validation import (
    as_numbers,
    as_series,
    brief,
    check_choice,
    check_counts,
    check_labels,
    check_random_state,
    encode_labels,
)

BASELINES = ("zero", "mean", "local_mean", "noise")
FRACTIONS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75)
N_BOOTSTRAP = 2000
LOCAL_WIDTH = 0.2  # of the series' length: width of the moving average of "local_mean"


@dataclass(frozen=True)
class Faithfulness:
    """How the probability of a class changes as its evidence is deleted or inserted.

    Parameters
    ----------
    fractions : ndarray of shape (n_fractions,)
        Fraction of each series that was replaced (deletion) or kept (insertion), in [0, 1].
    probability : ndarray of shape (n_samples,)
        Probability of the class for the whole series.
    deletion, insertion : dict of (map, baseline) to ndarray of shape (n_samples, n_fractions)
        Probability after the most relevant fraction was replaced by the baseline (deletion), or was
        alone kept (insertion). The map ``"random"`` ranks timepoints in random order. The map
        ``"NAME, shifted"`` is a map rolled in time by a random distance.

    See Also
    --------
    faithfulness : measures it.
    """

    fractions: np.ndarray
    probability: np.ndarray
    deletion: dict
    insertion: dict

    @property
    def maps(self):
        """Names of the maps, in their given order."""
        return list(dict.fromkeys(name for name, _ in self.deletion))

    @property
    def baselines(self):
        """Names of the baselines."""
        return list(dict.fromkeys(baseline for _, baseline in self.deletion))

    def drop(self, name, fraction=0.2, baseline=None):
        """Return the drop of the probability when a fraction is deleted, shape (n_samples,).

        ``name`` is a map, and ``fraction`` one of ``fractions``. Without a ``baseline`` the drop is
        the mean over the baselines.
        """
        check_choice(name, "name", self.maps)
        column = self._column(fraction)
        left = [self.deletion[name, one][:, column] for one in self._chosen(baseline)]
        return self.probability - np.mean(left, axis=0)

    def ratio(self, name, against="random", fraction=0.2, baseline=None, *, confidence=0.95):
        """Compare the mean drops of two maps.

        Deletion of scattered timepoints leaves artificial spikes, and convolutions react to them.
        The drop of ``"random"`` therefore also measures this reaction. ``"shifted"`` deletes
        stretches of the same lengths at other places: compare with it to test whether the map
        points to the right places.

        Parameters
        ----------
        name, against : str
            Two maps; ``against="shifted"`` is the map ``name``, shifted.
        fraction, baseline : as in :meth:`drop`
        confidence : float, default=0.95

        Returns
        -------
        ratio, low, high : float
            Ratio and ends of its percentile bootstrap interval over series. Where the mean drop of
            ``against`` is not above zero, a ratio is infinite, or NaN if that of ``name`` is not
            either. Draws whose ratio is NaN are left out.
        """
        if isinstance(against, str) and against == "shifted":
            against = f"{name}, shifted"
        ours, theirs = (self.drop(map_, fraction, baseline) for map_ in (name, against))
        ends, weights = _bootstrap(confidence, len(ours))
        value, ratios = _ratio(ours.mean(), theirs.mean()), _ratio(weights @ ours, weights @ theirs)
        ratios = ratios[~np.isnan(ratios)]
        if not len(ratios):
            return float(value), np.nan, np.nan
        # Between infinity and a number there is nothing.
        methods = ("linear", "linear") if np.isfinite(ratios).all() else ("lower", "higher")
        low, high = (
            float(np.quantile(ratios, end, method=method))
            for end, method in zip(ends, methods, strict=True)
        )
        return float(value), low, high

    def curve(self, name, kind="deletion", baseline=None, *, confidence=0.95):
        """Return mean probabilities and the ends of bootstrap intervals, shape (n_fractions,)."""
        check_choice(name, "name", self.maps)
        check_choice(kind, "kind", ("deletion", "insertion"))
        curves = self.deletion if kind == "deletion" else self.insertion
        values = np.mean([curves[name, one] for one in self._chosen(baseline)], axis=0)
        ends, weights = _bootstrap(confidence, len(values))
        low, high = np.quantile(weights @ values, ends, axis=0)
        return values.mean(axis=0), low, high

    def __repr__(self):
        return (
            f"<Faithfulness of {len(self.maps)} maps ({'; '.join(self.maps)}) on "
            f"{len(self.probability)} series>"
        )

    def to_pandas(self, fraction=0.2):
        """Return :meth:`summary` as a data frame, a row per map and baseline."""
        import pandas as pd

        return pd.DataFrame(self.summary(fraction))

    def summary(self, fraction=0.2):
        """Return one dict per map and baseline, the mean over baselines ("all") last.

        Its keys are ``map``, ``baseline``, ``drop`` (mean drop of the probability), ``ratio``,
        ``low``, ``high`` (against random), and ``insertion`` (mean probability with this fraction
        alone).
        """
        column, rows = self._column(fraction), []
        for name, baseline in itertools.product(self.maps, [*self.baselines, None]):
            kept = [self.insertion[name, one][:, column] for one in self._chosen(baseline)]
            row = {"map": name, "baseline": baseline or "all"}
            row["drop"] = float(self.drop(name, fraction, baseline).mean())
            row["ratio"], row["low"], row["high"] = self.ratio(name, "random", fraction, baseline)
            rows.append({**row, "insertion": float(np.mean(kept))})
        return rows

    def _chosen(self, baseline):
        check_choice(baseline, "baseline", [None, *self.baselines])
        return self.baselines if baseline is None else [baseline]

    def _column(self, fraction):
        is_one = isinstance(fraction, Real) and 0 < fraction < 1
        columns = np.flatnonzero(np.isclose(self.fractions, fraction)) if is_one else ()
        if not len(columns):
            raise ValueError(
                f"fraction={brief(fraction)} was not measured; choose one of "
                f"{', '.join(f'{value:g}' for value in self.fractions)}."
            )
        return columns[0]


def faithfulness(
    estimator,
    X,
    maps,
    y=None,
    *,
    baselines=("zero", "local_mean", "noise"),
    fractions=FRACTIONS,
    n_random=3,
    random_state=None,
    verbose=0,
):
    """Measure whether deleting the most relevant timepoints of a map changes the probability.

    Deletion replaces the most relevant fraction by a baseline. Insertion keeps this fraction and
    replaces the rest. With a faithful map the probability of the class falls fast under deletion
    and rises fast under insertion.

    Parameters
    ----------
    estimator : fitted classifier
        With ``predict_proba`` and ``classes_``. If it has ``gradient_map``, this map is measured as
        well, under "gradient x input".
    X : as in its ``predict``
    maps : ndarray or dict of str to ndarray
        Of shape (n_samples, n_timepoints), or (n_samples, n_channels, n_timepoints) to rank values
        of channels separately. For series of unequal length a map has as many timepoints as the
        longest series, as the classifier's own maps do.
    y : array-like of shape (n_samples,), optional
        The class whose probability is measured; by default the predicted class.
    baselines : sequence of {"zero", "mean", "local_mean", "noise"}
        Values that replace deleted ones. "zero": 0. "mean": the channel's mean over X.
        "local_mean": a moving average over a fifth of the series. "noise": Gaussian noise with the
        channel's mean and standard deviation over X.
    fractions : sequence of float in (0, 1)
    n_random : int, default=3
        Number of random orders, and of random shifts, that are averaged.
    random_state : int, RandomState or None, default=None
    verbose : int, default=0
        1: a progress bar.

    Returns
    -------
    Faithfulness

    Raises
    ------
    ValueError, TypeError
        If maps do not fit the series, or have the name of one that is made here.

    See Also
    --------
    randomization_test : does a map depend on the weights?
    pointing_game, mass_in_window : does a map show evidence that is known?

    References
    ----------
    Samek, Binder, Montavon, Lapuschkin, Mueller, "Evaluating the visualization of what a Deep
    Neural Network has learned", 2017, arXiv:1509.06321. Petsiuk, Das, Saenko, "RISE", 2018,
    arXiv:1806.07421. For series: Schlegel, Arnout, El-Assady, Oelke, Keim, "Towards a Rigorous
    Evaluation of XAI Methods on Time Series", 2019, arXiv:1909.07082.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from lstmfcn.evaluation import faithfulness
    >>> X = np.random.RandomState(0).normal(size=(20, 10))
    >>> classifier = LogisticRegression().fit(X, X[:, 5] > 0)
    >>> truth = np.tile(np.arange(10) == 5, (20, 1))
    >>> result = faithfulness(classifier, X, truth, baselines=["zero"], random_state=0)
    >>> bool(result.drop("map", 0.1).mean() > result.drop("random", 0.1).mean())
    True
    """
    check_counts(most=1000, n_random=n_random)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(f"{type(estimator).__name__} has no predict_proba; pass a classifier.")
    fractions = _check_fractions(fractions)
    if not isinstance(baselines, Sequence) or isinstance(baselines, str) or not baselines:
        raise ValueError(f"baselines={brief(baselines)} must be a list of {', '.join(BASELINES)}.")
    for name in baselines:
        check_choice(name, "one of baselines", BASELINES)
    random = check_random_state(random_state)
    series = as_series(X)
    has_no_channels = not isinstance(series, list) and np.ndim(X) == 2
    probabilities = estimator.predict_proba(X)
    columns = probabilities.argmax(axis=1)
    if y is not None:
        name = type(estimator).__name__
        classes, y = np.asarray(estimator.classes_), check_labels(y, len(series), name)
        columns = encode_labels(y, classes, name, "Leave their series out.")
    maps = dict(maps) if isinstance(maps, dict) else {"map": maps}
    if not maps:
        raise ValueError("maps is empty; pass at least one map.")
    for name in ("random", *(f"{name}, shifted" for name in maps)):
        if name in maps:
            raise ValueError(f"a map is called {name!r}, as one that is made here; rename it.")
    if hasattr(estimator, "gradient_map") and "gradient x input" not in maps:
        maps["gradient x input"] = estimator.gradient_map(X, estimator.classes_[columns])
    mode = getattr(estimator, "unequal_length_in_", None)
    ranks = {
        name: [_ranks(one, random) for one in _align(name, values, series, mode, estimator)]
        for name, values in maps.items()
    }
    ties = [np.zeros((1, one.shape[1])) for one in series]
    orders = {name: [rank] for name, rank in ranks.items()}
    orders["random"] = [[_ranks(one, random) for one in ties] for _ in range(n_random)]
    orders |= {
        f"{name}, shifted": [
            [np.roll(one, random.randint(1, max(2, one.shape[-1])), axis=-1) for one in rank]
            for _ in range(n_random)
        ]
        for name, rank in ranks.items()
    }
    replacements = _replacements(series, baselines, random)
    deletion, insertion = {}, {}
    n_passes = 2 * len(baselines) * len(fractions) * sum(map(len, orders.values()))
    with tqdm(total=n_passes, desc="faithfulness", disable=not verbose) as bar:

        def answer(rank, fraction, replacement, keep):
            changed = [  # at least one entry is deleted or kept
                np.where((order < max(1, round(fraction * order.size))) ^ keep, other, one)
                for one, order, other in zip(series, rank, replacement, strict=True)
            ]
            if not isinstance(series, list):
                changed = np.stack(changed)
            after = estimator.predict_proba(changed[:, 0] if has_no_channels else changed)
            bar.update()
            return after[np.arange(len(columns)), columns]

        for name, baseline in itertools.product(orders, baselines):
            for curves, keep in ((deletion, False), (insertion, True)):
                answers = [
                    [answer(rank, fraction, replacements[baseline], keep) for fraction in fractions]
                    for rank in orders[name]
                ]
                curves[name, baseline] = np.mean(answers, axis=0).T
    probability = probabilities[np.arange(len(columns)), columns]
    return Faithfulness(np.array(fractions), probability, deletion, insertion)


def pointing_game(relevance, windows):
    """Return for each series whether the most relevant timepoint lies in the true evidence.

    Parameters
    ----------
    relevance, windows : array-like of shape (n_samples, n_timepoints)
        Or (n_samples, n_channels, n_timepoints): a map, and True where the evidence lies.

    Returns
    -------
    bool ndarray of shape (n_samples,)

    See Also
    --------
    mass_in_window

    References
    ----------
    Zhang, Lin, Brandt, Shen, Sclaroff, "Top-down Neural Attention by Excitation Backprop", 2016,
    arXiv:1608.00507.

    Examples
    --------
    >>> from lstmfcn.evaluation import pointing_game
    >>> pointing_game([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]], [[0, 1, 1], [0, 1, 1]]).tolist()
    [True, False]
    """
    relevance, windows = _flat(relevance, windows)
    return windows[np.arange(len(relevance)), relevance.argmax(axis=1)]


def mass_in_window(relevance, windows):
    """Return the fraction of each map's positive part that lies in the true evidence.

    Parameters
    ----------
    relevance, windows : array-like of shape (n_samples, n_timepoints)
        Or (n_samples, n_channels, n_timepoints): a map, and True where the evidence lies.

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, 1]; 0 for a map without a positive part.

    See Also
    --------
    pointing_game

    Examples
    --------
    >>> from lstmfcn.evaluation import mass_in_window
    >>> mass_in_window([[0.1, 0.7, 0.2], [-0.5, 0.0, 0.0]], [[0, 1, 0], [0, 1, 0]]).tolist()
    [0.7, 0.0]
    """
    relevance, windows = _flat(relevance, windows)
    positive = np.maximum(relevance, 0.0)
    total = positive.sum(axis=1)
    inside = np.where(windows, positive, 0.0).sum(axis=1)
    return np.divide(inside, total, out=np.zeros(len(total)), where=total > 0)


def randomization_test(estimator, X, method="attention_map", *, n_random=3, random_state=None):
    """Compare a map with the same map of networks that have random weights.

    A map that hardly changes shows properties of the series, not of the trained network.

    Parameters
    ----------
    estimator : fitted classifier of this package
    X : as in its ``predict``
    method : str, default="attention_map"
        The name of the method that makes the map.
    n_random : int, default=3
        Number of random networks that are averaged.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    ndarray of shape (n_samples,)
        Spearman's rank correlation of the two maps, averaged over the random networks. It is 1 for
        equal maps, and about 0 for unrelated maps.

    See Also
    --------
    faithfulness

    References
    ----------
    Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim, "Sanity Checks for Saliency Maps", 2018,
    arXiv:1810.03292.
    """
    check_counts(most=1000, n_random=n_random)
    random = check_random_state(random_state)
    if not isinstance(method, str) or not hasattr(estimator, method):
        raise ValueError(
            f"{type(estimator).__name__} has no method={brief(method)}; pass one that makes maps, "
            "such as 'class_activation_map'."
        )
    names = estimator.classes_[estimator.predict_proba(X).argmax(axis=1)]
    arguments = () if method == "attention_map" else (names,)
    ours = getattr(estimator, method)(X, *arguments)
    lengths = np.full(len(ours), ours.shape[1])
    if estimator.unequal_length_in_ == "pad":
        lengths = np.array([one.shape[1] for one in as_series(X)])
    correlations = np.empty((n_random, len(ours)))
    for found in correlations:
        other = estimator.with_random_weights(random.randint(2**31 - 1))
        theirs = getattr(other, method)(X, *arguments)
        for length in np.unique(lengths):  # padding, where maps are 0, would make them alike
            rows = np.flatnonzero(lengths == length)
            ranks = (rankdata(one[rows, :length], axis=1) for one in (ours, theirs))
            found[rows] = _correlation(*ranks)
    return correlations.mean(axis=0)


def _correlation(a, b):
    """Pearson's correlation row by row; 1 for two constant rows, 0 for one."""
    a, b = (values - values.mean(axis=1, keepdims=True) for values in (a, b))
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    both_constant = (np.abs(a).max(axis=1) == 0) & (np.abs(b).max(axis=1) == 0)
    product = (a * b).sum(axis=1)
    return np.divide(product, size, out=both_constant.astype(float), where=size > 0)


def _ratio(ours, theirs):
    """Divide drops; where theirs is not above 0: infinity if ours is, else NaN."""
    divisor = np.where(theirs > 0, theirs, 1.0)
    return np.where(theirs > 0, ours / divisor, np.where(ours > 0, np.inf, np.nan))


def _bootstrap(confidence, n_samples):
    """Return the quantiles of an interval, and sample weights, (N_BOOTSTRAP, n_samples)."""
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise ValueError(f"confidence={brief(confidence)} must be a number between 0 and 1.")
    tail, even = (1 - confidence) / 2, np.full(n_samples, 1 / n_samples)
    counts = np.random.RandomState(0).multinomial(n_samples, even, size=N_BOOTSTRAP)
    return [tail, 1 - tail], counts / n_samples


def _check_fractions(fractions):
    expected = "numbers between 0 and 1"
    values = np.atleast_1d(as_numbers(fractions, "fractions", f"pass {expected}")).astype(float)
    if values.ndim != 1 or not len(values) or not ((values > 0) & (values < 1)).all():
        raise ValueError(f"fractions={brief(fractions)} must be {expected}.")
    return values


def _align(name, values, series, mode, estimator):
    """Return the relevance of each series, (n_channels or 1, T_i).

    ``mode`` is how the classifier takes series of other lengths: "pad", "resample" or None.
    """
    expected = (
        "pass (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints), with one row "
        f"for each of the {len(series)} series"
    )
    values = as_numbers(values, f"the map {name!r}", expected).astype(float)
    if values.ndim not in (2, 3) or len(values) != len(series):
        raise ValueError(f"the map {name!r} has shape {values.shape}; {expected}.")
    if not np.isfinite(values).all():
        raise ValueError(f"the map {name!r} contains NaN or infinity.")
    if values.ndim == 2:
        values = values[:, np.newaxis]
    n_columns, unequal = values.shape[2], isinstance(series, list) or mode == "pad"
    longest = max(one.shape[1] for one in series)
    if unequal and n_columns not in (longest, getattr(estimator, "n_timepoints_in_", longest)):
        raise ValueError(
            f"the map {name!r} has {n_columns} timepoints, but the longest series {longest}; pass "
            "as many, as the classifier's own maps have."
        )
    aligned = []
    for one, relevance in zip(series, values, strict=True):
        length = one.shape[1]
        if mode == "resample" and length != n_columns:
            old, new = (np.linspace(0.0, 1.0, n) for n in (n_columns, length))
            relevance = np.stack([np.interp(new, old, channel) for channel in relevance])
        elif unequal:  # an end that the classifier cut off is the least relevant
            missing, least = max(0, length - n_columns), relevance.min() - 1.0
            relevance = np.pad(relevance[:, :length], ((0, 0), (0, missing)), constant_values=least)
        if relevance.shape[1] != length or len(relevance) not in (1, len(one)):
            raise ValueError(
                f"the map {name!r} has {relevance.shape[1]} timepoints and {len(relevance)} "
                f"channels, but the series have {length} and {len(one)}."
            )
        aligned.append(relevance)
    return aligned


def _ranks(relevance, random):
    """Return 0 for the most relevant entry, 1 for the next; ties in random order."""
    flat = relevance.ravel()
    shuffled = random.permutation(len(flat))
    order = shuffled[np.argsort(-flat[shuffled], kind="stable")]
    return np.argsort(order).reshape(relevance.shape)


def _replacements(series, baselines, random):
    """Return the replacements of deleted values, per baseline and series: (n_channels, T_i)."""
    everything = np.concatenate([one.astype(float) for one in series], axis=1)
    mean, sd = (f(everything, axis=1, keepdims=True) for f in (np.mean, np.std))

    def local_mean(one):
        width = max(3, round(LOCAL_WIDTH * one.shape[1]))
        return uniform_filter1d(one.astype(float), width, axis=1, mode="nearest")

    make = {
        "zero": lambda one: np.zeros(one.shape),
        "mean": lambda one: np.broadcast_to(mean, one.shape),
        "local_mean": local_mean,
        "noise": lambda one: mean + sd * random.normal(size=one.shape),
    }
    return {baseline: [make[baseline](one) for one in series] for baseline in baselines}


def _flat(relevance, windows):
    expected = "pass an array of shape (n_samples, n_timepoints)"
    relevance = as_numbers(relevance, "relevance", expected).astype(float)
    windows = as_numbers(windows, "windows", expected).astype(bool)
    if not np.isfinite(relevance).all():
        raise ValueError("relevance contains NaN or infinity; leave such maps out.")
    if relevance.shape != windows.shape or relevance.ndim < 2 or not relevance.size:
        raise ValueError(
            f"relevance has shape {relevance.shape} and windows {windows.shape}; pass two arrays "
            "of shape (n_samples, n_timepoints)."
        )
    return relevance.reshape(len(relevance), -1), windows.reshape(len(windows), -1)
