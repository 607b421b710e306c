"""How is a network trained? The one training loop; it knows arrays and models, no estimator."""

import math
import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from lstmfcn.inference import Forward, cross_entropy, memory_errors_explained, rows_per_batch
from lstmfcn.optimizers import make_optimizer, plateau_callback
from lstmfcn.precision import computing_in

__all__ = ["Recipe", "fine_tune_schedule", "progress_bar", "recalibrate", "train"]

AUXILIARY_WEIGHT = 0.5  # of the auxiliary head's loss beside the main one
COMPARES = "(has chosen its comparison)"  # Keras' monitoring callbacks do so at the first epoch


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
    recipe,
    *,
    seed,
    validation=None,
    callbacks=(),
    bar=None,
    resume=None,
    offer=None,
):
    """Train ``model`` in place and leave it ready to predict.

    Layers that are not trainable keep their weights, and their batch normalisation its statistics.

    Parameters
    ----------
    model : keras.Model
        From :mod:`lstmfcn.networks`.
    inputs : tuple of float32 arrays, or of objects that give one for a slice or rows
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
    resume : dict, optional
        A state from ``offer``: training goes on from there, and ends bit-equal to one that was
        never interrupted.
    offer : callable, optional
        Called after each update with a function that returns the state of the training: nested
        dicts and lists of arrays, numbers and strings.

    Returns
    -------
    dict of str to list of float
        Per epoch: ``loss``, ``accuracy``, ``learning_rate`` (of its last update),
        ``epoch_seconds`` and, with validation, ``val_loss``, ``val_accuracy``.

    Raises
    ------
    FloatingPointError
        If the loss stops being a number.
    MemoryError
        If the memory does not suffice.
    """
    n_samples = len(labels)
    n_batches = math.ceil(n_samples / recipe.batch_size)
    rows = rows_per_batch(inputs[0].shape[1])
    run = _Run(model, recipe, n_batches, callbacks, "val_loss" if validation else "loss")
    arrays = (*inputs, labels, weights)
    remedy = "batch_size, n_filters or the length of the series"
    with memory_errors_explained(f"batches of {recipe.batch_size} series", remedy):
        with computing_in(recipe.precision, model):
            step = _compile_step(model, run.optimizer, len(inputs))
        validate = _validator(model, inputs, validation, rows)
        run.call("on_train_begin", {})
        if resume is not None:
            run.restore(resume)
            if bar is not None:
                bar.update(run.epoch)

        while run.epoch < recipe.n_epochs:
            started = time.perf_counter()
            if run.batch == 0:
                run.call("on_epoch_begin", run.epoch, {})
            # A function of seed and epoch alone, so that it needs no state.
            order = np.random.default_rng([seed, run.epoch]).permutation(n_samples)
            batches = np.array_split(order, n_batches)
            for chosen in batches[run.batch :]:
                if model.stop_training and run.batch:
                    break
                run.call("on_train_batch_begin", run.batch, {})
                sums = step(*(tf.constant(array[chosen]) for array in arrays)).numpy()
                run.count(sums, len(chosen))
                if offer is not None:
                    offer(run.state)
            logs = {
                **run.averages(),
                "learning_rate": run.learning_rate,
                **validate(),
            }
            _check_loss(logs["loss"], run.epoch, recipe)
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


