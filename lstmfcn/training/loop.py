"""How is a network trained? The one training loop; it knows arrays and models, no estimator."""

import math
import time
from dataclasses import dataclass

import numpy as np

from lstmfcn.networks.backend import keras, tf
from lstmfcn.networks.fitted import Forward, memory_errors_explained, rows_per_batch
from lstmfcn.networks.occlusion import Denoiser
from lstmfcn.progress import tqdm
from lstmfcn.training.batches import compile_loop, laid_out, updates_at_a_time
from lstmfcn.training.calibration import Moments, recalibrate
from lstmfcn.training.denoising import compile_denoising, denoised_inputs
from lstmfcn.training.losses import loss_of
from lstmfcn.training.precision import computing_in
from lstmfcn.training.state import TrainingRun, lent

WHOLE_FRACTION = 0.25  # of the epochs, the last ones, that train on whole series


@dataclass(frozen=True)
class TrainingPlan:
    """What a training run does, apart from the data and the seed.

    Attributes
    ----------
    n_epochs, batch_size : int
        An epoch is cut into the fewest batches of at most ``batch_size`` series, even in size.
    learning_rate : float
        Adam's; the peak of ``"one_cycle"``, the start of ``"plateau"``.
    schedule, keep_weights, patience
        As for the classifiers.
    precision : {"float32", "bfloat16"}
        Of the convolutions, while training.
    """

    n_epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    schedule: str = "one_cycle"
    keep_weights: str = "last"
    patience: int | None = None
    precision: str = "float32"


def train(
    model,
    inputs,
    labels,
    weights,
    plan,
    *,
    seed,
    validation=None,
    callbacks=(),
    bar=None,
    resume=None,
    save_state=None,
):
    """Train ``model`` in place and leave it ready to predict.

    Layers that are not trainable keep their weights, and their batch normalisation its statistics.

    Parameters
    ----------
    model : keras.Model
        From :mod:`lstmfcn.networks`.
    inputs : tuple of float32 arrays, or of objects that give one for a slice or rows
        The model's, of shape (n_samples, ...) each.
    labels : array of shape (n_samples,)
        Class indices; for a network with one output, numbers of float32.
    weights : float32 array of shape (n_samples,)
        Factor of each sample's loss.
    plan : TrainingPlan
    seed : int
        Of the order of the samples.
    validation : tuple (inputs, labels), optional
        Measured after each epoch, with recalibrated batch normalisation.
    callbacks : sequence of keras.callbacks.Callback
    bar : tqdm bar, optional
        Advanced by one per epoch.
    resume : dict, optional
        A state from ``save_state``: the training goes on from there, and ends bit-equal.
    save_state : callable, optional
        Called after every few updates with a function that returns the state of the training.

    Returns
    -------
    dict of str to list of float
        Per epoch: ``loss``, ``accuracy``, ``learning_rate`` (of its last update),
        ``epoch_seconds`` and, with validation, ``val_loss``, ``val_accuracy``. Of numbers it is
        ``absolute_error`` instead of ``accuracy``.

    Raises
    ------
    FloatingPointError
        If the loss stops being a number.
    MemoryError
    """
    n_samples = len(labels)
    n_batches = math.ceil(n_samples / plan.batch_size)
    rows = rows_per_batch(max(x.shape[1] for x in model.inputs))
    arrays = (*inputs, labels, weights)
    denoisers = [layer for layer in model.layers if isinstance(layer, Denoiser)]
    remedy = "lower batch_size, n_filters or the length of the series"
    work = f"batches of {plan.batch_size} series"
    with lent(callbacks), memory_errors_explained(work, remedy):
        monitor = "val_loss" if validation else "loss"
        run = TrainingRun(model, plan, n_batches, callbacks, monitor)
        with computing_in(plan.precision, model):
            update = _compile_updates(model, run.optimizer)
        denoise = compile_denoising(model)
        n_together = updates_at_a_time(inputs, plan.batch_size)
        n_at_once = 1 if callbacks else n_together
        validate = _validator(model, inputs, validation, rows)
        run.call("on_train_begin", {})
        if resume is not None:
            run.restore(resume)
            if bar is not None:
                bar.update(run.epoch)

        while run.epoch < plan.n_epochs:
            started = time.perf_counter()
            if run.batch == 0:
                run.call("on_epoch_begin", run.epoch, {})
            for layer in denoisers:
                layer.switch(run.epoch < (1.0 - WHOLE_FRACTION) * plan.n_epochs)
            # A function of seed and epoch alone, so that it needs no state.
            order = np.random.default_rng([seed, run.epoch]).permutation(n_samples)
            batches = np.array_split(order, n_batches)
            for first in range(run.batch, n_batches, n_together):
                if model.stop_training and run.batch:
                    break
                some = batches[first : first + n_together]
                _make_updates(run, arrays, some, denoise, update, n_at_once)
                if save_state is not None:
                    save_state(run.state)
            logs = {
                **run.averages(),
                "learning_rate": run.learning_rate,
                **validate(),
            }
            _check_loss(logs["loss"], run.epoch, plan)
            run.call("on_epoch_end", run.epoch, dict(logs))
            logs["epoch_seconds"] = time.perf_counter() - started
            run.log(logs)
            if bar is not None:
                bar.set_postfix({k: f"{v:.4g}" for k, v in logs.items() if k.endswith("loss")})
                bar.update()
            if run.best.says_stop(logs) or model.stop_training:
                break
        run.best.restore()
        run.call("on_train_end", {})
        recalibrate(model, inputs, rows)
    return run.history


