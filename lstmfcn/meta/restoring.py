"""How are meta-estimators built from the content of a file that may not be trusted?"""

import numpy as np
from sklearn.base import clone

from lstmfcn.meta.augmentation import AugmentedClassifier
from lstmfcn.meta.column_names import set_names
from lstmfcn.meta.folds import FoldEnsemble
from lstmfcn.meta.linear import ARRAYS, LinearBaseline
from lstmfcn.meta.pseudo_labels import PseudoLabelClassifier
from lstmfcn.model_file import (
    LINEAR,
    META,
    check_format,
    classes_from_json,
    from_folders,
    parameters_from_json,
)
from lstmfcn.validation import check_counts

CLASSES = {cls.__name__: cls for cls in (AugmentedClassifier, PseudoLabelClassifier, FoldEnsemble)}


def meta_from_members(members, build):
    """Build a meta-estimator from its file's members; refuse what ``save`` does not write.

    ``build`` returns the estimator of the members in a folder.
    """
    content = members[META]
    check_format(content)
    if content["class"] not in CLASSES:
        raise ValueError(f"its class {content['class']!r} is none of {sorted(CLASSES)}")
    cls = CLASSES[content["class"]]
    inner = [build(part) for part in from_folders(members, META)]
    if not inner or (cls is not FoldEnsemble and len(inner) > 1):
        raise ValueError(f"it has {len(inner)} estimators")
    meta = _unfitted(cls, content["parameters"], {"estimator": clone(inner[0])})
    meta.classes_ = classes_from_json(content["classes"])
    for one in inner:
        found = one.classes_.tolist()
        if not set(found) <= set(meta.classes_.tolist()):
            raise ValueError("its estimators have other classes than it has")
    if cls is FoldEnsemble:
        _set_folds(meta, inner, content)
    else:
        (meta.estimator_,) = inner
        set_names(meta, content)
    return meta


def linear_from_members(members):
    """Build a LinearBaseline from its file's members; refuse what ``save`` does not write."""
    content = members[LINEAR]
    check_format(content)
    linear = _unfitted(LinearBaseline, content["parameters"], {})
    linear.classes_ = classes_from_json(content["classes"])
    n_rows = len(linear.classes_) if len(linear.classes_) > 2 else 1
    n_features = len(content["mean_"])
    shapes = {"mean_": (n_features,), "scale_": (n_features,), "intercept_": (n_rows,)}
    for name in ARRAYS:
        values = np.array(content[name], dtype=np.float64)
        if values.shape != shapes.get(name, (n_rows, n_features)) or not np.isfinite(values).all():
            raise ValueError(f"its {name} has the shape {values.shape}, or is not finite")
        setattr(linear, name, values)
    linear.widths_ = dict(content["widths"])
    for width in linear.widths_.values():
        check_counts(width=width)
    if sum(linear.widths_.values()) != n_features:
        raise ValueError(f"its widths_ are not those of {n_features} features")
    set_names(linear, content)
    if not (linear.scale_ > 0).all():
        raise ValueError("its scale_ is not above 0")
    linear.C_ = float(content["C"])
    return linear


def _unfitted(cls, parameters, others):
    names = set(parameters) - set(cls._get_param_names())
    if names:
        raise ValueError(f"{cls.__name__} has no parameter {min(names)!r}")
    estimator = cls(**{**parameters_from_json(parameters), **others})
    estimator._validate_params()
    return estimator


def _set_folds(ensemble, estimators, content):
    n_folds, n_samples = len(estimators), len(content["fold_of"])
    fold_of = np.array(content["fold_of"])
    check_counts(n_samples=n_samples)
    if fold_of.dtype.kind != "i" or set(fold_of.tolist()) != set(range(n_folds)):
        raise ValueError("its samples are in other folds than it has estimators")
    found = np.array(content["out_of_fold"], dtype=np.float64)
    if found.shape != (n_samples, len(ensemble.classes_)) or not np.isfinite(found).all():
        raise ValueError(f"its out_of_fold has the shape {found.shape}, or is not finite")
    names = content["names"]
    if names is not None and (
        not all(isinstance(name, str) for name in names) or len(set(names)) != n_samples
    ):
        raise ValueError("its names are not one for each sample")
    ensemble.estimators_, ensemble.names_ = estimators, names
    ensemble.fold_of_, ensemble.out_of_fold_ = fold_of, found
    ensemble.folds_ = [np.flatnonzero(fold_of == fold) for fold in range(n_folds)]
