"""How does a fitted FusionClassifier become one file, and come back with nothing run in it?

The file is that of :mod:`lstmfcn.persistence`, with more members: ``fusion.json``, then what each
of its classifiers would have in a file of its own (of a network with branches: each trunk), and
``head.f32``, the weights behind the trunks.
"""

import numpy as np

from lstmfcn import __version__
from lstmfcn.emotion.fusion import FusionClassifier
from lstmfcn.emotion.fusion.branch import OF_ALL, make_branches
from lstmfcn.emotion.fusion.early import EarlyFusion
from lstmfcn.emotion.fusion.late import LateFusion, Stack
from lstmfcn.emotion.fusion.networks import count_head_weights, head_weights
from lstmfcn.persistence import (
    FUSION,
    LONGEST_SERIES,
    MEMBERS,
    check_answers,
    classes_from_json,
    classes_to_json,
    classifier_from_members,
    classifier_from_parameters,
    is_finite,
    members_of,
    parameters_to_json,
    split_weights,
    to_bytes,
    to_json,
)
from lstmfcn.validation import check_counts

__all__ = ["fusion_from_members", "fusion_members"]

FORMAT = 1
HEAD = "head.f32"
READER = ("n_channels_in_", "n_timepoints_in_", "n_features_in_", "unequal_length_in_")


def fusion_members(fusion):
    """Return what the file of a fitted FusionClassifier consists of.

    Parameters
    ----------
    fusion : fitted FusionClassifier

    Returns
    -------
    dict of str to bytes

    Raises
    ------
    TypeError, ValueError
        As :func:`lstmfcn.persistence.save`.
    """
    decides = fusion.fusion_
    classifiers = decides.classifiers()
    parameters = fusion.get_params(deep=False)
    estimator = parameters.pop("estimator")
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = None
    if estimator is not None:
        estimator = {
            "class": type(estimator).__name__,
            "parameters": parameters_to_json(estimator),
        }
    content = {
        "format": FORMAT,
        "lstmfcn": __version__,
        "parameters": parameters,
        "estimator": estimator,
        "modalities": list(fusion.modalities_),
        "classes": classes_to_json(fusion.classes_),
    }
    # What was fitted, which the parameters need not say any more.
    heads = {}
    if isinstance(decides, EarlyFusion):
        content["fitted"] = {"fusion": "early", "align_to": decides.align_to}
        content["means"] = {name: list(mean) for name, mean in decides.means.items()}
        content["readers"] = {
            name: {key: getattr(reader, key) for key in READER}
            for name, reader in decides.readers.items()
        }
    elif isinstance(decides, LateFusion):
        content["fitted"] = {"fusion": "late"}
        content["stack"] = None
        if decides.stack is not None:
            content["stack"] = {key: a.tolist() for key, a in vars(decides.stack).items()}
    else:
        names = ("n_hidden", "modality_dropout")
        content["fitted"] = {"fusion": "branch", **{n: getattr(decides, n) for n in names}}
        heads[HEAD] = to_bytes([variable.numpy() for variable in head_weights(decides.model_)])
    members = {FUSION: to_json(content)}
    for place, classifier in enumerate(classifiers.values()):
        parts = members_of(classifier)
        members |= {_member(place, name): part for name, part in parts.items()}
    return members | heads


def fusion_from_members(members):
    """Build a FusionClassifier from what its file holds, refusing what ``save`` does not write.

    Parameters
    ----------
    members : dict of str to decoded JSON or float32 array

    Returns
    -------
    fitted FusionClassifier
    """
    content = members[FUSION]
    if content["format"] != FORMAT:
        raise ValueError(
            f"file format {content['format']!r} (written by lstmfcn {content['lstmfcn']!r}) is not "
            f"format {FORMAT}; use the version of lstmfcn that wrote it"
        )
    fusion = FusionClassifier(_estimator(content["estimator"]), **content["parameters"])
    fusion._validate_params()
    fusion.classes_ = classes_from_json(content["classes"])
    fusion.modalities_ = names = _names(content["modalities"])
    fitted = FusionClassifier(**content["fitted"])
    fitted._validate_params()
    keys = ("all",) if fitted.fusion == "early" else names
    expected = [FUSION, *(_member(k, name) for k in range(len(keys)) for name in MEMBERS)]
    expected += [HEAD] if fitted.fusion == "branch" else []
    if list(members) != expected:
        raise ValueError(f"it holds {list(members)[:5]} ..., not {expected[:5]} ...")
    classifiers = {}
    for place, key in enumerate(keys):
        parts = {name: members[_member(place, name)] for name in MEMBERS}
        classifiers[key] = classifier_from_members(parts)
    _check_classifiers(fitted.fusion, fusion.classes_, list(classifiers.values()))
    if fitted.fusion == "early":
        fusion.fusion_ = _early(names, fitted, classifiers["all"], content)
    elif fitted.fusion == "late":
        fusion.fusion_ = _late(fusion.classes_, classifiers, content["stack"])
    else:
        fusion.fusion_ = _branches(fitted, classifiers, members[HEAD])
    fusion.history_ = fusion.fusion_.history_
    return fusion


