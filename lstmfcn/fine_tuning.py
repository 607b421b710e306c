"""How does a fitted classifier learn on: on the same data, on other data, on other classes?"""

import numpy as np

from lstmfcn import validation
from lstmfcn.fitting import (
    check_parameters,
    known_labels,
    new_labels,
    open_checkpoint,
    set_network,
    validation_samples,
    with_class_weights,
)
from lstmfcn.networks.builders import (
    depends_on_length,
    is_convolutional,
    set_weights,
)
from lstmfcn.networks.fitted import FittedNetwork
from lstmfcn.networks.rocket import fit_rocket
from lstmfcn.preprocessing import without_weightless
from lstmfcn.training.loop import TrainingPlan, progress_bar, train
from lstmfcn.training.precision import resolve_precision


def fine_tune(
    classifier,
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
    """Train a fitted classifier on, in place.

    ``schedule`` has learning rate and batch size of each iteration; the rest is as for the method.
    """
    check_parameters(classifier)
    seeds = validation.draw_seeds(classifier.random_state, 2)
    old_classes = classifier.classes_
    data = _read(classifier, X, y, sample_weight, reset_head, adds=new_classes == "add")
    places = None
    if not reset_head and len(classifier.classes_) > len(old_classes):
        places = np.searchsorted(classifier.classes_, old_classes)
    held_out = validation_samples(classifier, validation_data)
    precision = resolve_precision(classifier.precision)
    plans = [
        TrainingPlan(n_epochs, size, rate, "plateau", "best", patience, precision)
        for rate, size in schedule
    ]
    checkpoint = open_checkpoint(
        classifier,
        "fine_tune",
        seeds,
        data,
        [*classifier.network_.weights, *(held_out or ())],
        plans=repr(plans),
        freeze=freeze,
        reset_head=reset_head,
        new_classes=new_classes,
    )
    seeds = checkpoint.seeds
    series, labels, weights = with_class_weights(classifier, *data, fewest=1)
    if reset_head:
        classifier.reader_ = classifier.reader_.with_normalization(classifier.normalization, series)
    model, architecture = classifier._design.adapted(classifier, reset_head, seeds[0], places)
    for layer in model.layers:
        layer.trainable = not (freeze and is_convolutional(layer))
    inputs = classifier.reader_.to_inputs(series)
    if held_out is not None:
        held_out = classifier.reader_.to_inputs(held_out[0]), held_out[1]

    def run_iteration(stage, before, resume, save_state):
        if before is not None:
            set_weights(model, before["weights"])
        history = train(
            model,
            inputs,
            labels,
            weights,
            plans[stage],
            seed=seeds[1] + stage,
            validation=held_out,
            callbacks=classifier.callbacks or (),
            bar=bar,
            resume=resume,
            save_state=save_state,
        )
        if before is not None:
            history = {key: before["history"][key] + new for key, new in history.items()}
        return {"weights": model.get_weights(), "history": history}

    with progress_bar(len(plans) * n_epochs, "fine_tune", classifier.verbose) as bar:
        last = checkpoint.run_stages(len(plans), run_iteration)
    set_weights(model, last["weights"])
    was = classifier.network_.architecture
    anew = reset_head or architecture.get("n_timepoints") != was.get("n_timepoints")
    fit_rocket(model, inputs, labels, weights, seeds[0], anew=anew)
    set_network(classifier, FittedNetwork(classifier.network_.build, architecture, model))
    old = classifier.history_
    continued = {key: old.get(key, []) + new for key, new in last["history"].items()}
    classifier.history_, classifier.precision_ = {**old, **continued}, precision


def _read(classifier, X, y, sample_weight, reset_head, adds):
    """Check samples to go on with; length and, with a new head, classes become theirs."""
    series, reader = classifier._design.read(X), classifier.reader_
    if reset_head or not (reader.unequal_length or depends_on_length(classifier.model_)):
        classifier.reader_ = reader.with_length_of(series)
    classifier.reader_.check(series, type(classifier).__name__)
    validation.check_feature_names(
        classifier, X, reset=reset_head or classifier.reader_ is not reader
    )
    if reset_head:
        labels = new_labels(classifier, y, len(series))
    else:
        if adds:
            classifier.classes_ = validation.with_new_classes(
                classifier.classes_, y, len(series), type(classifier).__name__
            )
        remedy = (
            "Pass new_classes='add' to learn them beside these, reset_head=True to learn them "
            "instead, or fit again."
        )
        labels = known_labels(classifier, y, len(series), remedy)
    weights = validation.check_weights(sample_weight, len(labels))
    return without_weightless(series, labels, weights)
