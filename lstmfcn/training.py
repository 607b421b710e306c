"""How is a network trained? The one training loop; it knows arrays and models, no estimator."""

import math
import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from lstmfcn.inference import Forward, cross_entropy, rows_per_batch

__all__ = ["Recipe", "fine_tune", "fine_tune_schedule", "progress_bar", "recalibrate", "train"]

AUXILIARY_WEIGHT = 0.5  # of the auxiliary head's loss beside the main one
PLATEAU_FACTOR, PLATEAU_PATIENCE, PLATEAU_MINIMUM = 2 ** (-1 / 3), 100, 1e-4  # the paper's
WARM_UP, START_DIVISOR = 0.3, 25  # of the one-cycle schedule: Smith, Topin, arXiv:1708.07120


@dataclass(frozen=True)
class Recipe:
    """What a training run does, apart from the data and the seed.

    Attributes
    ----------
    n_epochs : int
    batch_size : int
        An epoch is cut into the fewest batches of at most this many series, even in size.
    learning_rate : float
        Adam's; the peak of ``"one_cycle"``, the start of ``"plateau"``.
    schedule : {"one_cycle", "plateau", "constant"}
        ``"one_cycle"``: linear warm-up, then cosine to zero, per update; ``"plateau"``: times
        2^(-1/3) after 100 epochs without a better training loss, not below 1e-4.
    keep_weights : {"last", "best"}
        ``"best"``: of the epoch with the lowest validation loss or, without validation data,
        training loss.
    patience : int or None
        Stop after this many epochs without a lower monitored loss; the best weights are kept.
    """

    n_epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    schedule: str = "one_cycle"
    keep_weights: str = "last"
    patience: int | None = None


def train(model, inputs, labels, weights, recipe, *, seed, validation=None, callbacks=(), bar=None):
    """Train ``model`` in place and leave it ready to predict.

    Parameters
    ----------
    model : keras.Model
        From :mod:`lstmfcn.networks`.
    inputs : tuple of float32 arrays
        Series (n_samples, n_timepoints, n_channels) and, for a masked model, the mask.
    labels : int array of shape (n_samples,)
    weights : float32 array of shape (n_samples,)
        Factor of each sample's loss.
    recipe : Recipe
    seed : int
        Of the order of the samples.
    validation : tuple (inputs, labels), optional
        Measured after each epoch on the model one would keep: with recalibrated batch
        normalisation.
    callbacks : sequence of keras.callbacks.Callback
    bar : tqdm bar, optional
        Advanced by one per epoch.

    Returns
    -------
    dict of str to list of float
        Per epoch: ``loss``, ``accuracy``, ``learning_rate``, ``epoch_seconds`` and, with
        validation, ``val_loss``, ``val_accuracy``.

    Raises
    ------
    FloatingPointError
        If the loss stops being a number.
    """
    n_samples = len(labels)
    n_batches = math.ceil(n_samples / recipe.batch_size)
    optimizer = _optimizer(recipe, recipe.n_epochs * n_batches)
    optimizer.build(model.trainable_variables)
    hooks = _hooks(model, optimizer, recipe, n_batches, callbacks)
    step = _compile_step(model, optimizer, len(inputs))
    validate = _validator(model, inputs, validation, rows_per_batch(inputs[0].shape[1]))
    shuffler = np.random.RandomState(seed)
    best = _Best(model, "val_loss" if validation else "loss", recipe)
    history = {}

    hooks.on_train_begin()
    for epoch in range(recipe.n_epochs):
        started = time.perf_counter()
        hooks.on_epoch_begin(epoch)
        batches = np.array_split(shuffler.permutation(n_samples), n_batches)
        loss_sum, n_correct = _run_epoch(step, (*inputs, labels, weights), batches, hooks, recipe)
        logs = {
            "loss": loss_sum / n_samples,
            "accuracy": n_correct / n_samples,
            "learning_rate": float(keras.ops.convert_to_numpy(optimizer.learning_rate)),
            **validate(),
        }
        _check_loss(logs["loss"], epoch, recipe)
        hooks.on_epoch_end(epoch, dict(logs))
        logs["epoch_seconds"] = time.perf_counter() - started
        for key, value in logs.items():
            history.setdefault(key, []).append(value)
        if bar is not None:
            bar.set_postfix({k: f"{v:.4g}" for k, v in logs.items() if k.endswith("loss")})
            bar.update()
        if best.says_stop(logs) or model.stop_training:
            break
    best.restore()
    hooks.on_train_end()
    recalibrate(model, inputs, rows_per_batch(inputs[0].shape[1]))
    return history


