"""How long is a network trained, again if need be, and which of several networks is kept?"""

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.stats

from lstmfcn.networks.builders import measure_units, set_weights
from lstmfcn.networks.fitted import FittedNetwork, cross_entropy, rows_per_batch
from lstmfcn.training.loop import TrainingPlan, progress_bar, train

N_UPDATES, FEWEST_EPOCHS, MOST_EPOCHS = 2000, 40, 1500  # of n_epochs="auto"
CYCLES, LEARNED = (1, 2, 4), 0.1  # longer cycles follow while the training loss is above LEARNED
UNLEARNED = 0.5  # of the labels' entropy: a loss above it means that occlusion hides the evidence


def make_plans(n_samples, *, n_epochs, batch_size, **settings):
    """Return the plan of a training and, for ``n_epochs="auto"``, the longer ones that may follow.

    ``"auto"`` epochs make about 2000 updates; an ``"auto"`` batch is a tenth of the samples.
    ``settings`` are the other fields of TrainingPlan.
    """
    if batch_size == "auto":  # as Wang et al., arXiv:1611.06455
        batch_size = min(16, max(4, n_samples // 10))
    is_auto = n_epochs == "auto"
    if is_auto:
        n_epochs = math.ceil(N_UPDATES / math.ceil(n_samples / batch_size))
        n_epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, n_epochs))
    first = TrainingPlan(int(n_epochs), int(batch_size), **settings)
    if not is_auto or first.keep_weights == "best" or first.patience is not None:
        return [first]
    return [replace(first, n_epochs=factor * first.n_epochs) for factor in CYCLES]


@dataclass(frozen=True)
class TrainedNetwork:
    """What training one candidate gave.

    ``candidate`` says which one; ``loss`` is that on the training data at the end, ``n_epochs``
    that of all its cycles; ``was_stopped``: by a callback, or by its patience.
    """

    candidate: int
    passes_gaps: bool
    loss: float
    weights: list
    history: dict
    was_stopped: bool
    n_epochs: int


@dataclass
class Candidates:
    """Networks to train on the same data; the one of lowest training loss is kept.

    ``architectures`` are the arguments of ``build``, for each candidate. The first of ``plans`` is
    for all. The others go on, one after the other, with a network that has not learned its training
    data: on whole series, if it has learned next to nothing. The rest is as for ``train``.
    """

    build: callable
    architectures: list
    plans: list
    inputs: tuple
    labels: np.ndarray
    weights: np.ndarray
    seed: int
    held_out: tuple | None = None
    callbacks: tuple = ()

    def train(self, checkpoint, name, verbose):
        """Train all candidates; return the best as a FittedNetwork and a TrainedNetwork.

        Each cycle of each candidate is a stage of the ``checkpoint``; ``name`` is for the progress
        bar.
        """
        n_epochs = len(self.architectures) * self.plans[0].n_epochs
        n_stages = len(self.architectures) * len(self.plans)
        self._in_hand = None, None
        with progress_bar(n_epochs, name, verbose) as self._bar:
            result = checkpoint.run_stages(n_stages, self._run_stage)
        trained = _better(*map(_from_state, result))
        if trained.weights is not self._in_hand[1]:  # another was the last, or a checkpoint's
            architecture = self._architecture(trained.candidate, trained.passes_gaps)
            model = self.build(**architecture)
            set_weights(model, trained.weights)
            return FittedNetwork(self.build, architecture, model), trained
        return self._in_hand[0], trained

    def _run_stage(self, stage, result, resume, save_state):
        """Train a candidate for one cycle; results are (best so far, the candidate in work)."""
        best, current = map(_from_state, result or (None, None))
        candidate, cycle = divmod(stage, len(self.plans))
        if cycle == 0:
            best, current = _better(best, current), None
        elif current.loss > LEARNED and not current.was_stopped:
            self._bar.total += self.plans[cycle].n_epochs
        else:
            return _to_states(best, current)
        current = self._run_cycle(candidate, cycle, current, resume, save_state)
        return _to_states(best, current)

    def _run_cycle(self, candidate, cycle, before, resume, save_state):
        passes_gaps = before is None or (
            before.passes_gaps and before.loss <= UNLEARNED * self._entropy()
        )
        architecture = self._architecture(candidate, passes_gaps)
        model = self.build(**architecture)
        if before is not None:
            set_weights(model, before.weights)
        else:
            rows = rows_per_batch(max(x.shape[1] for x in model.inputs))
            measure_units(model, self.inputs, rows)
        history = train(
            model,
            self.inputs,
            self.labels,
            self.weights,
            self.plans[cycle],
            seed=self.seed + cycle,
            validation=self.held_out,
            callbacks=self.callbacks,
            bar=self._bar,
            resume=resume,
            save_state=save_state,
        )
        if before is not None:
            history = {key: before.history[key] + new for key, new in history.items()}
        is_only = len(self.architectures) == len(self.plans) == 1
        weights = model.get_weights()
        network = FittedNetwork(self.build, architecture, model)
        if not self.callbacks:  # they may keep the model, and change it later
            self._in_hand = network, weights
        return TrainedNetwork(
            candidate,
            passes_gaps,
            0.0 if is_only else self._loss(network),
            weights,
            history,
            bool(model.stop_training),
            sum(plan.n_epochs for plan in self.plans[: cycle + 1]),
        )

    def _architecture(self, candidate, passes_gaps):
        return {**self.architectures[candidate], "passes_gaps": passes_gaps}

    def _loss(self, network):
        losses = cross_entropy(network.logits(self.inputs), self.labels)
        return float(np.sum(self.weights * losses) / np.sum(self.weights))

    def _entropy(self):
        """Return the entropy of the labels: the loss of an answer that knows their frequencies."""
        return float(
            scipy.stats.entropy(np.bincount(self.labels, self.weights) / np.sum(self.weights))
        )


def _better(first, second):
    """Return the network of lower training loss, the first of equals; None is no network."""
    if first is None or second is None:
        return first or second
    return second if second.loss < first.loss else first


def _from_state(state):
    return None if state is None else TrainedNetwork(**state)


def _to_states(*networks):
    """Return networks as dicts, for a checkpoint."""
    return tuple(None if network is None else vars(network) for network in networks)