def _make_updates(run, arrays, batches, denoise, update, n_at_once):
    """Make the updates of a few batches, ``n_at_once`` in a call, until a callback stops them."""
    *inputs, labels, weights, ends = laid_out(arrays, batches)
    inputs = denoise(*inputs)
    for k in range(0, len(batches), n_at_once):
        if run.model.stop_training and run.batch:
            return
        run.call("on_train_batch_begin", run.batch, {})
        sums = update(*inputs, labels, weights, ends[k : k + n_at_once + 1])
        for batch, of_batch in zip(batches[k:], sums.numpy(), strict=False):
            run.count(of_batch, len(batch))


def _check_loss(loss, epoch, plan):
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the training loss became {loss} in epoch {epoch + 1}; lower learning_rate (now "
            f"{plan.learning_rate:g}), rescale X or lower extreme sample weights."
        )


def _compile_updates(model, optimizer):
    """Compile updates by batches that lie one after the other in arrays of rows.

    The function takes inputs, labels, weights and the ends of the batches, from 0 on. It returns
    the sums of losses and measures and the learning rate of each, (n_batches, 3).
    """
    # The logits, of what each view decides alone, and of attended features alone.
    layer, loss = model.get_layer("logits"), loss_of(model)
    heads, n_views = keras.tree.flatten(layer.output), getattr(layer, "n_views", 1)
    logits_model = keras.Model(denoised_inputs(model), heads)
    variables = model.trainable_variables
    signature = [tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in model.inputs]
    signature += [tf.TensorSpec([None], kind) for kind in (loss.kind, tf.float32)]

    def step(*batch):
        *inputs, labels, weights = batch
        with tf.GradientTape() as tape:
            outputs = keras.tree.flatten(logits_model(inputs, training=True))
            loss_sum, *others = (
                tf.reduce_sum(weights * loss.loss(labels, logits)) for logits in outputs
            )
            of_views = others[:n_views] if n_views > 1 else [loss_sum]
            # What is attended shares no weight: neither changes what the other learns.
            attended = others[len(of_views) :] if n_views > 1 else others
            total = sum(of_views) / n_views + sum(attended)
            mean = total / tf.cast(tf.shape(labels)[0], tf.float32)
            mean = sum(logits_model.losses, mean)  # of weights
        gradients = tape.gradient(mean, variables)
        rate = tf.convert_to_tensor(optimizer.learning_rate)
        with tf.control_dependencies([rate]):  # that of this update, not of the next
            optimizer.apply_gradients(
                [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
            )
        return tf.stack([loss_sum, tf.reduce_sum(loss.measure(labels, outputs[0])), rate])

    return compile_loop(step, signature, n_told=3)


def _validator(model, inputs, validation, batch_size):
    """Return a function that tells loss and measure on the validation data."""
    if validation is None:
        return dict
    held_out, labels = validation
    forward, moments, loss = Forward(model, "logits"), Moments(model), loss_of(model)

    def validate():
        recalibrate(model, inputs, batch_size, moments)
        losses, measures = loss.of_answers(labels, forward(held_out))
        return {
            "val_loss": float(losses.mean()),
            f"val_{loss.measured}": float(measures.mean()),
        }

    return validate


def fine_tune_schedule(n_iterations, learning_rate=1e-3, batch_size=128):
    """Return (learning rate, batch size) of each iteration of the paper's Algorithm 1.

    The learning rate halves every iteration, not below 1e-4; the batch size every second one, not
    below 32 (Karim et al., 2018, arXiv:1709.05206).

    >>> fine_tune_schedule(5)
    [(0.001, 128), (0.0005, 128), (0.00025, 64), (0.000125, 64), (0.0001, 32)]
    """
    return [
        (
            max(learning_rate / 2**k, min(1e-4, learning_rate)),
            max(batch_size // 2 ** (k // 2), min(32, batch_size)),
        )
        for k in range(n_iterations)
    ]


def progress_bar(total, name, verbose, unit="epoch"):
    """Return a tqdm bar over epochs, or another unit, silent unless ``verbose``."""
    return tqdm(total=total, desc=name, unit=unit, disable=not verbose, leave=verbose > 1)
