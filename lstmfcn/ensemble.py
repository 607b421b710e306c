"""How do several networks decide as one classifier? By the mean of their logits."""

import contextvars
import copy
import os
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from numbers import Integral
from pathlib import Path

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.utils.metaestimators import available_if

from lstmfcn import model_file, validation
from lstmfcn.all_or_nothing import changed_at_once, of_one_fit
from lstmfcn.base import LogitClassifier
from lstmfcn.classifiers import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.explain import Explanation
from lstmfcn.fitting import check_parameters
from lstmfcn.progress import parts_of, tqdm
from lstmfcn.untrusted import listed
from lstmfcn.validation import Interval, StrOptions

KINDS = (LSTMFCNClassifier, ALSTMFCNClassifier, FCNClassifier)
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total} members [{elapsed}<{remaining}{postfix}]"
# Parameters that no variant has. Maps of members are means, so their timepoints must be the same.
OF_ALL = ("callbacks", "checkpoint", "random_state", "unequal_length", "verbose")


def _members_attend(ensemble):
    kind = ensemble.estimators_[0] if hasattr(ensemble, "estimators_") else ensemble.estimator
    if not hasattr(kind, "attention_map"):
        raise AttributeError(
            "these networks have no attention; fit with estimator=ALSTMFCNClassifier()."
        )
    return True


def _of_first(name, doc):
    """Return a property that the members have in common; missing before fit."""

    def get(self):
        if "estimators_" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.estimators_[0], name)

    return property(get, doc=doc)