def _early(names, fitted, estimator, content):
    early = EarlyFusion(estimator, fitted.align_to)
    early.readers, early.means = {}, {}
    for name in names:
        reader = type(estimator)()
        for key in READER:
            setattr(reader, key, content["readers"][name][key])
        check_counts(**{key: getattr(reader, key) for key in READER[:3]})
        if reader.n_timepoints_in_ > LONGEST_SERIES:
            raise ValueError(f"series of {reader.n_timepoints_in_:,} timepoints are not possible")
        if reader.unequal_length_in_ not in (None, "pad", "resample"):
            raise ValueError(f"unequal_length_in_={reader.unequal_length_in_!r} is not possible")
        mean = content["means"][name]
        if len(mean) != reader.n_channels_in_ or not all(map(is_finite, mean)):
            raise ValueError(f"its means of modality {name!r} do not fit its channels")
        early.readers[name], early.means[name] = reader, tuple(map(float, mean))
    n_channels = sum(reader.n_channels_in_ for reader in early.readers.values())
    if n_channels != estimator.n_channels_in_:
        raise ValueError(f"its modalities have {n_channels} channels, its classifier others")
    return early


def _late(classes, classifiers, stack):
    late = LateFusion(next(iter(classifiers.values())), None, random_state=None)
    late.classes_, late.estimators, late.folds = classes, classifiers, None
    late.stack = _stack(stack, len(classifiers), len(classes))
    return late


def _branches(fitted, trunks, weights):
    architectures = {name: trunk._architecture for name, trunk in trunks.items()}
    first = next(iter(trunks.values()))
    for architecture in architectures.values():
        if any(architecture[key] != first._architecture[key] for key in OF_ALL):
            raise ValueError("its trunks are not those of one network")
    branches = make_branches(
        first,
        n_hidden=fitted.n_hidden,
        modality_dropout=fitted.modality_dropout,
        random_state=first.random_state,
    )
    n_weights = count_head_weights(architectures, len(first.classes_), fitted.n_hidden)
    if n_weights != weights.size:
        raise ValueError(f"its head has {n_weights} weights, but the file holds {weights.size}")
    if not np.isfinite(weights).all():
        raise ValueError("its weights contain NaN or infinity")
    branches.adopt_trunks(trunks)
    head = head_weights(branches.model_)
    arrays = split_weights(weights, [tuple(variable.shape) for variable in head])
    for variable, array in zip(head, arrays, strict=True):
        variable.assign(array)
    check_answers(branches.model_)
    return branches


def _estimator(content):
    if content is None:
        return None
    return classifier_from_parameters(content["class"], content["parameters"])


def _names(names):
    if (
        not names
        or type(names) is not list
        or not all(isinstance(name, str) and name for name in names)
    ):
        raise ValueError("its modalities are not named")
    if len(set(names)) < len(names):
        raise ValueError("two of its modalities have one name")
    return tuple(names)


def _check_classifiers(fusion, classes, classifiers):
    """Refuse classifiers of several kinds, or of classes that are not those of all."""
    kinds = {type(classifier).__name__ for classifier in classifiers}
    if len(kinds) > 1:
        raise ValueError(f"its classifiers are of several kinds, {sorted(kinds)}")
    for classifier in classifiers:
        found = classifier.classes_.tolist()
        if found != classes.tolist() and (fusion != "late" or set(found) - set(classes.tolist())):
            raise ValueError("its classifiers have other classes than it has")


def _stack(content, n_modalities, n_classes):
    if content is None:
        return None
    shapes = {
        "mean": (n_modalities, n_classes),
        "scale": (n_modalities, n_classes),
        "weights": (n_modalities, n_classes, n_classes),
        "bias": (n_classes,),
    }
    try:
        arrays = {key: np.array(content[key], dtype=np.float64) for key in shapes}
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError("its stack does not consist of numbers") from error
    if any(arrays[key].shape != shape for key, shape in shapes.items()):
        raise ValueError("its stack does not fit its modalities and classes")
    finite = all(np.isfinite(array).all() for array in arrays.values())
    if not finite or not (arrays["scale"] > 0).all():
        raise ValueError("its stack holds numbers that are not possible")
    stack = Stack(**arrays)
    with np.errstate(all="ignore"):
        answers = stack(np.stack([np.eye(n_classes)] * n_modalities, axis=1))
    if not np.isfinite(answers).all():
        raise ValueError("its stack answers plausible probabilities with NaN")
    return stack


def _member(place, name):
    return f"{place}/{name}"