def _run_epoch(step, arrays, batches, hooks, recipe):
    """Update once per batch of row numbers; return the summed loss and number of hits."""
    loss_sum, n_correct = 0.0, 0.0
    for i, rows in enumerate(batches):
        hooks.on_train_batch_begin(i)
        loss, correct = _update(step, (array[rows] for array in arrays), recipe)
        loss_sum, n_correct = loss_sum + float(loss), n_correct + float(correct)
        hooks.on_train_batch_end(i, {"loss": float(loss) / len(rows)})
    return loss_sum, n_correct


def _update(step, arrays, recipe):
    """Take one step; what TensorFlow says of memory becomes a sentence."""
    try:
        return step(*map(tf.constant, arrays)).numpy()
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(
            f"the memory does not suffice for batches of {recipe.batch_size} series; lower "
            "batch_size, n_filters or the length of the series."
        ) from error


def _check_loss(loss, epoch, recipe):
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the training loss became {loss} in epoch {epoch + 1}; lower learning_rate (now "
            f"{recipe.learning_rate:g}), rescale X or lower extreme sample weights."
        )


def _optimizer(recipe, n_updates):
    rate = recipe.learning_rate
    if recipe.schedule == "one_cycle":
        warm_up = int(WARM_UP * n_updates)
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=rate / START_DIVISOR if warm_up else rate,
            warmup_target=rate if warm_up else None,
            warmup_steps=warm_up,
            decay_steps=max(1, n_updates - warm_up),
        )
    return keras.optimizers.Adam(rate)


def _hooks(model, optimizer, recipe, n_batches, callbacks):
    """Gather callbacks; ordinary ones find ``model.optimizer`` and may stop the training."""
    callbacks = list(callbacks)
    if recipe.schedule == "plateau":
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor="loss",
                factor=PLATEAU_FACTOR,
                patience=PLATEAU_PATIENCE,
                min_lr=min(PLATEAU_MINIMUM, recipe.learning_rate),
            )
        )
    model.stop_training = False
    if callbacks:
        losses = ["sparse_categorical_crossentropy"] * len(model.outputs)
        model.compile(optimizer=optimizer, loss=losses if len(losses) > 1 else losses[0])
    return keras.callbacks.CallbackList(
        callbacks, model=model, epochs=recipe.n_epochs, steps=n_batches, verbose=0
    )