class LSTMFCNEnsemble(LogitClassifier):
    """Several networks as one classifier: different seeds and depths, one decision.

    The logits of the ensemble are the mean of its members' logits. Explanations and maps are means,
    too. Networks with different initial weights or depths make different errors, and averaging
    cancels some of them. To verify maps by deletion, pass an ``ALSTMFCNClassifier()``, which is
    trained on series with gaps.

    Parameters
    ----------
    estimator : LSTMFCNClassifier, ALSTMFCNClassifier, FCNClassifier or None, default=None
        Each member is a clone of this classifier, with a ``random_state`` of its own and without
        its ``verbose``. None: ``LSTMFCNClassifier()``.
    n_estimators : int, default=4
        Number of members.
    variants : "auto", sequence of dict or None, default="auto"
        Parameters in which members differ, besides their seed. Member k takes entry k; the entries
        repeat if there are more members. ``"auto"``: every second member has one more block, as
        wide as the first block. None: members differ in their seed alone.
    n_jobs : int or None, default=None
        Number of members trained at once, in threads. None: one; -1: one per core. The result does
        not depend on it. Members that share a callback, which cannot be copied, train in turn.
    checkpoint : path-like or None, default=None
        Folder for the state of a running ``fit`` or ``fine_tune``, with a subfolder per member.
        After a crash or an interruption, the same call on the same data continues. Its result is
        bit-equal to the result of an uninterrupted call.
    random_state : int, RandomState or None, default=None
        Seed from which the members' seeds are drawn. None: that of ``estimator``. The same int on
        the same machine gives bit-equal predictions.
    verbose : int, default=0
        1: a progress bar over the members; 2: a bar that stays at the end.

    Attributes
    ----------
    estimators_ : list of fitted classifiers
        The members.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    history_ : dict of str to list of float
        As of a member; the value of an epoch is the mean over the members that reached it.
    n_timepoints_in_, n_channels_in_, n_features_in_ : int
        Length, channels and values (their product) per series.
    unequal_length_in_ : {"pad", "resample", None}
        How series of another length are treated; None if all must have the length of ``fit``.

    See Also
    --------
    LSTMFCNClassifier : One of the networks.
    lstmfcn.emotion.FoldEnsemble : Any classifiers, each trained without one fold.

    References
    ----------
    Lakshminarayanan, Pritzel, Blundell, "Simple and Scalable Predictive Uncertainty Estimation
    using Deep Ensembles", 2017, arXiv:1612.01474. For series: Ismail Fawaz et al.,
    "InceptionTime", 2020, arXiv:1909.04939. Several resolutions: Cui, Chen, Chen, "Multi-Scale
    Convolutional Neural Networks for Time Series Classification", 2016, arXiv:1603.06995.

    Examples
    --------
    >>> from lstmfcn import LSTMFCNClassifier, LSTMFCNEnsemble
    >>> from lstmfcn.datasets import load_ucr
    >>> X_train, y_train, X_test, y_test = load_ucr("ItalyPowerDemand")
    >>> clf = LSTMFCNEnsemble(LSTMFCNClassifier(n_epochs=20), n_estimators=3, random_state=0)
    >>> clf.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    """

    _parameter_constraints = {
        "n_estimators": [Interval(Integral, 1, 1000, closed="both")],
        "variants": ["array-like", StrOptions({"auto"}), None],
        "n_jobs": [Integral, None],
        "checkpoint": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator=None,
        n_estimators=4,
        *,
        variants="auto",
        n_jobs=None,
        checkpoint=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.variants = variants
        self.n_jobs = n_jobs
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, validation_data=None):
        """Train all members on labelled series.

        Parameters
        ----------
        X, y, sample_weight, validation_data
            As for :meth:`lstmfcn.LSTMFCNClassifier.fit`.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.

        Raises
        ------
        ValueError, TypeError
            On unusable input, in one sentence.
        FloatingPointError
            If the training loss of a member stops being a number.
        """
        with changed_at_once(self) as fitted:
            fitted._validate_params()
            members = fitted._new_members()
            arguments = X, y, sample_weight, validation_data
            fitted._train(members, [partial(member.fit, *arguments) for member in members])
        return self

    def fine_tune(
        self,
        X,
        y,
        sample_weight=None,
        *,
        n_iterations=5,
        n_epochs=None,
        learning_rate=1e-3,
        batch_size=128,
        freeze=None,
        reset_head=False,
        new_classes="refuse",
        validation_data=None,
        patience=None,
    ):
        """Continue the training of all members, by the paper's Algorithm 1.

        Parameters
        ----------
        X, y, sample_weight, n_iterations, n_epochs, learning_rate, batch_size, freeze, \
reset_head, new_classes, validation_data, patience
            As for :meth:`lstmfcn.LSTMFCNClassifier.fine_tune`.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.
        """
        validation.check_is_fitted(self)
        options = {
            "n_iterations": n_iterations,
            "n_epochs": n_epochs,
            "learning_rate": learning_rate,
            "batch_size": batch_size,
            "freeze": freeze,
            "reset_head": reset_head,
            "new_classes": new_classes,
            "validation_data": validation_data,
            "patience": patience,
        }
        with changed_at_once(self) as tuned:
            tuned._validate_params()
            members = [copy.copy(member) for member in tuned.estimators_]
            for place, member in enumerate(members):
                member.checkpoint = tuned._folder(place)
            arguments = X, y, sample_weight
            tuned._train(members, [partial(m.fine_tune, *arguments, **options) for m in members])
        return self

    @of_one_fit
    def transform(self, X, layer="concatenated"):
        """Return the features of all members, side by side.

        Parameters
        ----------
        X, layer
            As for :meth:`lstmfcn.LSTMFCNClassifier.transform`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            After ``set_output`` a data frame, as by the classifier.
        """
        validation.check_is_fitted(self)
        features = np.hstack([member._features(X, layer) for member in self.estimators_])
        self._check_names_of(features, layer)
        return features

    @of_one_fit
    def explain(self, X, y=None):
        """Split the mean logits into bias, LSTM branch and convolutions at each timepoint.

        Parameters
        ----------
        X : as in :meth:`fit`
        y : label or array-like of shape (n_samples,), optional
            The class explained over time; by default the predicted one.

        Returns
        -------
        lstmfcn.Explanation
            Each part is the mean of the members' parts. The parts sum exactly to the mean of the
            members' logits, which :meth:`decision_function` is based on.
        """
        target = self._targets_of(X, y)
        parts = [member.explain(X, self.classes_[target]) for member in self.estimators_]
        names = "bias", "lstm", "convolutions", "over_time"
        means = (np.mean([getattr(part, name) for part in parts], axis=0) for name in names)
        return Explanation(self.classes_, target, *means)

    @of_one_fit
    def class_activation_map(self, X, y=None, *, contrast=False):
        """Return what the convolutions contribute to a class's mean logit at each timepoint.

        Parameters
        ----------
        X, y, contrast
            As for :meth:`lstmfcn.LSTMFCNClassifier.class_activation_map`; by default ``y`` is the
            class that the ensemble predicts.

        Returns
        -------
        ndarray of shape (n_samples, n_timepoints)
            The mean of the members' maps.
        """
        return self._mean_map("class_activation_map", X, y, contrast=contrast)

    @of_one_fit
    def gradient_map(self, X, y=None, *, per_channel=False):
        """Return gradient times input of a class's mean logit.

        Parameters
        ----------
        X, y, per_channel
            As for :meth:`lstmfcn.LSTMFCNClassifier.gradient_map`; by default ``y`` is the class
            that the ensemble predicts.

        Returns
        -------
        ndarray of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            The mean of the members' maps.
        """
        return self._mean_map("gradient_map", X, y, per_channel=per_channel)

    @available_if(_members_attend)
    @of_one_fit
    def attention_map(self, X, over="timepoints"):
        """Return the attention to each timepoint of each series, averaged over the members.

        Parameters
        ----------
        X : as in :meth:`fit`
        over : {"timepoints", "channels"}, default="timepoints"
            As for :meth:`lstmfcn.ALSTMFCNClassifier.attention_map`.

        Returns
        -------
        ndarray of shape (n_samples, n_timepoints) or (n_samples, n_channels)
            Rows are >= 0 and sum to 1.
        """
        validation.check_is_fitted(self)
        validation.check_choice(over, "over", ("timepoints", "channels"))
        return np.mean([member.attention_map(X, over) for member in self.estimators_], axis=0)

    @of_one_fit
    def with_random_weights(self, random_state=None):
        """Return a copy whose networks have random weights, for sanity checks of maps.

        Parameters
        ----------
        random_state : int, RandomState or None, default=None
            Seed of the weights.

        Returns
        -------
        LSTMFCNEnsemble
        """
        validation.check_is_fitted(self)
        other = copy.copy(self)
        seeds = validation.draw_seeds(random_state, len(self.estimators_)).tolist()
        other.estimators_ = [
            member.with_random_weights(seed)
            for member, seed in zip(self.estimators_, seeds, strict=True)
        ]
        return other

    @of_one_fit
    def save(self, path):
        """Write the fitted ensemble to one file, atomically.

        The file holds JSON and plain arrays; reading it back executes nothing from it.

        Parameters
        ----------
        path : str or path-like
            Conventionally ``*.lstmfcn``.

        See Also
        --------
        lstmfcn.load : Reads the file.
        """
        validation.check_is_fitted(self)
        self._validate_params()  # these checks are those of load
        for one in (self._estimator_of_members(), *self.estimators_):
            check_parameters(one)
        model_file.write(path, model_file.ensemble_members(self))

    n_channels_in_ = _of_first("n_channels_in_", "Channels of a series.")
    n_timepoints_in_ = _of_first("n_timepoints_in_", "Timepoints of the longest series.")
    n_features_in_ = _of_first("n_features_in_", "Values of the longest series.")
    unequal_length_in_ = _of_first(
        "unequal_length_in_", "How series of another length are treated."
    )

    @property
    def occlusion_(self):
        """The smallest ``occlusion_`` of the members."""
        validation.check_is_fitted(self)
        return min(member.occlusion_ for member in self.estimators_)

    @property
    def history_(self):
        """Mean history of the members; each epoch averages the members that reached it."""
        validation.check_is_fitted(self)
        histories = [member.history_ for member in self.estimators_]
        names = dict.fromkeys(name for history in histories for name in history)
        return {name: _ragged_mean([h.get(name, []) for h in histories]) for name in names}

    def _logits(self, X):
        validation.check_is_fitted(self)
        return np.mean([member._logits(X) for member in self.estimators_], axis=0)

    def _targets_of(self, X, y):
        """Return the class to explain for each series, as an index into ``classes_``."""
        return self._targets(self._logits(X).argmax(axis=1), y)

    def _mean_map(self, method, X, y, **options):
        labels = self.classes_[self._targets_of(X, y)]
        maps = [getattr(member, method)(X, labels, **options) for member in self.estimators_]
        return np.mean(maps, axis=0)

    def _estimator_of_members(self):
        """Return the classifier that members are clones of; refuse other types."""
        estimator = LSTMFCNClassifier() if self.estimator is None else self.estimator
        if type(estimator) not in KINDS:
            raise TypeError(
                f"estimator is a {type(estimator).__name__}; pass an instance of "
                f"{', '.join(kind.__name__ for kind in KINDS)}, or None."
            )
        return estimator

    def _new_members(self):
        """Return the unfitted members."""
        estimator = self._estimator_of_members()
        if estimator.checkpoint is not None:
            raise ValueError(
                f"the estimator has checkpoint={estimator.checkpoint!r}, which serves one network; "
                "pass checkpoint to the ensemble instead."
            )
        variants = self._checked_variants(estimator)
        seeds, random_state = [None] * self.n_estimators, self.random_state
        if random_state is None:
            random_state = estimator.random_state
        if random_state is not None:
            seeds = validation.draw_seeds(random_state, self.n_estimators).tolist()
        members = []
        for place, seed in enumerate(seeds):
            member = clone(estimator).set_params(**variants[place % len(variants)])
            member.set_params(random_state=seed, verbose=0, checkpoint=self._folder(place))
            members.append(member)
        return members

    def _checked_variants(self, estimator):
        variants = self.variants
        if variants is None or isinstance(variants, str):
            return [{}] if variants is None else default_variants(estimator)
        allowed = set(estimator.get_params(deep=False)) - set(OF_ALL)
        for variant in variants:
            if not isinstance(variant, Mapping) or set(variant) - allowed:
                raise ValueError(
                    f"variants has an entry {validation.brief(variant)}; each is a dict of "
                    f"parameters of {type(estimator).__name__}, out of {listed(sorted(allowed))}."
                )
        if not len(variants):
            raise ValueError("variants is empty; pass None for members that differ by their seed.")
        return variants

    def _folder(self, place):
        if self.checkpoint is None or self.checkpoint == "":
            return self.checkpoint
        return Path(self.checkpoint) / f"member-{place}"

    def _train(self, members, calls):
        """Train members, some of them at once, and take them over."""
        stop = threading.Event()
        bar = tqdm(
            total=len(calls),
            desc=type(self).__name__,
            unit="member",
            bar_format=BAR,
            disable=not self.verbose,
            leave=self.verbose > 1,
        )
        n_threads = 1 if _share_callbacks(members) else self._n_threads()
        with bar, parts_of(bar, stop), ThreadPoolExecutor(n_threads) as pool:
            try:
                futures = [pool.submit(contextvars.copy_context().run, call) for call in calls]
                ended = wait(futures, return_when=FIRST_EXCEPTION).done
                for future in sorted(ended, key=lambda future: future.exception() is None):
                    future.result()
                bar.n = bar.total  # not a rounding error less
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
        self.estimators_, self.classes_ = members, members[0].classes_
        vars(self).pop("feature_names_in_", None)
        if hasattr(members[0], "feature_names_in_"):
            self.feature_names_in_ = members[0].feature_names_in_

    def _n_threads(self):
        return max(1, min(self.n_estimators, effective_n_jobs(self.n_jobs)))

    @property
    def _n_features_out(self):
        return sum(member._n_features_out for member in self.estimators_)


