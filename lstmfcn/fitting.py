"""How does an estimator get from the user's series to a trained network? The steps of fit.

An estimator that is being fitted has ``reader_``, what its task knows of the targets, such as
``classes_``, and, at the end, ``network_``.
"""

import inspect
from operator import attrgetter

import numpy as np
from sklearn.model_selection import train_test_split

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

    def read(self, X, estimator=None, *, reset=False):
        """Check what the user passed; ``reset`` in ``fit``, where feature names are recorded."""
        series = validation.as_series(X, estimator=estimator, reset=reset)
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

    def builder(self, estimator):
        """Return the function that builds the network."""
        return NETWORKS[estimator._network]

    def architecture(self, estimator, reader, n_cells, seed):
        """Return the builder's arguments; refuse a network that is too large."""
        blocks = estimator.n_filters, estimator.kernel_sizes, estimator.n_steps
        architecture = {
            "n_timepoints": reader.n_timepoints,
            "n_channels": reader.n_channels,
            "n_classes": estimator._task.n_outputs(estimator),
            **validation.check_blocks(*blocks, estimator.dilation_rates, reader.n_timepoints),
            "views": validation.check_views(estimator.views),
            "rocket": reader.n_timepoints if estimator.rocket else 0,
            "squeeze_excite": bool(estimator.squeeze_excite),
            "occlusion": float(estimator.occlusion),
            "passes_gaps": True,
            "masked": reader.is_masked,
            "seed": seed,
            **{name: getattr(estimator, name) for name in estimator._network_parameters},
        }
        if n_cells is not None:
            architecture["n_cells"] = int(n_cells)
        validation.check_network_size(self.count_weights(estimator, architecture))
        return architecture

    def parts(self, architecture, reader):
        """Return (architecture, reader) of each network that reads one series."""
        return [(architecture, reader)]

    def count_weights(self, estimator, architecture):
        """Return the number of the network's weights, without building it."""
        return count_weights(estimator._network, **architecture)

    def adapted(self, estimator, new_head, seed, places=None):
        """Build a network for the present length and classes, with the weights of the fitted one.

        ``places`` says which class each old one is now, if there are more. With ``new_head`` the
        last layer starts from new random weights. So does an LSTM whose weights depend on a length
        that is another now. Returns a keras.Model, its architecture.
        """
        network, reader = estimator.network_, estimator.reader_
        architecture = {
            **network.architecture,
            "n_timepoints": reader.n_timepoints,
            "n_classes": estimator._task.n_outputs(estimator),
        }
        if new_head:
            architecture["seed"] = seed
            if architecture.get("rocket"):
                architecture["rocket"] = reader.n_timepoints
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
                f"{str(error).partition(', but')[0]}; pass longer series, or fit a new estimator."
            ) from error
        model = network.build(**architecture)
        transfer_weights(network.model, model, heads=not new_head, places=places)
        return model, architecture


def fit(estimator, X, y, sample_weight, validation_data):
    """Fit an estimator in place: read, hold out, weight, normalise, train."""
    check_parameters(estimator)
    seeds = validation.draw_seeds(estimator.random_state, 3)
    series = estimator._design.read(X, estimator, reset=True)
    labels = estimator._task.learn(estimator, y, len(series))
    weights = validation.check_weights(sample_weight, len(series))
    series, labels, weights = without_weightless(series, labels, weights)
    estimator.reader_ = estimator._design.learn(series, estimator.unequal_length)
    if validation_data is not None and estimator.validation_fraction is not None:
        raise ValueError(
            "both validation_data and validation_fraction="
            f"{estimator.validation_fraction} were given; pass one of them."
        )
    held_out = validation_samples(estimator, validation_data)
    data = series, labels, weights
    checkpoint = open_checkpoint(estimator, "fit", seeds, data, held_out or ())
    seeds = checkpoint.seeds
    if estimator.validation_fraction is not None:
        data, held_out = _hold_out(estimator, *data, seed=seeds[2])
    data, held_out = estimator._task.prepare(estimator, data, held_out, anew=True)
    series, labels, weights = data
    reader = estimator.reader_.with_normalization(estimator.normalization, series)
    estimator.reader_ = reader
    inputs = reader.to_inputs(series)
    if held_out is not None:
        held_out = reader.to_inputs(held_out[0]), held_out[1]
    plans = plans_of(estimator, len(labels), estimator._task.n_outputs(estimator))
    n_cells = getattr(estimator, "n_cells", None)
    sizes = [n_cells] if n_cells is None or np.ndim(n_cells) == 0 else list(n_cells)
    network, trained = Candidates(
        estimator._design.builder(estimator),
        [estimator._design.architecture(estimator, reader, size, seeds[0]) for size in sizes],
        plans,
        inputs,
        labels,
        weights,
        seeds[1],
        held_out,
        estimator.callbacks or (),
    ).train(checkpoint, title(estimator, len(labels), plans[0].precision), estimator.verbose)
    set_network(estimator, network)
    estimator.history_, estimator.n_epochs_ = trained.history, trained.n_epochs
    estimator.batch_size_, estimator.precision_ = plans[0].batch_size, plans[0].precision


def title(estimator, n_samples, precision):
    """Return what stands before the progress bar: what is trained, on how much, and how."""
    reader = estimator.reader_
    sizes = ""
    if hasattr(reader, "n_timepoints"):
        sizes = f" x {reader.n_channels} x {reader.n_timepoints}"
    return f"{type(estimator).__name__} ({n_samples} series{sizes}, {precision})"


