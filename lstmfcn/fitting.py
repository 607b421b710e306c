"""How does a classifier get from the user's series to a trained network? The steps of fit.

A classifier that is being fitted has ``reader_``, ``classes_`` and, at the end, ``network_``.
"""

import inspect
from operator import attrgetter

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.class_weight import compute_class_weight

from lstmfcn import validation
from lstmfcn.networks.builders import (
    NETWORKS,
    count_weights,
    transfer_weights,
    uses_dimension_shuffle,
)
from lstmfcn.preprocessing import SeriesReader, take, without_weightless
from lstmfcn.training.candidates import Candidates, make_plans
from lstmfcn.training.checkpoint import Checkpoint, fingerprint
from lstmfcn.training.precision import resolve_precision

BLOCKS = ("n_filters", "kernel_sizes", "pool_sizes", "dilation_rates")  # of convolutions


class SeriesDesign:
    """How are series read, and which network fits them?

    :class:`lstmfcn.multimodal.branch.BranchDesign` gives other answers.
    """

    learn = staticmethod(SeriesReader.learn)
    reader_from_json = staticmethod(SeriesReader.from_json)

    def read(self, X, classifier=None, *, reset=False):
        """Check what the user passed; ``reset`` in ``fit``, where feature names are recorded."""
        series = validation.as_series(X, estimator=classifier, reset=reset)
        if not reset:
            return series
        validation.warn_if_time_is_second(X, series)
        return list(series) if validation.is_list_of_series(X) else series

    def arrays(self, series):
        """Return the arrays that a checkpoint recognises the samples by."""
        return (series,)

    def settings(self):
        """Return what else a checkpoint recognises its training by."""
        return {}

    def builder(self, classifier):
        """Return the function that builds the network."""
        return NETWORKS[classifier._network]

    def architecture(self, classifier, reader, n_cells, seed):
        """Return the builder's arguments; refuse a network that is too large."""
        blocks = classifier.n_filters, classifier.kernel_sizes, classifier.n_steps
        architecture = {
            "n_timepoints": reader.n_timepoints,
            "n_channels": reader.n_channels,
            "n_classes": len(classifier.classes_),
            **validation.check_blocks(*blocks, classifier.dilation_rates, reader.n_timepoints),
            "views": validation.check_views(classifier.views),
            "rocket": bool(classifier.rocket),
            "squeeze_excite": bool(classifier.squeeze_excite),
            "occlusion": float(classifier.occlusion),
            "passes_gaps": True,
            "masked": reader.is_masked,
            "seed": seed,
            **{name: getattr(classifier, name) for name in classifier._network_parameters},
        }
        if n_cells is not None:
            architecture["n_cells"] = int(n_cells)
        validation.check_network_size(self.count_weights(classifier, architecture))
        return architecture

    def parts(self, architecture, reader):
        """Return (architecture, reader) of each network that reads one series."""
        return [(architecture, reader)]

    def count_weights(self, classifier, architecture):
        """Return the number of the network's weights, without building it."""
        return count_weights(classifier._network, **architecture)

    def adapted(self, classifier, new_head, seed, places=None):
        """Build a network for the present length and classes, with the weights of the fitted one.

        ``places`` says which class each old one is now, if there are more. With ``new_head`` the
        last layer starts from new random weights. So does an LSTM whose weights depend on a length
        that is another now. Returns a keras.Model, its architecture.
        """
        network, reader = classifier.network_, classifier.reader_
        architecture = {
            **network.architecture,
            "n_timepoints": reader.n_timepoints,
            "n_classes": len(classifier.classes_),
        }
        if new_head:
            architecture["seed"] = seed
        if architecture.get("dimension_shuffle") == "auto":  # decided once, in fit
            architecture["dimension_shuffle"] = uses_dimension_shuffle(
                "auto", reader.n_channels, network.architecture["n_timepoints"]
            )
        blocks = {name: architecture[name] for name in BLOCKS}
        try:
            validation.check_blocks(**blocks, n_timepoints=reader.n_timepoints)
        except ValueError as error:
            raise ValueError(
                f"X has {reader.n_timepoints} timepoints, but the network's "
                f"{str(error).partition(', but')[0]}; pass longer series, or fit a new classifier."
            ) from error
        model = network.build(**architecture)
        transfer_weights(network.model, model, heads=not new_head, places=places)
        return model, architecture


