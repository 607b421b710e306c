"""Do the data frames of ``predict`` have the columns of those of ``fit``, in their order?"""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import issparse

from lstmfcn.meta.rows import check_rows, naming
from lstmfcn.validation import check_feature_names


def check_column_names(estimator, X, *, reset):
    """Record the column names of data frames (``reset=True``, in ``fit``), or compare them.

    Names of X become ``feature_names_in_``, those of its modalities ``column_names_``.
    """
    is_dict = isinstance(X, Mapping) and not issparse(X)
    check_feature_names(estimator, None if is_dict else X, reset=reset)
    known, found = {} if reset else estimator.column_names_, {}
    for name, values in X.items() if is_dict else ():
        of_one = object.__new__(type(estimator))  # scikit-learn's messages name the class
        if name in known:
            of_one.feature_names_in_ = known[name]
        with naming(name):
            check_feature_names(of_one, values, reset=reset)
        if hasattr(of_one, "feature_names_in_"):
            found[name] = of_one.feature_names_in_
    if reset:
        estimator.column_names_ = found


def without_columns(X):
    """Return X with checked arrays in place of data frames; all else stays as it is."""
    if isinstance(X, Mapping):
        arrays = {}
        for name, values in X.items():
            with naming(name):
                arrays[name] = without_columns(values)
        return arrays
    return check_rows(X) if hasattr(X, "columns") else X


def names_to_json(estimator):
    """Return what :func:`check_column_names` recorded as JSON values."""
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "feature_names": None if names is None else names.tolist(),
        "column_names": {name: some.tolist() for name, some in estimator.column_names_.items()},
    }


def set_names(estimator, content):
    """Give an estimator the names from :func:`names_to_json`; refuse what that does not write."""
    if content["feature_names"] is not None:
        estimator.feature_names_in_ = _to_array(content["feature_names"])
    names = content["column_names"].items()
    estimator.column_names_ = {name: _to_array(some) for name, some in names}


def _to_array(names):
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("its column names are not lists of strings")
    return np.array(names, dtype=object)