class _Run:
    """Where a training is: everything that the next update depends on."""

    def __init__(self, model, recipe, n_batches, callbacks, monitor):
        self.model, self.recipe = model, recipe
        self.optimizer = make_optimizer(
            recipe.schedule, recipe.learning_rate, recipe.n_epochs * n_batches
        )
        self.optimizer.build(model.trainable_variables)
        self.best = _Best(model, monitor, recipe)
        self.epoch, self.batch = 0, 0
        self.loss_sum, self.n_correct, self.n_seen = 0.0, 0.0, 0
        self.learning_rate = recipe.learning_rate
        self.history = {}
        self.n_batches = n_batches
        self.callbacks = self._set_up(list(callbacks), n_batches)

    def _set_up(self, callbacks, n_batches):
        """Give callbacks what Keras gives them: a model with an optimiser, and the plan."""
        if self.recipe.schedule == "plateau":
            callbacks.append(plateau_callback(self.recipe.learning_rate))
        self.model.stop_training = False
        if callbacks:
            losses = ["sparse_categorical_crossentropy"] * len(self.model.outputs)
            loss = losses if len(losses) > 1 else losses[0]
            self.model.compile(optimizer=self.optimizer, loss=loss)
        for callback in callbacks:
            if getattr(callback, "mode", None) == "auto" and "accuracy" in callback.monitor:
                callback.mode = "max"  # Keras asks metrics for it, which only its own fit has
            callback.set_params({"epochs": self.recipe.n_epochs, "steps": n_batches, "verbose": 0})
            callback.set_model(self.model)
        return callbacks

    def call(self, hook, *arguments):
        for callback in self.callbacks:
            try:
                getattr(callback, hook)(*arguments)
            except TypeError as error:
                if "LearningRateSchedule" not in str(error):
                    raise
                raise ValueError(
                    f"{type(callback).__name__} sets the learning rate, which schedule="
                    f"{self.recipe.schedule!r} does itself; use schedule='constant'."
                ) from error

    def count(self, sums, n_samples):
        """Take in what one update returned."""
        loss_sum, n_correct, self.learning_rate = (float(number) for number in sums)
        self.loss_sum += loss_sum
        self.n_correct += n_correct
        self.n_seen += n_samples
        self.call("on_train_batch_end", self.batch, self.averages())
        self.batch += 1

    def averages(self):
        """Return mean loss and accuracy over the epoch so far."""
        return {"loss": self.loss_sum / self.n_seen, "accuracy": self.n_correct / self.n_seen}

    def log(self, logs):
        """Close an epoch."""
        for key, value in logs.items():
            self.history.setdefault(key, []).append(value)
        self.epoch, self.batch = self.epoch + 1, 0
        self.loss_sum, self.n_correct, self.n_seen = 0.0, 0.0, 0

    def state(self):
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "loss_sum": self.loss_sum,
            "n_correct": self.n_correct,
            "n_seen": self.n_seen,
            "stop_training": bool(self.model.stop_training),
            "learning_rate": self.learning_rate,
            "history": self.history,
            "variables": _copies(self.model.variables),  # with dropout's seeds
            "optimizer": _copies(self.optimizer.variables),
            "best_loss": self.best.loss,
            "best_waited": self.best.waited,
            "best_weights": self.best.weights,
            "callbacks": [_counters(callback) for callback in self.callbacks],
        }

    def restore(self, state):
        """Continue from a state; its arrays are checked before any is used."""
        try:
            self._restore(state)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"the checkpoint does not fit this training ({error}); delete it to start again."
            ) from error

    def _restore(self, state):
        assign = []
        for name, variables in (
            ("variables", self.model.variables),
            ("optimizer", self.optimizer.variables),
        ):
            assign += zip(variables, state[name], strict=True)
        if any(tuple(v.shape) != array.shape for v, array in assign):
            raise ValueError("its arrays do not have the shapes of this network")
        epochs, batches = range(self.recipe.n_epochs), range(self.n_batches + 1)
        if state["epoch"] not in epochs or state["batch"] not in batches:
            raise ValueError(f"it is at epoch {state['epoch']}, batch {state['batch']}")
        for variable, array in assign:
            variable.assign(array)
        for name in ("epoch", "batch", "loss_sum", "n_correct", "n_seen", "learning_rate"):
            setattr(self, name, state[name])
        self.history = state["history"]
        self.model.stop_training = state["stop_training"]
        self.best.loss, self.best.waited = state["best_loss"], state["best_waited"]
        self.best.weights = state["best_weights"]
        for callback, attributes in zip(self.callbacks, state["callbacks"], strict=True):
            if attributes.pop(COMPARES, False):  # flips a sign, which the attributes put right
                callback._set_monitor_op()
            vars(callback).update(attributes)


def _copies(variables):
    return [np.copy(variable.numpy()) for variable in variables]


def _counters(callback):
    """Return a callback's numbers and arrays: what it has counted and remembered.

    No texts: a checkpoint must not be able to tell a callback another file to write to.
    """

    def is_plain(value):
        if isinstance(value, list):
            return all(is_plain(entry) for entry in value)
        if isinstance(value, np.ndarray):
            return value.dtype.kind in "biuf"
        return value is None or isinstance(value, (bool, int, float))

    attributes = {key: value for key, value in vars(callback).items() if is_plain(value)}
    if getattr(callback, "monitor_op", None) is not None and hasattr(callback, "_set_monitor_op"):
        attributes[COMPARES] = True
    return attributes


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
            self.loss, self.weights, self.waited = (
                logs[self.monitor],
                _copies(self.model.weights),
                0,
            )
        else:
            self.waited += 1
        return self.patience is not None and self.waited >= self.patience

    def restore(self):
        if self.weights is not None:
            self.model.set_weights(self.weights)


