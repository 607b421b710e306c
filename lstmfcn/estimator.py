"""What can every estimator with one network do, whatever it predicts? transform, save, filters."""

import os
from numbers import Integral, Real

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from lstmfcn import fine_tuning, fitting, model_file, validation
from lstmfcn.all_or_nothing import changed_at_once, of_one_fit
from lstmfcn.doc_link import LinkedToSite
from lstmfcn.explain import block_output, count_features, effective_kernels, strongest_samples
from lstmfcn.fitting import part_of_fit
from lstmfcn.training.loop import fine_tune_schedule
from lstmfcn.validation import Interval, StrOptions

LSTM_CONSTRAINTS = {
    "n_cells": [Interval(Integral, 1, 4096, closed="both"), tuple, list],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "dimension_shuffle": ["boolean", StrOptions({"auto"})],
    "recurrent_activation": [StrOptions({"sigmoid", "hard_sigmoid"})],
}


class SeriesTransformer(
    LinkedToSite, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """An estimator that makes features of series."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []  # features are float32, whatever X is
        return tags

    def _check_names_of(self, features, layer):
        """Refuse features of a layer if ``set_output`` asks for names and has others."""
        container = getattr(self, "_sklearn_output_config", {}).get("transform")
        container = container or get_config()["transform_output"]
        if container != "default" and features.shape[1] != self._n_features_out:
            raise ValueError(
                f"transform is set to return {container!r}, which has names for all features, not "
                f"for those of layer={layer!r}; call set_output(transform='default') first."
            )


class TimeSeriesEstimator(SeriesTransformer):
    """Everything about an estimator with one network but its constructor, network and answers.

    A subclass has a constructor that stores its parameters, ``_parameter_constraints``, and
    ``_network``, a key of ``NETWORKS``. ``_network_parameters`` lists the constructor parameters
    that the network's builder takes unchanged; for ``_task`` see :mod:`lstmfcn.tasks`. A fitted
    estimator has ``reader_``, a :class:`lstmfcn.preprocessing.SeriesReader`, and ``network_``, a
    :class:`lstmfcn.networks.fitted.FittedNetwork`.
    """

    _network = None
    _network_parameters = ()
    _design = fitting.SeriesDesign()
    _task = None

    _parameter_constraints = {
        "n_filters": ["array-like"],
        "kernel_sizes": ["array-like", StrOptions({"auto"})],
        "n_steps": [Interval(Integral, 1, 1_000_000, closed="both"), None],
        "dilation_rates": ["array-like", StrOptions({"auto"}), None],
        "views": ["array-like"],
        "rocket": ["boolean"],
        "squeeze_excite": ["boolean"],
        "occlusion": [Interval(Real, 0, 1, closed="left")],
        "normalization": [StrOptions({"dataset", "series"}), None],
        "unequal_length": [StrOptions({"auto", "pad", "resample"})],
        "n_epochs": [Interval(Integral, 1, 1_000_000, closed="both"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, 1_000_000, closed="both"), StrOptions({"auto"})],
        "learning_rate": [Interval(Real, 0, 10, closed="right")],
        "schedule": [StrOptions({"one_cycle", "plateau", "constant"})],
        "keep_weights": [StrOptions({"last", "best"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "patience": [Interval(Integral, 1, 1_000_000, closed="both"), None],
        "precision": [StrOptions({"auto", "bfloat16", "float32"})],
        "callbacks": [list, tuple, None],
        "checkpoint": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def _fit(self, X, y, sample_weight, validation_data):
        with changed_at_once(self) as fitted:
            fitting.fit(fitted, X, y, sample_weight, validation_data)
        return self

    def _fine_tune(
        self,
        X,
        y,
        sample_weight,
        *,
        n_iterations,
        n_epochs,
        learning_rate,
        batch_size,
        freeze,
        reset_head,
        validation_data,
        patience,
        new_classes="refuse",
    ):
        validation.check_is_fitted(self)
        n_epochs = self.n_epochs_ if n_epochs is None else n_epochs
        validation.check_counts(
            most=1_000_000, n_iterations=n_iterations, n_epochs=n_epochs, batch_size=batch_size
        )
        validation.check_learning_rate(learning_rate)
        validation.check_choice(freeze, "freeze", (None, "convolutions"))
        validation.check_choice(reset_head, "reset_head", (False, True))
        validation.check_choice(new_classes, "new_classes", ("refuse", "add"))
        if patience is not None:
            validation.check_counts(most=1_000_000, patience=patience)
        schedule = fine_tune_schedule(n_iterations, float(learning_rate), batch_size)
        with changed_at_once(self) as tuned:
            fine_tuning.fine_tune(
                tuned,
                X,
                y,
                sample_weight,
                schedule,
                n_epochs=int(n_epochs),
                freeze=freeze,
                reset_head=bool(reset_head),
                new_classes=new_classes,
                validation_data=validation_data,
                patience=patience,
            )
        return self

    @of_one_fit
    def transform(self, X, layer="concatenated"):
        """Return learned features, for use by another estimator.

        Parameters
        ----------
        X : as in :meth:`predict`
        layer : {"concatenated", "lstm", "pooled"}, default="concatenated"
            ``"pooled"``: the mean over time of the last convolution features; ``"lstm"``: the LSTM
            branch; ``"concatenated"``: [lstm, pooled], the input of the last layer.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            After ``set_output`` a data frame. It has names for ``"concatenated"`` only; the other
            layers of a network with an LSTM are then refused.
        """
        features = self._features(X, layer)
        self._check_names_of(features, layer)
        return features

    def _features(self, X, layer):
        validation.check_is_fitted(self)
        has_lstm = "n_cells" in self.network_.architecture
        layers = ("concatenated", "lstm", "pooled") if has_lstm else ("concatenated", "pooled")
        validation.check_choice(layer, "layer", layers)
        return self.network_.output(layer if has_lstm else "pooled", self._inputs(X))

    @of_one_fit
    def save(self, path):
        """Write the fitted estimator to one file, atomically.

        The file holds JSON and plain arrays; reading it back executes nothing from it.

        Parameters
        ----------
        path : str or path-like
            Conventionally ``*.lstmfcn``.

        See Also
        --------
        lstmfcn.load : Reads the file.
        """
        validation.check_is_fitted(self)
        fitting.check_parameters(self)  # as load does
        model_file.write(path, model_file.classifier_members(self))

    @of_one_fit
    def filter_kernels(self):
        """Return the first layer's kernels, scaled as applied to normalised (and denoised) series.

        Returns
        -------
        ndarray of shape (n_filters, n_channels, span)
            Multiplied by the scale of the batch normalisation after them. Signs and sizes can
            therefore be compared between filters. At timepoint t a kernel covers ``span``
            timepoints from t - (span - 1) // 2 on. ``span`` is the kernel size, unless the first
            block has a dilation rate. Filters are in the order of ``views``; those of
            ``"detrended"`` read a view that is divided by its standard deviation.
        """
        validation.check_is_fitted(self)
        return effective_kernels(self.network_)

    @of_one_fit
    def filter_activations(self, X, layer=1):
        """Return a convolution block's activations, after batch normalisation and ReLU.

        Parameters
        ----------
        X : as in :meth:`predict`
        layer : int, default=1
            Which block, counted from 1.

        Returns
        -------
        float32 ndarray of shape (n_samples, n_steps, n_filters)
            The first block has a step for each timepoint. A step of a later block may stand for
            several timepoints, see ``n_steps``. Zero on padding.
        """
        inputs = self._inputs(X)
        return self.network_.output(block_output(self.network_.architecture, layer), inputs)

    @of_one_fit
    def strongest_series(self, X, layer=1, n_series=1):
        """Find the series with the highest activations, for each filter of a block.

        Parameters
        ----------
        X : as in :meth:`predict`
        layer : int, default=1
            Which block, counted from 1.
        n_series : int, default=1
            How many series per filter.

        Returns
        -------
        series : int ndarray of shape (n_filters, n_series)
            Indices into ``X``, the series with the highest activation first.
        timepoints : int ndarray of shape (n_filters, n_series)
            Where in the series the filter is most active.
        activations : ndarray of shape (n_filters, n_series)
            How active it is there.
        """
        inputs = self._inputs(X)
        validation.check_counts(most=len(inputs[0]), n_series=n_series)
        found, timepoints, activations = strongest_samples(self.network_, inputs, layer, n_series)
        if self.unequal_length_in_ == "resample":  # the network's timepoints are not the series'
            last = np.array([one.shape[1] - 1 for one in validation.as_series(X)])[found]
            timepoints = np.rint(timepoints * last / max(1, self.n_timepoints_in_ - 1)).astype(int)
        return found, timepoints, activations

    model_ = part_of_fit("model_", "network_.model", "The fitted keras.Model.")
    normalizer_ = part_of_fit("normalizer_", "reader_.normalizer", "The normalisation of ``fit``.")
    n_channels_in_ = part_of_fit("n_channels_in_", "reader_.n_channels", "Channels of a series.")
    n_timepoints_in_ = part_of_fit(
        "n_timepoints_in_", "reader_.n_timepoints", "Of the longest series."
    )
    n_features_in_ = part_of_fit(
        "n_features_in_", "reader_.n_values", "Values of the longest series."
    )
    unequal_length_in_ = part_of_fit(
        "unequal_length_in_", "reader_.unequal_length", "How other lengths are treated."
    )

    @property
    def occlusion_(self):
        """What the network kept of ``occlusion``: 0.0 where gaps kept it from learning."""
        validation.check_is_fitted(self)
        architecture = self.network_.architecture
        return architecture["occlusion"] if architecture["passes_gaps"] else 0.0

    def _inputs(self, X):
        """Check series, and return the network's inputs."""
        validation.check_is_fitted(self)
        return self.reader_.to_inputs(fitting.read_matching(self, X))

    def __sklearn_clone__(self):
        """Copy the parameters; callbacks that hold a file or a lock are shared."""
        try:
            return super().__sklearn_clone__()
        except TypeError:
            if not self.callbacks:
                raise
        bare = object.__new__(type(self))
        bare.__dict__ = {**vars(self), "callbacks": None}
        return bare.__sklearn_clone__().set_params(callbacks=self.callbacks)

    @property
    def _n_features_out(self):
        architecture = self.network_.architecture
        return count_features(architecture) + architecture.get("n_cells", 0)
