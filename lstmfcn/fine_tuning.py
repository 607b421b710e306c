"""How does a fitted classifier learn on: on the same data, on other data, on other classes?"""

from sklearn.preprocessing import LabelEncoder

from lstmfcn import validation
from lstmfcn.atomic import changed_at_once
from lstmfcn.networks import (
    depends_on_length,
    is_convolutional,
    set_weights,
    transfer_weights,
    uses_dimension_shuffle,
)
from lstmfcn.precision import resolve_precision
from lstmfcn.preprocessing import without_weightless
from lstmfcn.training import Recipe, fine_tune_schedule, progress_bar, train

__all__ = ["FineTuningMixin"]


class FineTuningMixin:
    """The method ``fine_tune`` of :class:`lstmfcn.base.TimeSeriesClassifier`."""

    def fine_tune(
        self,
        X,
        y,
        sample_weight=None,
        *,
        n_iterations=5,
        n_epochs=None,
        learning_rate=1e-3,
        batch_size=128,
        freeze=None,
        reset_head=False,
    ):
        """Train the fitted network on, by the paper's Algorithm 1.

        Each iteration starts from the weights of the previous one, with a fresh optimiser and a
        fresh plateau schedule, and keeps the weights of its lowest training loss. The learning rate
        halves every iteration (not below 1e-4), the batch size every second one (not below 32).

        Parameters
        ----------
        X, y, sample_weight : as in :meth:`fit`
            The training data again, as in the paper, or other series of as many channels. Another
            length is possible where no weight depends on it: for FCN and for an LSTM without
            dimension shuffle; for the others with ``reset_head=True``.
        n_iterations : int, default=5
            The paper's K.
        n_epochs : int, optional
            Epochs of each iteration; by default as many as ``fit`` used.
        learning_rate : float, default=1e-3
            Adam's learning rate in the first iteration.
        batch_size : int, default=128
            Largest batch in the first iteration.
        freeze : {"convolutions"} or None, default=None
            ``"convolutions"``: the convolution branch keeps its weights and its batch statistics,
            and so does, with ``occlusion``, the repair before it; the LSTM branch and the last
            layer learn.
        reset_head : bool, default=False
            Treat ``X`` and ``y`` as another problem: classes and normalisation are those of the
            new data, the last layer starts from new random weights, and so does an LSTM whose
            weights depend on a length that is another now.

        Returns
        -------
        self
            With ``history_`` continued; unchanged if the call is refused or interrupted.

        References
        ----------
        Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series
        Classification", 2018, arXiv:1709.05206, Algorithm 1.

        Examples
        --------
        >>> from lstmfcn import FCNClassifier
        >>> from lstmfcn.datasets import load_ucr
        >>> X, y, *_ = load_ucr("ItalyPowerDemand")
        >>> clf = FCNClassifier(n_epochs=2, random_state=0).fit(X, y)
        >>> X, y, *_ = load_ucr("GunPoint")
        >>> clf.fine_tune(X, y, n_epochs=2, n_iterations=2, reset_head=True).predict(X).shape
        (50,)
        """
        validation.check_is_fitted(self)
        n_epochs = self.n_epochs_ if n_epochs is None else n_epochs
        validation.check_counts(
            most=1_000_000, n_iterations=n_iterations, n_epochs=n_epochs, batch_size=batch_size
        )
        validation.check_learning_rate(learning_rate)
        validation.check_choice(freeze, "freeze", (None, "convolutions"))
        validation.check_choice(reset_head, "reset_head", (False, True))
        with changed_at_once(self) as tuned:
            tuned._fine_tune(
                X,
                y,
                sample_weight,
                fine_tune_schedule(n_iterations, float(learning_rate), batch_size),
                n_epochs=int(n_epochs),
                freeze=freeze,
                reset_head=bool(reset_head),
            )
        return self

    def _fine_tune(self, X, y, sample_weight, schedule, n_epochs, freeze, reset_head):
        self._check_parameters()
        seeds = validation.draw_seeds(self.random_state, 2)
        series, labels, weights = self._read_more_data(X, y, sample_weight, reset_head)
        recipes = [
            Recipe(
                n_epochs,
                size,
                rate,
                schedule="plateau",
                keep_weights="best",
                precision=resolve_precision(self.precision),
            )
            for rate, size in schedule
        ]
        checkpoint = self._open_checkpoint(
            "fine_tune",
            seeds,
            (series, labels, weights),
            self.model_.get_weights(),
            recipes=repr(recipes),
            freeze=freeze,
            reset_head=bool(reset_head),
        )
        seeds = checkpoint.seeds
        series, labels, weights = self._weigh_classes(series, labels, weights, fewest=1)
        if reset_head:
            self._learn_scale(series)
        model, architecture = self._transferred(reset_head, seed=seeds[0])
        for layer in model.layers:
            layer.trainable = not (freeze and is_convolutional(layer))
        self._train_on(
            model, self._to_inputs(series), labels, weights, recipes, seeds[1], checkpoint
        )
        self._adopt(model, architecture)
        self.precision_ = recipes[0].precision

    def _train_on(self, model, inputs, labels, weights, recipes, seed, checkpoint):
        """Train ``model`` once per recipe, each time from where it was; continue ``history_``."""

        def run_iteration(stage, before, resume, offer):
            if before is not None:
                set_weights(model, before["weights"])
            history = train(
                model,
                inputs,
                labels,
                weights,
                recipes[stage],
                seed=seed + stage,
                callbacks=self.callbacks or (),
                bar=bar,
                resume=resume,
                offer=offer,
            )
            if before is not None:
                history = {key: before["history"][key] + new for key, new in history.items()}
            return {"weights": model.get_weights(), "history": history}

        n_epochs = sum(recipe.n_epochs for recipe in recipes)
        with progress_bar(n_epochs, "fine_tune", self.verbose) as bar:
            last = checkpoint.run_stages(len(recipes), run_iteration)
        set_weights(model, last["weights"])
        continued = {key: self.history_.get(key, []) + new for key, new in last["history"].items()}
        self.history_ = {**self.history_, **continued}

    def _read_more_data(self, X, y, sample_weight, reset_head):
        """Check data to go on with; length and, with a new head, classes become theirs."""
        series = validation.as_series(X)
        old_length = self.n_timepoints_in_
        may_differ = not (self.unequal_length_in_ or depends_on_length(self.model_))
        if reset_head or may_differ:
            if self.unequal_length_in_ or not isinstance(series, list):
                self.n_timepoints_in_ = int(max(values.shape[1] for values in series))
        validation.check_matches_fit(series, self)
        self.n_features_in_ = self.n_channels_in_ * self.n_timepoints_in_
        another = reset_head or self.n_timepoints_in_ != old_length
        validation.check_feature_names(self, X, reset=another)
        name = type(self).__name__
        y = validation.check_labels(y, len(series), name)
        if reset_head:
            self.classes_ = LabelEncoder().fit(y).classes_
            validation.check_classes(self.classes_, name, len(y))
        remedy = "Pass reset_head=True to learn other classes, or fit again."
        labels = validation.encode_labels(y, self.classes_, name, remedy)
        weights = validation.check_weights(sample_weight, len(labels))
        return without_weightless(series, labels, weights)

    def _transferred(self, reset_head, seed):
        """Build the network for the present length and classes, with the weights of the old."""
        architecture = {
            **self._architecture,
            "n_timepoints": self.n_timepoints_in_,
            "n_classes": len(self.classes_),
        }
        if reset_head:
            architecture["seed"] = seed
        if architecture.get("dimension_shuffle") == "auto":  # decided once, in fit
            architecture["dimension_shuffle"] = uses_dimension_shuffle(
                "auto", self.n_channels_in_, self._architecture["n_timepoints"]
            )
        n_filters, sizes = architecture["n_filters"], architecture["kernel_sizes"]
        if max(sizes) > self.n_timepoints_in_:
            raise ValueError(
                f"X has {self.n_timepoints_in_} timepoints, but the network has a kernel of "
                f"{max(sizes)}; pass longer series, or fit a new classifier."
            )
        validation.check_kernel_sizes(sizes, n_filters, self.n_timepoints_in_)
        model = self._build(architecture)
        transfer_weights(self.model_, model, heads=not reset_head)
        return model, architecture
