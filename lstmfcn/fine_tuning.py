"""How does a fitted estimator learn on: on the same data, on other data, on other classes?"""

import math
from itertools import accumulate

import numpy as np

from lstmfcn import validation
from lstmfcn.fitting import (
    check_parameters,
    open_checkpoint,
    set_network,
    title,
    validation_samples,
)
from lstmfcn.networks.builders import (
    depends_on_length,
    is_convolutional,
    measure_units,
    set_weights,
)
from lstmfcn.networks.fitted import FittedNetwork, rows_per_batch
from lstmfcn.networks.rocket import fit_rocket
from lstmfcn.preprocessing import without_weightless
from lstmfcn.training.denoising import learn_to_denoise
from lstmfcn.training.loop import TrainingPlan, progress_bar, train
from lstmfcn.training.precision import resolve_precision


def fine_tune(
    estimator,
    X,
    y,
    sample_weight,
    schedule,
    *,
    n_epochs,
    freeze,
    reset_head,
    new_classes,
    validation_data,
    patience,
):
    """Train a fitted estimator on, in place.

    ``schedule`` has learning rate and batch size of each iteration; the rest is as for the method.
    """
    check_parameters(estimator)
    seeds = validation.draw_seeds(estimator.random_state, 2)
    old_classes = getattr(estimator, "classes_", None)
    data = _read(estimator, X, y, sample_weight, reset_head, adds=new_classes == "add")
    places = None
    if new_classes == "add" and not reset_head:
        places = np.searchsorted(estimator.classes_, old_classes)
    held_out = validation_samples(estimator, validation_data)
    precision = resolve_precision(estimator.precision)
    plans = [
        TrainingPlan(n_epochs, size, rate, "plateau", "best", patience, precision)
        for rate, size in schedule
    ]
    checkpoint = open_checkpoint(
        estimator,
        "fine_tune",
        seeds,
        data,
        [*estimator.network_.weights, *(held_out or ())],
        plans=repr(plans),
        freeze=freeze,
        reset_head=reset_head,
        new_classes=new_classes,
    )
    seeds = checkpoint.seeds
    data, held_out = estimator._task.prepare(estimator, data, held_out, anew=reset_head)
    series, labels, weights = data
    if reset_head:
        estimator.reader_ = estimator.reader_.with_normalization(estimator.normalization, series)
    model, architecture = estimator._design.adapted(estimator, reset_head, seeds[0], places)
    for layer in model.layers:
        layer.trainable = not (freeze and is_convolutional(layer))
    inputs = estimator.reader_.to_inputs(series)
    if held_out is not None:
        held_out = estimator.reader_.to_inputs(held_out[0]), held_out[1]

    def run_iteration(stage, before, resume, save_state):
        progress.begin(stage)
        if before is not None:
            set_weights(model, before["weights"])
        elif reset_head:  # these may be series of another kind
            if resume is None:
                learn_to_denoise(model, inputs, plans[stage], seeds[1])
            measure_units(model, inputs, rows_per_batch(max(x.shape[1] for x in model.inputs)))
        history = train(
            model,
            inputs,
            labels,
            weights,
            plans[stage],
            seed=seeds[1] + stage,
            validation=held_out,
            callbacks=estimator.callbacks or (),
            bar=progress,
            resume=resume,
            save_state=save_state,
        )
        if before is not None:
            history = {key: before["history"][key] + new for key, new in history.items()}
        return {"weights": model.get_weights(), "history": history}

    name = f"fine-tune {title(estimator, len(labels), precision)}: {len(plans)} x {n_epochs} epochs"
    # The bar counts updates: later iterations have smaller batches, and so longer epochs.
    n_updates = [math.ceil(len(labels) / plan.batch_size) for plan in plans]
    total = n_epochs * sum(n_updates)
    with progress_bar(total, name, estimator.verbose, unit="update") as bar:
        progress = _InUpdates(bar, n_epochs, n_updates)
        last = checkpoint.run_stages(len(plans), run_iteration)
        progress.begin(len(plans))
    set_weights(model, last["weights"])
    fit_rocket(model, inputs, labels, weights, seeds[0], anew=reset_head)
    set_network(estimator, FittedNetwork(estimator.network_.build, architecture, model))
    estimator.history_ = _continued(estimator.history_, last["history"])
    estimator.precision_ = precision


def _continued(old, new):
    """Return one history after another; NaN stands for epochs that lack a value."""
    lengths = [max(map(len, part.values()), default=0) for part in (old, new)]
    gaps = [[math.nan] * length for length in lengths]
    return {
        key: old.get(key, gaps[0]) + new.get(key, gaps[1]) for key in dict.fromkeys([*old, *new])
    }


class _InUpdates:
    """A bar over the updates of several trainings that is told of epochs."""

    def __init__(self, bar, n_epochs, n_updates):
        self._bar, self._n_updates, self._stage, self._shown = bar, n_updates, 0, 0
        self._starts = list(accumulate((n_epochs * n for n in n_updates), initial=0))

    def begin(self, stage):
        """Go on to a training, over what earlier ones have left out or done before."""
        self._stage = stage
        self._advance(self._starts[stage] - self._shown)

    def update(self, n_epochs=1):
        self._advance(n_epochs * self._n_updates[self._stage])

    def set_postfix(self, ordered_dict=None, **kwargs):
        self._bar.set_postfix(ordered_dict, **kwargs)

    def _advance(self, n_updates):
        self._shown += n_updates
        self._bar.update(n_updates)


def _read(estimator, X, y, sample_weight, reset_head, adds):
    """Check samples to go on with; length and, with a new head, classes become theirs."""
    series, reader = estimator._design.read(X), estimator.reader_
    if reset_head or not (reader.unequal_length or depends_on_length(estimator.model_)):
        estimator.reader_ = reader.with_length_of(series)
    estimator.reader_.check(series, type(estimator).__name__)
    validation.check_feature_names(
        estimator, X, reset=reset_head or estimator.reader_ is not reader
    )
    if reset_head:
        labels = estimator._task.learn(estimator, y, len(series))
    else:
        if adds:
            estimator.classes_ = validation.with_new_classes(
                estimator.classes_, y, len(series), type(estimator).__name__
            )
        remedy = (
            "Pass new_classes='add' to learn them beside these, reset_head=True to learn them "
            "instead, or fit again."
        )
        labels = estimator._task.known(estimator, y, len(series), remedy)
    weights = validation.check_weights(sample_weight, len(labels))
    return without_weightless(series, labels, weights)