def _check_loss(loss, epoch, recipe):
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the training loss became {loss} in epoch {epoch + 1}; lower learning_rate (now "
            f"{recipe.learning_rate:g}), rescale X or lower extreme sample weights."
        )


def _compile_step(model, optimizer, n_inputs):
    """Compile one update; it returns (sum of losses, number of hits, learning rate)."""
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
        rate = tf.convert_to_tensor(optimizer.learning_rate)
        with tf.control_dependencies([rate]):  # that of this update, not of the next
            optimizer.apply_gradients(
                [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
            )
        correct = tf.equal(tf.argmax(outputs[0], axis=1, output_type=tf.int32), labels)
        return tf.stack([loss_sum, tf.reduce_sum(tf.cast(correct, tf.float32)), rate])

    # Traced once here: calling the concrete function skips the dispatch at each call.
    return step.get_concrete_function()


def _validator(model, inputs, validation, batch_size):
    """Return a function that measures loss and accuracy on the validation data."""
    if validation is None:
        return dict
    held_out, labels = validation
    forward, moments = Forward(model, "logits"), _Moments(model)

    def validate():
        recalibrate(model, inputs, batch_size, moments)
        logits = forward(held_out)
        return {
            "val_loss": float(cross_entropy(logits, labels).mean()),
            "val_accuracy": float((logits.argmax(axis=1) == labels).mean()),
        }

    return validate


class _Moments:
    """Compiled functions to the mean and variance of what each normalisation layer sees."""

    def __init__(self, model):
        self.by_layer = {}
        signature = [tf.TensorSpec([None, *x.shape[1:]], tf.float32) for x in model.inputs]
        for norm in model.layers:
            if norm.name.startswith("norm_") and norm.trainable:
                before = model.get_layer(f"conv_{norm.name[5:]}").output
                part = keras.Model(model.inputs, before)
                function = tf.function(self._of(part, norm), signature, autograph=False)
                self.by_layer[norm] = function.get_concrete_function()

    @staticmethod
    def _of(part, norm):
        def moments(*inputs):
            valid = inputs[1][:, :, tf.newaxis] if len(inputs) > 1 else None
            return norm.moments(part(list(inputs), training=False), valid)

        return moments


def recalibrate(model, inputs, batch_size, moments=None):
    """Replace batch normalisation's moving statistics by those of the training data.

    Moving averages lag behind the weights: a small set gives one update per epoch, and after 250
    of them a network can answer at chance while it has learned its task. Layer by layer, from
    the first, this computes the exact mean and variance over all samples and observed
    timepoints, whatever the batch size.

    Parameters
    ----------
    model : keras.Model
        From :mod:`lstmfcn.networks`: ``norm_k`` normalises the output of ``conv_k``. Layers that
        are not trainable are left alone.
    inputs : tuple of arrays
        The training inputs.
    batch_size : int
        Samples at a time.
    moments : optional
        Compiled functions of an earlier call.

    References
    ----------
    Wu, Johnson, "Rethinking 'Batch' in BatchNorm", 2021, arXiv:2105.07576, section 3.
    """
    moments = _Moments(model) if moments is None else moments
    for layer, function in moments.by_layer.items():
        count, mean, squares = 0.0, 0.0, 0.0  # Chan's parallel mean and sum of squares, float64
        for start in range(0, len(inputs[0]), batch_size):
            batch = [array[start : start + batch_size] for array in inputs]
            n = float(batch[1].sum()) if len(batch) > 1 else float(np.prod(batch[0].shape[:2]))
            batch_mean, batch_variance = (
                tensor.numpy().astype(np.float64) for tensor in function(*map(tf.constant, batch))
            )
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


def progress_bar(n_epochs, name, verbose):
    """Return a tqdm bar over epochs, silent unless ``verbose``."""
    return tqdm(total=n_epochs, desc=name, unit="epoch", disable=not verbose, leave=verbose > 1)
