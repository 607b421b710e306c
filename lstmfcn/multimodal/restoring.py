"""How are fitted fusions built from the content of files that may not be trusted?"""

from numbers import Real

import numpy as np

from lstmfcn import validation
from lstmfcn.meta.column_names import set_names
from lstmfcn.model_file import (
    ATTENTION,
    FUSION,
    LONGEST_SERIES,
    WEIGHTS,
    check_format,
    classes_from_json,
    parameters_from_json,
    split_weights,
)
from lstmfcn.multimodal.attention_baseline import (
    AttentionFusionClassifier,
    build_attention_fusion,
    count_weights,
)
from lstmfcn.multimodal.branch import BranchDesign, BranchFusion
from lstmfcn.multimodal.early import EarlyFusion
from lstmfcn.multimodal.fusion import FusionClassifier
from lstmfcn.multimodal.late import LateFusion
from lstmfcn.multimodal.modalities import ModalitiesReader
from lstmfcn.networks.fitted import FittedNetwork
from lstmfcn.restoring import classifiers_in_folders, estimator_from_json


def fusion_from_members(members):
    """Build a FusionClassifier from its file's members; refuse what ``save`` does not write."""
    content = members[FUSION]
    check_format(content)
    estimator = estimator_from_json(content["estimator"])
    fusion = FusionClassifier(**{**content["parameters"], "estimator": estimator})
    fusion._validate_params()
    fusion.classes_ = classes_from_json(content["classes"])
    fusion.modalities_ = _names(content["modalities"])
    set_names(fusion, content)
    fitted = dict(content["fitted"])
    reader = fitted.pop("reader", None)
    FusionClassifier(**fitted)._validate_params()
    kind = fitted.pop("fusion")
    n_classifiers = len(fusion.modalities_) if kind == "late" else 1
    design = BranchDesign(**fitted) if kind == "branch" else None
    classifiers = classifiers_in_folders(members, FUSION, n_classifiers, design)
    _check_classifiers(kind, fusion.classes_, classifiers)
    fusion.fusion_ = _restored(kind, fusion, classifiers, fitted, reader)
    fusion.history_ = fusion.fusion_.history_
    return fusion


def _restored(kind, fusion, classifiers, fitted, reader):
    """Return a fitted LateFusion, EarlyFusion or BranchFusion."""
    first, names = classifiers[0], fusion.modalities_
    if kind == "late":
        late = LateFusion(first, random_state=None)
        late.classes_ = fusion.classes_
        late.estimators = dict(zip(names, classifiers, strict=True))
        return late
    reader = first.reader_ if kind == "branch" else ModalitiesReader.from_json(reader)
    if tuple(reader.readers) != names:
        raise ValueError("its readers are not those of its modalities")
    if kind == "branch":
        return BranchFusion(first, **fitted)
    for name, one in reader.readers.items():
        if one.normalizer.kind != "dataset":
            raise ValueError(f"it has no means of modality {name!r}")
        if one.n_timepoints > LONGEST_SERIES:
            raise ValueError(f"series of {one.n_timepoints:,} timepoints are not possible")
    if sum(one.n_channels for one in reader.readers.values()) != first.n_channels_in_:
        raise ValueError("its modalities have other channels than its classifier")
    early = EarlyFusion(first, **fitted)
    early.reader = reader
    return early


def _names(names):
    if type(names) is not list or not names or len(set(names)) < len(names):
        raise ValueError("its modalities are not a list of different names")
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError("its modalities are not named")
    return tuple(names)


def _check_classifiers(kind, classes, classifiers):
    """Refuse classifiers of classes that are not those of all."""
    for classifier in classifiers:
        found = classifier.classes_.tolist()
        if found != classes.tolist() and (kind != "late" or set(found) - set(classes.tolist())):
            raise ValueError("its classifiers have other classes than it has")


def attention_from_members(members):
    """Build an AttentionFusionClassifier from its file; refuse what ``save`` does not write."""
    content, weights = members[ATTENTION], members[WEIGHTS]
    check_format(content)
    fusion = AttentionFusionClassifier(**parameters_from_json(content["parameters"]))
    fusion._validate_params()
    fusion.classes_ = classes_from_json(content["classes"])
    fusion.shapes_ = {
        name: (n_timepoints, width) for name, n_timepoints, width in content["shapes"]
    }
    fusion.modalities_ = _names([name for name, *_ in content["shapes"]])
    set_names(fusion, content)
    for n_timepoints, width in fusion.shapes_.values():
        validation.check_counts(most=LONGEST_SERIES, n_timepoints=n_timepoints, width=width)
    architecture = dict(content["architecture"])
    # The network's parameters obey the same rules as the constructor's, which may be others now.
    level = fusion.level_ = architecture["level"]
    built_as = {name: architecture[name] for name in ("level", "n_hidden", "dropout", "l2")}
    AttentionFusionClassifier(**built_as)._validate_params()
    validation.check_counts(least=0, most=2**32 - 1, seed=architecture["seed"])
    expected = {
        **built_as,
        "shapes": [list(s) if level == "frame" else s[1] for s in fusion.shapes_.values()],
        "n_classes": len(fusion.classes_),
        "seed": architecture["seed"],
    }
    if architecture != expected or count_weights(**architecture) != weights.size:
        raise ValueError("its network is not that of its classes and modalities")
    if not np.isfinite(weights).all():
        raise ValueError("its weights contain NaN or infinity")
    architecture["shapes"] = [tuple(s) if level == "frame" else s for s in architecture["shapes"]]
    model = build_attention_fusion(**architecture)
    model.set_weights(split_weights(weights, [tuple(one.shape) for one in model.weights]))
    fusion.network_ = FittedNetwork(build_attention_fusion, architecture, model)
    fusion.history_ = dict(content["history"])
    for name, values in fusion.history_.items():
        if type(values) is not list or not all(isinstance(value, Real) for value in values):
            raise ValueError(f"history_[{name!r}] is not a list of numbers")
    return fusion
