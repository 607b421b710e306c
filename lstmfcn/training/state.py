"""What must be stored so that a killed training continues exactly?"""

import contextlib
import copy
import math

import numpy as np

from lstmfcn.training.losses import loss_of
from lstmfcn.training.optimizers import make_optimizer, plateau_callback

# Keras' monitoring callbacks choose their comparison at the first epoch.
MONITOR_OP_WAS_SET = "(has chosen its comparison)"


class TrainingRun:
    """One training on its way: everything that its next update depends on.

    ``n_batches`` are the updates in an epoch; the plateau schedule's callback joins ``callbacks``;
    the best weights have the lowest ``monitor``, "loss" or "val_loss".
    """

    def __init__(self, model, plan, n_batches, callbacks, monitor):
        self.model, self.plan, self.loss = model, plan, loss_of(model)
        self.optimizer = make_optimizer(
            plan.schedule, plan.learning_rate, plan.n_epochs * n_batches
        )
        self.optimizer.build(model.trainable_variables)
        self.best = _Best(model, monitor, plan)
        self.epoch, self.batch = 0, 0
        self.loss_sum, self.measure_sum, self.n_seen = 0.0, 0.0, 0
        self.learning_rate = plan.learning_rate
        self.history = {}
        self.n_batches = n_batches
        self.callbacks = self._set_up(list(callbacks), n_batches)

    def _set_up(self, callbacks, n_batches):
        """Give callbacks what Keras gives them: a model with an optimiser, and the plan."""
        if self.plan.schedule == "plateau":
            callbacks.append(plateau_callback(self.plan.learning_rate))
        self.model.stop_training = False
        if callbacks:
            losses = [self.loss.keras_name] * len(self.model.outputs)
            loss = losses if len(losses) > 1 else losses[0]
            self.model.compile(optimizer=self.optimizer, loss=loss)
        for callback in callbacks:
            if getattr(callback, "mode", None) == "auto" and "accuracy" in callback.monitor:
                callback.mode = "max"  # Keras asks metrics for it, which only its own fit has
            callback.set_params({"epochs": self.plan.n_epochs, "steps": n_batches, "verbose": 0})
            callback.set_model(self.model)
        return callbacks

    def call(self, hook, *arguments):
        """Call a method of all callbacks."""
        for callback in self.callbacks:
            try:
                getattr(callback, hook)(*arguments)
            except TypeError as error:
                if "LearningRateSchedule" not in str(error):
                    raise
                raise ValueError(
                    f"{type(callback).__name__} sets the learning rate, which schedule="
                    f"{self.plan.schedule!r} does itself; use schedule='constant'."
                ) from error

    def count(self, sums, n_samples):
        """Take in what one update returned."""
        loss_sum, measure_sum, self.learning_rate = (float(number) for number in sums)
        self.loss_sum += loss_sum
        self.measure_sum += measure_sum
        self.n_seen += n_samples
        self.call("on_train_batch_end", self.batch, self.averages())
        self.batch += 1

    def averages(self):
        """Return the means of loss and measure over the epoch so far."""
        sums = {"loss": self.loss_sum, self.loss.measured: self.measure_sum}
        return {name: total / self.n_seen for name, total in sums.items()}

    def log(self, logs):
        """Close an epoch."""
        for key, value in logs.items():
            self.history.setdefault(key, []).append(value)
        self.epoch, self.batch = self.epoch + 1, 0
        self.loss_sum, self.measure_sum, self.n_seen = 0.0, 0.0, 0

    def state(self):
        """Return nested dicts and lists of arrays, numbers and strings, for ``restore``."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "loss_sum": self.loss_sum,
            "measure_sum": self.measure_sum,
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
        epochs, batches = range(self.plan.n_epochs), range(self.n_batches + 1)
        if state["epoch"] not in epochs or state["batch"] not in batches:
            raise ValueError(f"it is at epoch {state['epoch']}, batch {state['batch']}")
        for variable, array in assign:
            variable.assign(array)
        for name in ("epoch", "batch", "loss_sum", "measure_sum", "n_seen", "learning_rate"):
            setattr(self, name, state[name])
        self.history = state["history"]
        self.model.stop_training = state["stop_training"]
        self.best.loss, self.best.waited = state["best_loss"], state["best_waited"]
        self.best.weights = state["best_weights"]
        for callback, attributes in zip(self.callbacks, state["callbacks"], strict=True):
            if attributes.pop(MONITOR_OP_WAS_SET, False):  # flips a sign, put right below
                callback._set_monitor_op()
            vars(callback).update(attributes)


@contextlib.contextmanager
def lent(callbacks):
    """Give callbacks back with what they have collected, but without the network.

    If the body raises, they get their attributes back, so that the same call goes on where this one
    stopped.
    """
    before = [dict(vars(callback)) for callback in callbacks]
    contents = [
        (value, copy.copy(value))
        for attributes in before
        for value in attributes.values()
        if type(value) in (dict, list)
    ]
    try:
        yield
    except BaseException:
        for callback, attributes in zip(callbacks, before, strict=True):
            vars(callback).clear()
            vars(callback).update(attributes)
        for value, content in contents:
            value.clear()
            (value.update if isinstance(value, dict) else value.extend)(content)
        raise
    for callback, attributes in zip(callbacks, before, strict=True):
        own = {key: attributes[key] for key in ("_model", "mode") if key in attributes}
        vars(callback).update(own)


def _copies(variables):
    return [np.copy(variable.numpy()) for variable in variables]


def _counters(callback):
    """Return a callback's numbers and arrays: what it has counted and remembered.

    No texts: a checkpoint must not be able to tell a callback another file to write to.
    """

    def is_plain(value):
        if isinstance(value, list):
            return all(is_plain(entry) for entry in value)
        if isinstance(value, (np.ndarray, np.generic)):
            return value.dtype.kind in "biuf"
        return value is None or isinstance(value, (bool, int, float))

    attributes = {key: value for key, value in vars(callback).items() if is_plain(value)}
    if getattr(callback, "monitor_op", None) is not None and hasattr(callback, "_set_monitor_op"):
        attributes[MONITOR_OP_WAS_SET] = True
    return attributes


class _Best:
    """Remembers, in memory, the weights of the epoch with the lowest monitored loss."""

    def __init__(self, model, monitor, plan):
        self.model, self.monitor, self.patience = model, monitor, plan.patience
        self.active = plan.keep_weights == "best" or plan.patience is not None
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
