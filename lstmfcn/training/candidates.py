"""How long is each candidate network trained, and which candidate is kept?"""

import math
from dataclasses import dataclass

import numpy as np

from lstmfcn.networks.builders import measure_units, set_weights
from lstmfcn.networks.fitted import FittedNetwork, rows_per_batch
from lstmfcn.networks.rocket import fit_rocket
from lstmfcn.training.denoising import learn_to_denoise
from lstmfcn.training.loop import TrainingPlan, progress_bar, train
from lstmfcn.training.losses import loss_of

N_UPDATES, PER_CLASS = 2000, 200  # of n_epochs="auto", at least
FEWEST_EPOCHS, MOST_EPOCHS = 75, 1500
UNLEARNED = 0.5  # of the loss of guessing: a loss above it means that occlusion hides the evidence


def make_plans(n_samples, n_classes, *, n_epochs, batch_size, hides=False, **settings):
    """Return the plan of a training and perhaps that of one on whole series, which may follow.

    ``"auto"`` epochs make 2000 updates, or 200 for each class, and are at least 75. An ``"auto"``
    batch is a tenth of the samples. ``settings`` are the other fields of TrainingPlan. The second
    plan is for a training that ``hides`` evidence.
    """
    if batch_size == "auto":  # as Wang et al., arXiv:1611.06455
        batch_size = min(16, max(4, n_samples // 10))
    is_auto = n_epochs == "auto"
    if is_auto:
        n_updates = max(N_UPDATES, PER_CLASS * n_classes)
        n_epochs = math.ceil(n_updates / math.ceil(n_samples / batch_size))
        n_epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, n_epochs))
    first = TrainingPlan(int(n_epochs), int(batch_size), **settings)
    chooses = first.keep_weights == "best" or first.patience is not None
    return [first, first] if is_auto and hides and not chooses else [first]


@dataclass(frozen=True)
class TrainedNetwork:
    """What training one candidate gave.

    ``candidate`` says which one; ``loss`` is that on the training data at the end, ``n_epochs``
    that of all its trainings; ``has_learned``: the loss is far below that of guessing;
    ``was_stopped``: by a callback, or by its patience.
    """

    candidate: int
    passes_gaps: bool
    loss: float
    weights: list
    history: dict
    has_learned: bool
    was_stopped: bool
    n_epochs: int


@dataclass
class Candidates:
    """Networks to train on the same data; the one of lowest training loss is kept.

    ``architectures`` are the arguments of ``build``, for each candidate. The first of ``plans`` is
    for all. The second, if there is one, goes on with a network that has learned next to nothing
    from series with gaps: on whole series. The rest is as for ``train``.
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

        Each training of each candidate is a stage of the ``checkpoint``; ``name`` is for the
        progress bar.
        """
        n_epochs = len(self.architectures) * self.plans[0].n_epochs
        n_stages = len(self.architectures) * len(self.plans)
        self._in_hand = None, None
        with progress_bar(n_epochs, name, verbose) as self._bar:
            result = checkpoint.run_stages(n_stages, self._run_stage)
        trained = _better(*map(_from_state, result))
        network = self._in_hand[0]
        if trained.weights is not self._in_hand[1]:  # another was the last, or a checkpoint's
            architecture = self._architecture(trained.candidate, trained.passes_gaps)
            network = FittedNetwork(self.build, architecture, self.build(**architecture))
            set_weights(network.model, trained.weights)
        fit_rocket(network.model, self.inputs, self.labels, self.weights, self.seed)
        return network, trained

    def _run_stage(self, stage, result, resume, save_state):
        """Train a candidate once; results are (best so far, the candidate in work)."""
        best, current = map(_from_state, result or (None, None))
        candidate, again = divmod(stage, len(self.plans))
        if not again:
            best, current = _better(best, current), None
        elif not (current.has_learned or current.was_stopped):
            self._bar.total += self.plans[again].n_epochs
        else:
            return _to_states(best, current)
        current = self._train_once(candidate, again, current, resume, save_state)
        return _to_states(best, current)

    def _train_once(self, candidate, again, before, resume, save_state):
        architecture = self._architecture(candidate, passes_gaps=not again)
        model = self.build(**architecture)
        if before is not None:
            set_weights(model, before.weights)
        else:
            if resume is None:
                learn_to_denoise(model, self.inputs, self.plans[again], self.seed)
            rows = rows_per_batch(max(x.shape[1] for x in model.inputs))
            measure_units(model, self.inputs, rows)
        history = train(
            model,
            self.inputs,
            self.labels,
            self.weights,
            self.plans[again],
            seed=self.seed + again,
            validation=self.held_out,
            callbacks=self.callbacks,
            bar=self._bar,
            resume=resume,
            save_state=save_state,
        )
        if before is not None:
            history = {key: before.history[key] + new for key, new in history.items()}
        weights = model.get_weights()
        network = FittedNetwork(self.build, architecture, model)
        loss, has_learned = self._judge(network)
        if not self.callbacks:  # they may keep the model, and change it later
            self._in_hand = network, weights
        return TrainedNetwork(
            candidate,
            not again,
            loss,
            weights,
            history,
            has_learned,
            bool(model.stop_training),
            sum(plan.n_epochs for plan in self.plans[: again + 1]),
        )

    def _architecture(self, candidate, passes_gaps):
        return {**self.architectures[candidate], "passes_gaps": passes_gaps}

    def _judge(self, network):
        """Return the loss on the training data, and whether it is far below that of guessing."""
        if len(self.architectures) == len(self.plans) == 1:
            return 0.0, True  # it is the only one
        loss = loss_of(network.model)
        losses, _ = loss.of_answers(self.labels, network.output("logits", self.inputs))
        found = float(np.sum(self.weights * losses) / np.sum(self.weights))
        return found, found <= UNLEARNED * loss.of_guess(self.labels, self.weights)


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
