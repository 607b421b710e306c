"""How does an exported ONNX file predict? With onnxruntime alone, without Keras and TensorFlow."""

import numpy as np

from lstmfcn import validation
from lstmfcn.model_file import classes_from_json
from lstmfcn.preprocessing import warn_of_cuts
from lstmfcn.untrusted import MISFITS, as_path, damage, decode_json, open_file, shown

REMEDY = "pass a file written by classifier.export(path)"
ABOUT = ("classes", "n_channels", "n_timepoints", "unequal_length", "reading")  # of a file
ROWS, TIMEPOINTS = 512, 2**17  # at most in one call: what is in work stays small


class _OnnxModel:
    """Holds what a file says, and answers series that it was made for."""

    def __init__(self, path):
        content, session, about = _read(path)
        own = _class_of(about)
        if own is not type(self):
            raise ValueError(
                f"{shown(path)} is a file for lstmfcn.{own.__name__}, which reads it; this is "
                f"{type(self).__name__}."
            )
        self._take(content, session, about)

    def _take(self, content, session, about):
        self._content, self._session = content, session
        self._outputs = [output.name for output in session.get_outputs()]
        if about["classes"] is not None:
            self.classes_ = about["classes"]
        for name in ABOUT[1:-1]:
            setattr(self, f"{name}_in_", about[name])
        self._largest = about["largest"]  # absolute value that series must stay below
        self.reading_ = about["reading"]  # where the training file had what, if it was said
        if about["feature_names"] is not None:
            self.feature_names_in_ = about["feature_names"]
        self.n_features_in_ = self.n_channels_in_ * self.n_timepoints_in_

    def __getstate__(self):
        """Leave out the session, which cannot be pickled."""
        return {name: value for name, value in vars(self).items() if name != "_session"}

    def __setstate__(self, state):
        vars(self).update(state)
        self._session = _session(self._content)

    def _answer(self, output, X):
        has_names = hasattr(self, "feature_names_in_")  # older files never have
        series = validation.as_series(X, estimator=self if has_names else None)
        validation.check_matches_fit(series, _Lengths(self), type(self).__name__)
        if self.unequal_length_in_ == "pad":
            warn_of_cuts(series, self.n_timepoints_in_)
        answers, size = [], max(1, min(ROWS, TIMEPOINTS // self.n_timepoints_in_))
        for start in range(0, len(series), size):
            with np.errstate(over="ignore"):
                rows = _filled(series[start : start + size])
            largest = np.nanmax(np.abs(rows))
            if not largest < self._largest:
                raise ValueError(
                    f"X has values of up to {largest:.3g}, which are too large for float32 "
                    "arithmetic; rescale X."
                )
            answers += self._session.run([output], {"series": rows})
        return np.concatenate(answers)


class OnnxClassifier(_OnnxModel):
    """A classifier read from a file that :meth:`lstmfcn.LSTMFCNClassifier.export` wrote.

    Parameters
    ----------
    path : str or path-like
        The ``.onnx`` file.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_channels_in_, n_timepoints_in_ : int
        Channels and length of a series.
    unequal_length_in_ : {"pad", "resample", None}
        How series of another length are treated; None: they are refused.
    feature_names_in_ : ndarray of str
        Names of the columns, if ``fit`` had a data frame. Other names or another order are refused.

    Raises
    ------
    ImportError
        Without onnxruntime (``pip install lstmfcn[onnx]``).
    OSError, ValueError
        If there is no such file, or :meth:`lstmfcn.LSTMFCNClassifier.export` did not write it.

    See Also
    --------
    OnnxRegressor : Predicts numbers.
    lstmfcn.load : Reads files written by ``save``; the result has all methods.

    Examples
    --------
    >>> import os, tempfile
    >>> from lstmfcn import FCNClassifier, OnnxClassifier
    >>> from lstmfcn.datasets import load_ucr
    >>> X, y, *_ = load_ucr("ItalyPowerDemand")
    >>> clf = FCNClassifier(n_epochs=1, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clf.export(os.path.join(folder, "model.onnx"))
    ...     served = OnnxClassifier(os.path.join(folder, "model.onnx"))
    >>> bool(np.allclose(served.predict_proba(X), clf.predict_proba(X), atol=1e-5))
    True
    """

    def predict(self, X):
        """Return the class of each series, (n_samples,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        """Return class probabilities, (n_samples, n_classes).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, \
n_timepoints), or list of arrays of shape (n_channels, n_timepoints_i)
        """
        return self._answer("probabilities", X)

    def attention_map(self, X):
        """Return attention over time, (n_samples, n_timepoints), if the file has it."""
        if "attention" not in self._outputs:
            raise AttributeError("this file has no attention; export it with attention=True.")
        return self._answer("attention", X)


class OnnxRegressor(_OnnxModel):
    """A regressor read from a file that :meth:`lstmfcn.LSTMFCNRegressor.export` wrote.

    Parameters
    ----------
    path : str or path-like
        The ``.onnx`` file.

    Attributes
    ----------
    n_channels_in_, n_timepoints_in_, unequal_length_in_, feature_names_in_
        As of :class:`OnnxClassifier`.

    Raises
    ------
    ImportError, OSError, ValueError
        As by :class:`OnnxClassifier`.

    See Also
    --------
    OnnxClassifier : Predicts classes.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from lstmfcn import LSTMFCNRegressor, OnnxRegressor
    >>> X = np.random.default_rng(0).normal(size=(20, 30))
    >>> reg = LSTMFCNRegressor(n_epochs=1, random_state=0).fit(X, X[:, 0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     reg.export(os.path.join(folder, "model.onnx"))
    ...     served = OnnxRegressor(os.path.join(folder, "model.onnx"))
    >>> bool(np.allclose(served.predict(X), reg.predict(X), atol=1e-4))
    True
    """

    _is_classifier = False

    def predict(self, X):
        """Return the number of each series in the unit of ``fit``, (n_samples,)."""
        return self._answer("number", X)


def load_onnx(path):
    """Return the OnnxClassifier or OnnxRegressor of a file."""
    content, session, about = _read(path)
    model = object.__new__(_class_of(about))
    model._take(content, session, about)
    return model


def _class_of(about):
    return OnnxRegressor if about["classes"] is None else OnnxClassifier


def _read(path):
    """Return a file's bytes, its session, and what the file says about its model."""
    path = as_path(path)
    with open_file(path, remedy=REMEDY) as file:
        content = file.read()
    try:
        session = _session(content)
        texts = session.get_modelmeta().custom_metadata_map
        about = {name: decode_json(texts[name]) for name in ABOUT}
        about["largest"] = float(decode_json(texts.get("largest", "1e39")))
        about["feature_names"] = _names(decode_json(texts.get("feature_names", "null")))
        if about["classes"] is not None:
            about["classes"] = classes_from_json(about["classes"])
    except MISFITS as error:
        raise ValueError(
            f"{shown(path)} is not an exported classifier, or is damaged ({damage(error)}); "
            f"{REMEDY}."
        ) from error
    return content, session, about


def _names(names):
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("its feature names are not a list of strings")
    return np.array(names, dtype=object)


def _session(content):
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "an .onnx file needs onnxruntime; install it with pip install lstmfcn[onnx]."
        ) from error
    try:
        return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no class in common
        raise ValueError("onnxruntime cannot read it") from error


class _Lengths:
    """What was learned about series, as a SeriesReader knows it."""

    def __init__(self, model):
        self.n_channels, self.n_timepoints = model.n_channels_in_, model.n_timepoints_in_
        self.unequal_length = model.unequal_length_in_


def _filled(series):
    """Return series as float32 (n, n_channels, longest), NaN behind the end of a shorter one."""
    if not isinstance(series, list):
        return np.asarray(series, np.float32)
    longest = max(values.shape[1] for values in series)
    rows = np.full((len(series), series[0].shape[0], longest), np.nan, np.float32)
    for row, values in zip(rows, series, strict=True):
        row[:, : values.shape[1]] = values
    return rows