def plans_of(estimator, n_samples, n_classes):
    """Return the plan of an estimator's training and, perhaps, of one that may follow."""
    return make_plans(
        n_samples,
        n_classes,
        hides=estimator.occlusion > 0,
        n_epochs=estimator.n_epochs,
        batch_size=estimator.batch_size,
        learning_rate=float(estimator.learning_rate),
        schedule=estimator.schedule,
        keep_weights=estimator.keep_weights,
        patience=estimator.patience,
        precision=resolve_precision(estimator.precision),
    )


def check_parameters(estimator):
    """Refuse parameters of the constructor that are not possible."""
    for name, value in estimator.get_params(deep=False).items():
        if isinstance(value, int) and value.bit_length() > 10_000:  # cannot be written out
            raise ValueError(f"{name}={validation.brief(value)} is too large.")
    estimator._validate_params()
    n_cells = getattr(estimator, "n_cells", 1)
    if not isinstance(n_cells, (int, np.integer)):
        validation.check_sizes(n_cells, "n_cells", 4096)
    validation.check_callbacks(estimator.callbacks)


def read_matching(estimator, X):
    """Check samples against those of ``fit``, and return them."""
    series = estimator._design.read(X, estimator)
    estimator.reader_.check(series, type(estimator).__name__)
    return series


def set_network(estimator, network):
    """Give an estimator its fitted network."""
    estimator.network_ = network
    if "n_cells" in network.architecture:
        estimator.n_cells_ = network.architecture["n_cells"]


def validation_samples(estimator, validation_data):
    """Return the user's validation series and targets, or None."""
    if validation_data is None:
        return None
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ValueError("validation_data must be a pair (X, y) of series and labels.")
    series = read_matching(estimator, validation_data[0])
    return series, estimator._task.known(estimator, validation_data[1], len(series))


def _hold_out(estimator, series, labels, weights, seed):
    """Split into (series, labels, weights) to train on and (series, labels) held out."""
    fraction = estimator.validation_fraction
    strata = estimator._task.strata(estimator, labels, fraction)
    kept, held = train_test_split(
        np.arange(len(labels)), test_size=fraction, stratify=strata, random_state=seed
    )
    if strata is not None:  # scikit-learn may put all series of a rare class on one side
        kept, held = (_with_all_classes(*sides, strata) for sides in ((kept, held), (held, kept)))
    trained_on = take(series, kept), labels[kept], weights[kept]
    return trained_on, (take(series, held), labels[held])


def _with_all_classes(side, other, strata):
    """Return one side of a split, with a series of each class and without the other's only one."""
    missing = [np.flatnonzero(strata[other] == k)[0] for k in np.setdiff1d(strata, strata[side])]
    given = [np.flatnonzero(strata[side] == k)[0] for k in np.setdiff1d(strata, strata[other])]
    return np.concatenate([np.delete(side, np.array(given, int)), other[np.array(missing, int)]])


def open_checkpoint(estimator, method, seeds, data, more_data=(), **arguments):
    """Return the checkpoint of a training: what may change its result names the training.

    ``data`` and ``more_data`` start with samples, or hold arrays alone.
    """
    parameters = {
        name: repr(value)
        for name, value in estimator.get_params(deep=False).items()
        if name not in ("callbacks", "checkpoint", "random_state", "verbose")
    }
    has_seed = estimator.random_state is not None
    job = {
        "class": type(estimator).__name__,
        **parameters,
        "callbacks": [_description(callback) for callback in estimator.callbacks or ()],
        "precision": resolve_precision(estimator.precision),
        "random_state": [int(seed) for seed in seeds] if has_seed else None,
        **estimator._design.settings(),
        **arguments,
    }
    if estimator.checkpoint is not None:  # reads all the data
        arrays = estimator._design.arrays
        for name, group in (("data", data), ("data_beside", more_data)):
            job[name] = fingerprint(*(array for entry in group for array in arrays(entry)))
    return Checkpoint(estimator.checkpoint, method, job, seeds)


def _description(callback):
    """Return a callback's class and settings as text, without what it has counted so far."""
    settings = {}
    for key in inspect.signature(type(callback)).parameters:
        value = vars(callback).get(key)
        if isinstance(value, (int, float)):
            settings[key] = abs(value)  # Keras flips signs
        elif isinstance(value, str):
            settings[key] = value
        elif inspect.isfunction(value):
            held = [cell.cell_contents for cell in value.__closure__ or ()]
            held = [one for one in held if isinstance(one, (int, float, str))]
            settings[key] = _of_code(value.__code__), held
    return f"{type(callback).__name__}({settings})"


def _of_code(code):
    """Return a function's instructions, names and constants as text, alike in each process."""
    constants = [
        _of_code(one)
        if inspect.iscode(one)
        else sorted(map(repr, one))
        if isinstance(one, frozenset)
        else repr(one)
        for one in code.co_consts
    ]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def part_of_fit(name, path, doc):
    """Return a property that reads ``path``, such as "reader_.n_channels"; missing before fit."""
    read, (part, *_) = attrgetter(path), path.split(".")

    def get(self):
        if part not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return read(self)

    return property(get, doc=doc)