def default_variants(estimator):
    """Return the parameters of two members that see a series differently.

    >>> [sorted(variant) for variant in default_variants(FCNClassifier())]
    [[], ['n_filters']]
    """
    widths = validation.check_sizes(estimator.n_filters, "n_filters", 4096)
    deeper = {"n_filters": (widths[0], *widths)}
    for name in ("kernel_sizes", "dilation_rates"):
        values = getattr(estimator, name)
        if values is not None and not isinstance(values, str):
            values = validation.check_sizes(values, name, 100_000)
            deeper[name] = (*values, values[-1])
    return {}, deeper


def _share_callbacks(members):
    """Whether members have a callback in common, because it cannot be copied."""
    lists = [m.callbacks for m in members if isinstance(m.callbacks, (list, tuple))]
    ids = [set(map(id, callbacks)) for callbacks in lists]
    return sum(map(len, ids)) > len(set().union(*ids))


def _ragged_mean(rows):
    """Return for each place the mean over the rows that are long enough to have it.

    >>> _ragged_mean([[1.0, 2.0], [3.0]])
    [2.0, 2.0]
    """
    longest = max(map(len, rows))
    padded = np.array([row + [np.nan] * (longest - len(row)) for row in rows], dtype=float)
    there = np.isfinite(padded)
    sums, counts = np.where(there, padded, 0.0).sum(axis=0), there.sum(axis=0)
    return np.where(counts, sums / np.maximum(counts, 1), np.nan).tolist()