def _compile_step(model, optimizer, n_inputs):
    """Compile one update; it returns (sum of weighted losses, number of correct answers)."""
    names = {layer.name for layer in model.layers}
    heads = [name for name in ("logits", "auxiliary_logits") if name in names]
    logits_model = keras.Model(model.inputs, [model.get_layer(name).output for name in heads])
    variables = model.trainable_variables
    signature = [tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in model.inputs]
    signature += [tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32)]

    @tf.function(input_signature=signature, autograph=False)
    def step(*batch):
        inputs, (labels, weights) = list(batch[:n_inputs]), batch[n_inputs:]
        with tf.GradientTape() as tape:
            outputs = keras.tree.flatten(logits_model(inputs, training=True))
            losses = [
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits) for logits in outputs
            ]
            loss = losses[0] + sum(AUXILIARY_WEIGHT * auxiliary for auxiliary in losses[1:])
            loss_sum = tf.reduce_sum(loss * weights)
            mean = loss_sum / tf.cast(tf.shape(labels)[0], tf.float32)
        gradients = tape.gradient(mean, variables)
        optimizer.apply_gradients(
            [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        )
        correct = tf.equal(tf.argmax(outputs[0], axis=1, output_type=tf.int32), labels)
        return tf.stack([loss_sum, tf.reduce_sum(tf.cast(correct, tf.float32))])

    return step.get_concrete_function()


def _validator(model, inputs, validation, batch_size):
    """Return a function that measures loss and accuracy on the validation data."""
    if validation is None:
        return dict
    held_out, labels = validation
    forward = Forward(model, "logits")

    def validate():
        recalibrate(model, inputs, batch_size)
        logits = forward(held_out)
        return {
            "val_loss": float(cross_entropy(logits, labels).mean()),
            "val_accuracy": float((logits.argmax(axis=1) == labels).mean()),
        }

    return validate


class _Best:
    """Remembers, in memory, the weights of the epoch with the lowest monitored loss."""

    def __init__(self, model, monitor, recipe):
        self.model, self.monitor, self.patience = model, monitor, recipe.patience
        self.active = recipe.keep_weights == "best" or recipe.patience is not None
        self.loss, self.weights, self.waited = math.inf, None, 0

    def says_stop(self, logs):
        if not self.active:
            return False
        if logs[self.monitor] < self.loss:
            self.loss, self.weights, self.waited = logs[self.monitor], self.model.get_weights(), 0
        else:
            self.waited += 1
        return self.patience is not None and self.waited >= self.patience

    def restore(self):
        if self.weights is not None:
            self.model.set_weights(self.weights)


def recalibrate(model, inputs, batch_size):
    """Replace batch normalisation's moving statistics by those of the training data.

    Moving averages lag behind the weights: a small set gives one update per epoch, and after 250
    of them a network can answer at chance while it has learned its task. Layer by layer, from
    the first, this computes the exact mean and variance over all samples and observed
    timepoints, whatever the batch size.

    Parameters
    ----------
    model : keras.Model
        From :mod:`lstmfcn.networks`: ``norm_k`` normalises the output of ``conv_k``.
    inputs : tuple of arrays
        The training inputs.
    batch_size : int
        Samples at a time.

    References
    ----------
    Wu, Johnson, "Rethinking 'Batch' in BatchNorm", 2021, arXiv:2105.07576, section 3.
    """
    mask = inputs[1] if len(inputs) > 1 else None
    for layer in model.layers:
        if not layer.name.startswith("norm_"):
            continue
        before = keras.Model(model.inputs, model.get_layer(f"conv_{layer.name[5:]}").output)
        count, mean, squares = 0.0, 0.0, 0.0  # Chan's parallel mean and sum of squares, float64
        for start in range(0, len(inputs[0]), batch_size):
            rows = slice(start, start + batch_size)
            values = before([array[rows] for array in inputs], training=False)
            valid = None if mask is None else tf.constant(mask[rows])[:, :, tf.newaxis]
            n = float(np.prod(values.shape[:2])) if valid is None else float(mask[rows].sum())
            batch_mean, batch_variance = layer._moments(values, valid)
            batch_mean = keras.ops.convert_to_numpy(batch_mean).astype(np.float64)
            batch_variance = keras.ops.convert_to_numpy(batch_variance).astype(np.float64)
            delta = batch_mean - mean
            squares = squares + n * batch_variance + delta**2 * count * n / (count + n)
            mean = mean + delta * n / (count + n)
            count += n
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(squares / count)


def fine_tune_schedule(n_iterations, learning_rate=1e-3, batch_size=128):
    """Learning rate and batch size of each iteration of the paper's Algorithm 1.

    Parameters
    ----------
    n_iterations : int
    learning_rate : float, default=1e-3
        Halved every iteration, not below 1e-4.
    batch_size : int, default=128
        Halved every second iteration, not below 32.

    Returns
    -------
    list of (float, int)

    References
    ----------
    Karim et al., 2018, arXiv:1709.05206, Algorithm 1.

    Examples
    --------
    >>> from lstmfcn.training import fine_tune_schedule
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


def fine_tune(model, inputs, labels, weights, recipes, *, seed, callbacks=(), bar=None):
    """Train ``model`` on, once per recipe, each time with a fresh optimiser and schedule.

    Parameters are those of :func:`train`, with one recipe per iteration. Returns the histories
    of all iterations, one after the other.
    """
    history = {}
    for k, recipe in enumerate(recipes):
        part = train(
            model, inputs, labels, weights, recipe, seed=seed + k, callbacks=callbacks, bar=bar
        )
        for key, values in part.items():
            history.setdefault(key, []).extend(values)
    return history


def progress_bar(n_epochs, name, verbose):
    """Return a tqdm bar over epochs, silent unless ``verbose``."""
    return tqdm(total=n_epochs, desc=name, unit="epoch", disable=not verbose, leave=verbose > 1)
