"""How is a fitted estimator built from the content of a file that may not be trusted?

The class is looked up in a fixed list. This package's own code builds the network from checked
numbers, and only if the network needs exactly as many weights as the file holds.
"""

from numbers import Real

import numpy as np

from lstmfcn import classifiers, regressor, validation
from lstmfcn.ensemble import LSTMFCNEnsemble
from lstmfcn.fitting import BLOCKS, check_parameters, set_network
from lstmfcn.model_file import (
    CLASSIFIER,
    ENSEMBLE,
    FITTED,
    LONGEST_SERIES,
    NEVER_WRITTEN,
    REGRESSOR,
    WEIGHTS,
    check_format,
    check_size,
    classes_from_json,
    parameters_from_json,
    split_weights,
)
from lstmfcn.networks.builders import depends_on_length
from lstmfcn.networks.fitted import FittedNetwork

LARGEST_SAVED_SEED, LARGEST_COUNT = 2**32 - 1, 2**31 - 1
LARGEST_PROBE = 2**24  # values in the widest layer, for each series that a network is tried with
SHORT = 64  # timepoints of a trial, where a network's weights fit any length


def classifier_from_members(members, design=None):
    """Build a classifier from the members of its file; refuse what ``save`` does not write.

    ``members`` are decoded: ``classifier.json``, and ``weights.f32`` as one float32 array.
    ``design`` describes the classifier's samples; by default they are series.
    """
    return _from_members(members[CLASSIFIER], members[WEIGHTS], classifiers, design)


def regressor_from_members(members):
    """Build a regressor from the members of its file; refuse what ``save`` does not write."""
    return _from_members(members[REGRESSOR], members[WEIGHTS], regressor)


def _from_members(content, weights, module, design=None):
    """Build a fitted estimator of one of the module's classes."""
    check_format(content)
    classifier = classifier_from_parameters(content["class"], content["parameters"], module)
    if design is not None:
        classifier._design = design
    classifier._task.from_json(classifier, content)
    classifier.reader_ = classifier._design.reader_from_json(content["reader"])
    for name in FITTED:
        setattr(classifier, name, content[name])
    _check_fitted(classifier)
    if content["feature_names"] is not None:
        classifier.feature_names_in_ = _feature_names(content["feature_names"])
    _set_reading(classifier, content["reading"])
    architecture = _with_tuples(content["architecture"])
    _check_architecture(classifier, architecture)
    set_network(classifier, _network(classifier, architecture, weights))
    return classifier


def ensemble_from_members(members):
    """Build an LSTMFCNEnsemble from its file's members; refuse what ``save`` does not write."""
    content = members[ENSEMBLE]
    check_format(content)
    estimator = estimator_from_json(content["estimator"])
    _check_names(LSTMFCNEnsemble, content["parameters"])
    parameters = parameters_from_json(content["parameters"])
    ensemble = LSTMFCNEnsemble(**{**parameters, "estimator": estimator})
    ensemble._validate_params()
    ensemble.classes_ = classes_from_json(content["classes"])
    _set_reading(ensemble, content["reading"])
    validation.check_counts(most=1000, n_members=content["n_members"])
    ensemble.estimators_ = classifiers_in_folders(members, ENSEMBLE, content["n_members"])
    for member in ensemble.estimators_:
        if member.classes_.tolist() != ensemble.classes_.tolist():
            raise ValueError("the classes of its members are not its own classes")
        shape = member.n_channels_in_, member.n_timepoints_in_
        if shape != (ensemble.n_channels_in_, ensemble.n_timepoints_in_):
            raise ValueError("its members expect series of different shapes")
    if hasattr(ensemble.estimators_[0], "feature_names_in_"):
        ensemble.feature_names_in_ = ensemble.estimators_[0].feature_names_in_
    return ensemble


def classifiers_in_folders(members, first, n_classifiers, design=None):
    """Build the classifiers of a file that has one folder for each, after the member ``first``."""
    expected = [f"{k}/{name}" for k in range(n_classifiers) for name in (CLASSIFIER, WEIGHTS)]
    if list(members) != [first, *expected]:
        raise ValueError(f"it holds {list(members)[:5]} ..., not {[first, *expected][:5]} ...")
    classifiers = []
    for k in range(n_classifiers):
        parts = {name: members[f"{k}/{name}"] for name in (CLASSIFIER, WEIGHTS)}
        classifiers.append(classifier_from_members(parts, design))
    kinds = {type(classifier).__name__ for classifier in classifiers}
    if len(kinds) > 1:
        raise ValueError(f"its classifiers are of different types, {sorted(kinds)}")
    return classifiers


def estimator_from_json(content):
    """Return the unfitted classifier from ``model_file.estimator_to_json``, or None."""
    if content is None:
        return None
    return classifier_from_parameters(content["class"], content["parameters"])


def classifier_from_parameters(name, parameters, module=classifiers):
    """Return an unfitted estimator from its class name and ``model_file.parameters_to_json``.

    The module's ``__all__`` lists the allowed classes.
    """
    if name not in module.__all__:
        raise ValueError(f"its class {name!r} is none of {module.__all__}")
    cls = getattr(module, name)
    _check_names(cls, parameters)
    classifier = cls(**parameters_from_json(parameters))
    if any(getattr(classifier, name) is not None for name in NEVER_WRITTEN):
        raise ValueError("it has callbacks or a checkpoint, which are never written")
    check_parameters(classifier)
    return classifier