def fit(classifier, X, y, sample_weight, validation_data):
    """Fit a classifier in place: read, hold out, weight, normalise, train."""
    check_parameters(classifier)
    seeds = validation.draw_seeds(classifier.random_state, 3)
    series = classifier._design.read(X, classifier, reset=True)
    labels = new_labels(classifier, y, len(series))
    weights = validation.check_weights(sample_weight, len(series))
    series, labels, weights = without_weightless(series, labels, weights)
    classifier.reader_ = classifier._design.learn(series, classifier.unequal_length)
    if validation_data is not None and classifier.validation_fraction is not None:
        raise ValueError(
            "both validation_data and validation_fraction="
            f"{classifier.validation_fraction} were given; pass one of them."
        )
    held_out = validation_samples(classifier, validation_data)
    data = series, labels, weights
    checkpoint = open_checkpoint(classifier, "fit", seeds, data, held_out or ())
    seeds = checkpoint.seeds
    if classifier.validation_fraction is not None:
        data, held_out = _hold_out(classifier, *data, seed=seeds[2])
    series, labels, weights = with_class_weights(classifier, *data)
    reader = classifier.reader_.with_normalization(classifier.normalization, series)
    classifier.reader_ = reader
    inputs = reader.to_inputs(series)
    if held_out is not None:
        held_out = reader.to_inputs(held_out[0]), held_out[1]
    plans = plans_of(classifier, len(labels), len(classifier.classes_))
    n_cells = getattr(classifier, "n_cells", None)
    sizes = [n_cells] if n_cells is None or np.ndim(n_cells) == 0 else list(n_cells)
    network, trained = Candidates(
        classifier._design.builder(classifier),
        [classifier._design.architecture(classifier, reader, size, seeds[0]) for size in sizes],
        plans,
        inputs,
        labels,
        weights,
        seeds[1],
        held_out,
        classifier.callbacks or (),
    ).train(checkpoint, _title(classifier, len(labels), plans[0].precision), classifier.verbose)
    set_network(classifier, network)
    classifier.history_, classifier.n_epochs_ = trained.history, trained.n_epochs
    classifier.batch_size_, classifier.precision_ = plans[0].batch_size, plans[0].precision


def _title(classifier, n_samples, precision):
    """Return what stands before the progress bar: what is trained, on how much, and how."""
    reader = classifier.reader_
    sizes = ""
    if hasattr(reader, "n_timepoints"):
        sizes = f" x {reader.n_channels} x {reader.n_timepoints}"
    return f"{type(classifier).__name__} ({n_samples} series{sizes}, {precision})"


def plans_of(classifier, n_samples, n_classes):
    """Return the plan of a classifier's training and, perhaps, of one that may follow."""
    return make_plans(
        n_samples,
        n_classes,
        hides=classifier.occlusion > 0,
        n_epochs=classifier.n_epochs,
        batch_size=classifier.batch_size,
        learning_rate=float(classifier.learning_rate),
        schedule=classifier.schedule,
        keep_weights=classifier.keep_weights,
        patience=classifier.patience,
        precision=resolve_precision(classifier.precision),
    )


def check_parameters(classifier):
    """Refuse parameters of the constructor that are not possible."""
    for name, value in classifier.get_params(deep=False).items():
        if isinstance(value, int) and value.bit_length() > 10_000:  # cannot be written out
            raise ValueError(f"{name}={validation.brief(value)} is too large.")
    classifier._validate_params()
    n_cells = getattr(classifier, "n_cells", 1)
    if not isinstance(n_cells, (int, np.integer)):
        validation.check_sizes(n_cells, "n_cells", 4096)
    validation.check_callbacks(classifier.callbacks)


def new_labels(classifier, y, n_samples):
    """Learn the classes of ``y``; return class indices, int32 of shape (n_samples,)."""
    name = type(classifier).__name__
    y = validation.check_labels(y, n_samples, name)
    encoder = LabelEncoder().fit(y)
    classifier.classes_ = encoder.classes_
    validation.check_classes(classifier.classes_, name, n_samples)
    return encoder.transform(y).astype(np.int32)


