"""How is a classifier of this package used in sktime? Through an adapter.

The classifiers inherit from scikit-learn. :class:`SktimeClassifier` is a sktime classifier that
wraps one of them. It takes sktime's data types and works in sktime's pipelines.
"""

import contextlib

import numpy as np
import pandas as pd
from sklearn.base import clone
from sktime.classification.base import BaseClassifier

from lstmfcn.validation import axes_are_known


class SktimeClassifier(BaseClassifier):
    """sktime classifier that wraps an LSTM-FCN, ALSTM-FCN or FCN classifier.

    It takes sktime's types for a list of series, which sktime calls a panel. Series may be of equal
    or unequal length, with one or more channels. It runs after sktime's transformers, and saves and
    loads as sktime does. For scikit-learn's pipelines and model selection use the wrapped
    classifier directly.

    Parameters
    ----------
    estimator : classifier of lstmfcn or None, default=None
        The unfitted classifier, or a scikit-learn estimator that wraps one, such as a grid search;
        ``fit`` trains a clone of it. None: ``LSTMFCNClassifier()``. With None, nested parameters
        such as ``estimator__n_epochs`` cannot be set, because there is no instance to hold them.
    random_state : int, RandomState or None, default=None
        If not None, replaces every ``random_state`` within ``estimator``.

    Attributes
    ----------
    estimator_ : fitted classifier
        The trained clone, with its history, network and attention map. It does not exist if ``y``
        had only one class: sktime predicts this class without a model. Nor does it exist if ``y``
        had several columns: then ``classifiers_`` holds an adapter for each column.
    channel_names_in_ : list or None
        Column names of the training series, or None if they came without names (``numpy3D``).
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_classes_ : int
        Number of classes.

    See Also
    --------
    lstmfcn.LSTMFCNClassifier : The default classifier.

    Notes
    -----
    Missing values are refused; put an imputer in front,
    ``sktime.transformations.impute.Imputer() * SktimeClassifier()``. Observations are taken as
    evenly spaced: the time index only orders them. If ``predict`` gets the channel names of ``fit``
    in another order, channels are matched by name; otherwise by position, as in sktime.

    As in every sktime estimator, a call of ``fit`` resets the estimator, even if the call is
    refused.

    References
    ----------
    Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series
    Classification", IEEE Access, 2018, arXiv:1709.05206. Löning, Bagnall, Ganesh, Kazakov, Lines,
    Király, "sktime: A Unified Interface for Machine Learning with Time Series", 2019,
    arXiv:1909.07872.

    Examples
    --------
    >>> from sktime.datasets import load_unit_test
    >>> from lstmfcn import ALSTMFCNClassifier
    >>> from lstmfcn.sktime import SktimeClassifier
    >>> X, y = load_unit_test(split="train", return_type="pd-multiindex")
    >>> clf = SktimeClassifier(ALSTMFCNClassifier(n_filters=(8, 8, 8), n_epochs=2), random_state=0)
    >>> clf.fit(X, y).predict_proba(X).shape
    (20, 2)
    >>> X, _ = load_unit_test(split="train", return_type="numpy3D")
    >>> clf.estimator_.attention_map(X).shape
    (20, 24)
    """

    _tags = {
        "authors": ["lstmfcn"],
        "maintainers": ["lstmfcn"],
        # No "python_dependencies": sktime looks a distribution up by name, and refuses
        # tensorflow-cpu where "tensorflow" is asked for.
        # These come as they are, all others as the first. Of nested_univ sktime's own conversion
        # would cut the channels of a series to the length of the first one, without a word.
        "X_inner_mtype": ["df-list", "numpy3D", "nested_univ"],
        "y_inner_mtype": "numpy1D",
        "capability:multivariate": True,
        "capability:unequal_length": True,
        "capability:missing_values": False,
        "capability:categorical_in_X": False,
        "capability:predict_proba": True,
        "capability:class_weight": True,
        "capability:random_state": True,
        "property:randomness": "derandomized",
    }

    def __init__(self, estimator=None, random_state=None):
        self.estimator = estimator
        self.random_state = random_state
        super().__init__()

    def _fit(self, X, y):
        """Train a clone of the wrapped classifier on labels ``y`` (n_samples,); return self."""
        estimator = _unfitted(self.estimator)
        if self.random_state is not None:
            names = [k for k in estimator.get_params() if k.split("__")[-1] == "random_state"]
            estimator.set_params(**dict.fromkeys(names, self.random_state))
        self.channel_names_in_ = _channel_names(X)
        series = _as_series(X, self.channel_names_in_)
        # Frames say which axis is time; an array may have its axes swapped.
        with contextlib.nullcontext() if isinstance(X, np.ndarray) else axes_are_known():
            self.estimator_ = estimator.fit(series, y)
        return self

    def _predict(self, X):
        """Predict the class of each series, an entry of ``classes_``."""
        return self.estimator_.predict(_as_series(X, self.channel_names_in_))

    def _predict_proba(self, X):
        """Predict probabilities of shape (n_samples, n_classes), in the order of ``classes_``."""
        return self.estimator_.predict_proba(_as_series(X, self.channel_names_in_))

    @classmethod
    def get_test_params(cls, parameter_set="default"):
        """Return a list of two dicts, parameters of quick classifiers for sktime's checks."""
        from lstmfcn import FCNClassifier

        # One convolution block: building and tracing a network takes longer than training it.
        small = {"n_filters": (4,), "kernel_sizes": (3,), "n_epochs": 2, "batch_size": 32}
        small |= {"views": ("values",), "rocket": False}
        return [
            {"estimator": FCNClassifier(**small), "random_state": 0},
            {"estimator": FCNClassifier(**small, random_state=0)},
        ]