def _check_names(cls, names):
    unknown = set(names) - set(cls().get_params(deep=False))
    if unknown:
        raise ValueError(f"{cls.__name__} has no parameter {min(unknown)!r}")


def _with_tuples(value):
    """Return JSON with tuples in place of lists, as builders need them."""
    if isinstance(value, dict):
        return {key: _with_tuples(entry) for key, entry in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _check_fitted(classifier):
    """Refuse fitted numbers that ``fit`` cannot produce."""
    for name in ("n_epochs_", "batch_size_"):
        validation.check_counts(most=LARGEST_COUNT, **{name: getattr(classifier, name)})
    if classifier.precision_ not in ("bfloat16", "float32"):
        raise ValueError(f"precision_={classifier.precision_!r} is not possible")
    for name, values in classifier.history_.items():
        if type(values) is not list or not all(isinstance(value, Real) for value in values):
            raise ValueError(f"history_[{name!r}] is not a list of numbers")


def _check_architecture(classifier, architecture):
    """Refuse an architecture that contradicts the fitted numbers beside it."""
    design = classifier._design
    for part, reader in design.parts(architecture, classifier.reader_):
        expected = {
            "n_timepoints": reader.n_timepoints,
            "n_channels": reader.n_channels,
            "n_classes": classifier._task.n_outputs(classifier),
            "masked": reader.is_masked,
        }
        for name, value in expected.items():
            if type(part[name]) is not type(value) or part[name] != value:
                found = part[name]
                raise ValueError(f"{name} is {found!r} in one place and {value} in another")
        validation.check_counts(least=0, most=LARGEST_SAVED_SEED, seed=part["seed"])
        # The network's parameters obey the same rules as the constructor's.
        validation.check_choice(part["passes_gaps"], "passes_gaps", (True, False))
        validation.check_counts(least=0, most=LONGEST_SERIES, rocket=part["rocket"])
        names = part.keys() - expected.keys() - {"seed", "passes_gaps", "pool_sizes", "rocket"}
        _check_names(type(classifier), names)
        check_parameters(type(classifier)(**{name: part[name] for name in names}))
        if "n_cells" in names:
            validation.check_counts(n_cells=part["n_cells"])
        blocks = {name: part[name] for name in BLOCKS}
        validation.check_blocks(**blocks, n_timepoints=reader.n_timepoints)
        validation.check_views(part["views"])
        check_size(part)


def _network(classifier, architecture, weights):
    """Build a network with these weights; refuse weights that no training can produce."""
    design = classifier._design
    n_weights = design.count_weights(classifier, architecture)
    if n_weights != weights.size:
        raise ValueError(f"its network has {n_weights} weights, but the file holds {weights.size}")
    if not np.isfinite(weights).all():
        raise ValueError("its weights contain NaN or infinity")
    build = design.builder(classifier)
    model = build(**architecture)
    model.set_weights(split_weights(weights, [tuple(variable.shape) for variable in model.weights]))
    for variable in model.weights:
        if variable.name == "moving_variance" and (variable.numpy() < 0).any():
            raise ValueError(f"its weights {variable.path} are variances below 0")
    parts = [part for part, _ in design.parts(architecture, classifier.reader_)]
    tried = model
    if not depends_on_length(model) and any(part["n_timepoints"] > SHORT for part in parts):
        tried = build(**_shortened(architecture))
        tried.set_weights(model.get_weights())
    elif any(part["n_timepoints"] * max(part["n_filters"]) > LARGEST_PROBE for part in parts):
        tried = None  # it would take gigabytes
    if tried is not None:
        _check_answers(tried)
    return FittedNetwork(build, architecture, model)


def _shortened(architecture):
    """Return the architecture for series of at most SHORT timepoints."""
    if "trunks" in architecture:
        trunks = {name: _shortened(trunk) for name, trunk in architecture["trunks"].items()}
        return {**architecture, "trunks": trunks}
    shorter = {name: min(SHORT, architecture[name]) for name in ("n_timepoints", "rocket")}
    return {**architecture, **shorter}


def _check_answers(model):
    """Refuse a network that answers plausible series with NaN."""
    generator = np.random.RandomState(0)
    # A series of zeros, and some of noise, as normalised series and as their largest outliers.
    scale = np.array([0, 1, 1, 1, 10, 10, 100, 100], np.float32)
    inputs = [np.ones((len(scale), *tensor.shape[1:]), np.float32) for tensor in model.inputs]
    for values in inputs:
        if values.ndim == 3:
            values *= scale[:, None, None] * generator.standard_normal(values.shape)
    inputs = inputs[0] if len(inputs) == 1 else inputs
    if not np.isfinite(model(inputs, training=False).numpy()).all():
        raise ValueError("its weights are impossible: the answer to a plausible series is NaN")


def _set_reading(classifier, reading):
    """Restore the options (label column, group, ...) by which the training file was read."""
    if reading is None:
        return
    kinds = {"label_column": str, "group": str, "drop": list, "window": int, "step": int}
    kinds |= {"id": str, "channels": list, "timepoints": list}
    for name, value in reading.items():
        entries = value if isinstance(value, list) else []
        if type(value) is not kinds.get(name) or not all(isinstance(x, str) for x in entries):
            raise ValueError(f"its reading has {name!r}: {value!r}")
    classifier.reading_ = reading


def _feature_names(names):
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("its feature names are not a list of strings")
    return np.array(names, dtype=object)