def known_labels(classifier, y, n_samples, *remedy):
    """Return indices of the classes that ``fit`` has seen, int32 of shape (n_samples,)."""
    name = type(classifier).__name__
    y = validation.check_labels(y, n_samples, name)
    return validation.encode_labels(y, classifier.classes_, name, *remedy)


def read_matching(classifier, X):
    """Check samples against those of ``fit``, and return them."""
    series = classifier._design.read(X, classifier)
    classifier.reader_.check(series, type(classifier).__name__)
    return series


def set_network(classifier, network):
    """Give a classifier its fitted network."""
    classifier.network_ = network
    if "n_cells" in network.architecture:
        classifier.n_cells_ = network.architecture["n_cells"]


def with_class_weights(classifier, series, labels, weights, fewest=2):
    """Multiply sample weights by class weights; leave out what then weighs nothing."""
    if classifier.class_weight is not None:
        by_class = np.ones(len(classifier.classes_), np.float32)
        if classifier.class_weight == "balanced":
            present = np.unique(labels)
            by_class[present] = compute_class_weight("balanced", classes=present, y=labels)
        else:
            by_class[:] = validation.check_class_weight(
                classifier.class_weight, classifier.classes_
            )
        series, labels, weights = without_weightless(series, labels, weights * by_class[labels])
    if len(np.unique(labels)) < fewest:
        raise ValueError(
            "sample_weight and class_weight leave too few classes with positive weight; "
            f"{type(classifier).__name__} needs at least {fewest} here."
        )
    return series, labels, weights


def validation_samples(classifier, validation_data):
    """Return the user's validation series and class indices, or None."""
    if validation_data is None:
        return None
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ValueError("validation_data must be a pair (X, y) of series and labels.")
    series = read_matching(classifier, validation_data[0])
    return series, known_labels(classifier, validation_data[1], len(series))


def _hold_out(classifier, series, labels, weights, seed):
    """Split into (series, labels, weights) to train on and (series, labels) held out."""
    fraction = classifier.validation_fraction
    validation.check_split(labels, fraction, len(classifier.classes_))
    kept, held = train_test_split(
        np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=seed
    )
    trained_on = take(series, kept), labels[kept], weights[kept]
    return trained_on, (take(series, held), labels[held])


def open_checkpoint(classifier, method, seeds, data, more_data=(), **arguments):
    """Return the checkpoint of a training: what may change its result names the training.

    ``data`` and ``more_data`` start with samples, or hold arrays alone.
    """
    parameters = {
        name: repr(value)
        for name, value in classifier.get_params(deep=False).items()
        if name not in ("callbacks", "checkpoint", "random_state", "verbose")
    }
    has_seed = classifier.random_state is not None
    job = {
        "class": type(classifier).__name__,
        **parameters,
        "callbacks": [_description(callback) for callback in classifier.callbacks or ()],
        "precision": resolve_precision(classifier.precision),
        "random_state": [int(seed) for seed in seeds] if has_seed else None,
        **classifier._design.settings(),
        **arguments,
    }
    if classifier.checkpoint is not None:  # reads all the data
        arrays = classifier._design.arrays
        for name, group in (("data", data), ("data_beside", more_data)):
            job[name] = fingerprint(*(array for entry in group for array in arrays(entry)))
    return Checkpoint(classifier.checkpoint, method, job, seeds)


def _description(callback):
    """Return a callback's class and settings as text, without what it has counted so far."""
    settings = {
        key: abs(value) if isinstance(value, (int, float)) else value  # Keras flips signs
        for key in inspect.signature(type(callback)).parameters
        if isinstance(value := vars(callback).get(key), (bool, int, float, str))
    }
    return f"{type(callback).__name__}({settings})"


def part_of_fit(name, path, doc):
    """Return a property that reads ``path``, such as "reader_.n_channels"; missing before fit."""
    read, (part, *_) = attrgetter(path), path.split(".")

    def get(self):
        if part not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return read(self)

    return property(get, doc=doc)