def _unfitted(estimator):
    """Return a clone of a classifier, LSTMFCNClassifier() for None; refuse anything else."""
    if estimator is None:
        from lstmfcn import LSTMFCNClassifier  # imports Keras

        return LSTMFCNClassifier()
    usable = hasattr(estimator, "fit") and hasattr(estimator, "predict_proba")
    if isinstance(estimator, type) or isinstance(estimator, BaseClassifier) or not usable:
        raise TypeError(
            f"estimator={estimator!r} is not a scikit-learn classifier; pass an instance such as "
            "lstmfcn.LSTMFCNClassifier(), or None for that one."
        )
    return clone(estimator)


def _channel_names(X):
    """Return the column names of the first series, or None for an array."""
    if isinstance(X, np.ndarray):
        return None
    return (X if isinstance(X, pd.DataFrame) else X[0]).columns.to_list()


def _as_series(X, channel_names):
    """Return series in public axis order, their channels in the order of ``channel_names``.

    ``X`` is of one of three sktime types. numpy3D, (n_samples, n_channels, n_timepoints), stays as
    it is. df-list, frames (n_timepoints_i, n_channels), and nested_univ, a frame (n_samples,
    n_channels) of pandas Series, become a list of arrays (n_channels, n_timepoints_i).
    """
    if isinstance(X, np.ndarray):
        return X
    order = names = _channel_names(X)
    if channel_names is not None and set(names) == set(channel_names):
        order = channel_names
    if isinstance(X, pd.DataFrame):
        return [_stack_channels(cells, i) for i, cells in enumerate(X[order].to_numpy())]
    for i, frame in enumerate(X):
        if frame.columns.has_duplicates or set(frame.columns) != set(names):
            raise ValueError(
                f"series {i} of X has channels {frame.columns.to_list()}, but series 0 has "
                f"{names}; every series needs the same channels, each once."
            )
    return [frame[order].to_numpy().T for frame in X]


def _stack_channels(cells, i):
    """Stack the channels of series ``i`` to an array of shape (n_channels, n_timepoints_i)."""
    channels = [np.asarray(cell) for cell in cells]
    lengths = {len(channel) for channel in channels}
    if len(lengths) > 1:
        raise ValueError(
            f"series {i} of X has channels of {min(lengths)} to {max(lengths)} timepoints; the "
            "channels of one series need the same length, resample or cut them."
        )
    return np.stack(channels)
