"""What can every classifier do? fit, predict, fine_tune, explain, transform and save."""

import copy
import os
from collections.abc import Sized
from numbers import Integral, Real

import numpy as np
import scipy.special
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)

from lstmfcn import fine_tuning, fitting, model_file, validation
from lstmfcn.all_or_nothing import changed_at_once, of_one_fit
from lstmfcn.explain import (
    Explanation,
    block_output,
    count_features,
    decision_parts,
    effective_kernels,
    evidence_over_time,
    gradient_times_input,
    strongest_samples,
)
from lstmfcn.export import export
from lstmfcn.fitting import part_of_fit
from lstmfcn.networks.fitted import FittedNetwork
from lstmfcn.training.loop import fine_tune_schedule
from lstmfcn.validation import Interval, StrOptions


class LogitClassifier(
    ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator
):
    """A classifier of series that decides by the logits which its ``_logits`` returns."""

    @of_one_fit
    def predict(self, X):
        """Predict the class of each series.

        Parameters
        ----------
        X : as in :meth:`fit`
            Same channels; same length, unless ``unequal_length_in_`` says how others are treated.

        Returns
        -------
        ndarray of shape (n_samples,)
            Entries of ``classes_``.
        """
        best = self._logits(X).argmax(axis=1)
        return self.classes_[best]

    @of_one_fit
    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : as in :meth:`predict`

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1; columns in the order of ``classes_``.
        """
        return scipy.special.softmax(self._logits(X), axis=1)

    @of_one_fit
    def decision_function(self, X):
        """Return the logits: the network's output before the softmax.

        Parameters
        ----------
        X : as in :meth:`predict`

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            For two classes the log-odds of ``classes_[1]``.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    @of_one_fit
    def score(self, X, y, sample_weight=None):
        """Return the accuracy: the fraction of series whose class is predicted.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : array-like of shape (n_samples,)
            Class labels; one that ``fit`` did not see counts as missed.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        predicted, name = self.predict(X), type(self).__name__
        y = validation.check_labels(y, len(predicted), name)
        validation.check_comparable(y, self.classes_, name)
        weights = sample_weight
        if weights is not None:
            weights = validation.check_weights(weights, len(y)).astype(np.float64)
        return float(np.average(predicted == y, weights=weights))

    def _targets(self, predicted, y):
        """Return the class to explain for each series, as an index into ``classes_``."""
        if y is None:
            return predicted
        if isinstance(y, str) or not isinstance(y, Sized) or getattr(y, "ndim", 1) == 0:
            y = np.full(len(predicted), y, np.asarray(y).dtype)
        return fitting.known_labels(self, y, len(predicted))

    @of_one_fit
    def export(self, path, format=None, *, attention=False):
        """Write the fitted classifier as a graph that answers without this package.

        The graph takes raw series, float32 of shape (n_samples, n_channels, n_timepoints), any
        number of them. Normalisation, axes and lengths are inside. Where series of other lengths
        are possible, NaN stands behind the end of a shorter one. It returns ``probabilities``
        (n_samples, n_classes), in the order of ``classes_``.

        Parameters
        ----------
        path : str or path-like
        format : {"onnx", "litert", "saved_model"}, optional
            By default by the ending: ``.onnx``, ``.tflite``, none for the folder of a TensorFlow
            SavedModel. ONNX needs ``pip install lstmfcn[onnx]``.
        attention : bool, default=False
            Whether ``attention`` (n_samples, n_timepoints) is a second output: the map of
            ``ALSTMFCNClassifier(attention="features")``.

        Raises
        ------
        ImportError
            If the converter is not installed.
        OSError
            If the file cannot be written; an old one of that name stays.
        ValueError
            If there is no such format, or no such map.

        Notes
        -----
        Class labels, channels, length, version and a SHA-256 of the model are in the metadata of an
        ONNX file, and in a file ``path + ".json"`` beside the others. A series longer than those of
        ``fit`` loses its end where shorter ones are padded; a ``.tflite`` file refuses it.

        See Also
        --------
        lstmfcn.OnnxClassifier : Answers from an ONNX file, without TensorFlow.
        save : Keeps everything, for :func:`lstmfcn.load`.
        """
        validation.check_is_fitted(self)
        export(self, path, format, attention=attention)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []  # features are float32, whatever X is
        return tags


class TimeSeriesClassifier(LogitClassifier):
    """Everything about an LSTM-FCN classifier but its constructor and its network.

    A subclass has a constructor that stores its parameters, ``_parameter_constraints``,
    ``_network`` (a key of ``NETWORKS``) and ``_network_parameters`` (the constructor parameters
    that the network's builder takes as they are). A fitted one has ``reader_``, a
    :class:`lstmfcn.preprocessing.SeriesReader`, and ``network_``, a
    :class:`lstmfcn.networks.fitted.FittedNetwork`.
    """

    _network = None
    _network_parameters = ()
    _design = fitting.SeriesDesign()

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
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "patience": [Interval(Integral, 1, 1_000_000, closed="both"), None],
        "precision": [StrOptions({"auto", "bfloat16", "float32"})],
        "callbacks": [list, tuple, None],
        "checkpoint": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def fit(self, X, y, sample_weight=None, validation_data=None):
        """Train a network on labelled series.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, \
n_timepoints), or list of arrays of shape (n_channels, n_timepoints_i)
            Finite values. A list of series is taken to be of unequal length, also if these happen
            not to be; ``unequal_length`` says what becomes of later series. A memory-mapped array
            is read batch by batch and never held in memory.
        y : array-like of shape (n_samples,)
            Class labels: integers, strings, booleans.
        sample_weight : array-like of shape (n_samples,), optional
            Factor of each series' loss, >= 0; a series of weight 0 is left out.
        validation_data : tuple (X, y), optional
            Measured after every epoch (``val_loss``, ``val_accuracy`` in ``history_``) and
            monitored by ``patience`` and ``keep_weights="best"``; never trained on.

        Returns
        -------
        self
            Unchanged if the call is refused or interrupted.

        Raises
        ------
        ValueError, TypeError
            On unusable input, in one sentence.
        FloatingPointError
            If the training loss stops being a number.
        """
        with changed_at_once(self) as fitted:
            fitting.fit(fitted, X, y, sample_weight, validation_data)
        return self

    @of_one_fit
    def transform(self, X, layer="concatenated"):
        """Return learned features, for use by another estimator.

        Parameters
        ----------
        X : as in :meth:`predict`
        layer : {"concatenated", "lstm", "pooled"}, default="concatenated"
            ``"pooled"``: the last convolution features' mean over time; ``"lstm"``: the LSTM
            branch; ``"concatenated"``: [lstm, pooled], what the last layer sees.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        validation.check_is_fitted(self)
        has_lstm = "n_cells" in self.network_.architecture
        layers = ("concatenated", "lstm", "pooled") if has_lstm else ("concatenated", "pooled")
        validation.check_choice(layer, "layer", layers)
        return self.network_.output(layer if has_lstm else "pooled", self._inputs(X))

    @of_one_fit
    def save(self, path):
        """Write the fitted classifier to one file, atomically.

        The file holds JSON and plain arrays; reading it back executes nothing from it.

        Parameters
        ----------
        path : str or path-like
            Conventionally ``*.lstmfcn``.

        See Also
        --------
        lstmfcn.load : The way back.
        """
        validation.check_is_fitted(self)
        model_file.write(path, model_file.classifier_members(self))

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
        new_classes="refuse",
        validation_data=None,
        patience=None,
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
            and so does, with ``occlusion``, the denoiser before it; the LSTM branch and the last
            layer learn.
        reset_head : bool, default=False
            Treat ``X`` and ``y`` as another problem: classes and normalisation are those of the
            new data, the last layer starts from new random weights, and so does an LSTM whose
            weights depend on a length that is another now.
        new_classes : {"refuse", "add"}, default="refuse"
            ``"add"``: the last layer gets weights for labels that ``fit`` has not seen, and keeps
            those of its own classes. Pass some series of these, too: a network that no longer sees
            a class forgets it.
        validation_data : tuple (X, y), optional
            As in :meth:`fit`; each iteration keeps the weights of its lowest validation loss.
        patience : int, optional
            End an iteration after so many epochs without a lower validation (without validation
            data: training) loss.

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
    def explain(self, X, y=None):
        """Take the logits apart, exactly: bias, LSTM branch, convolutions at each timepoint.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : label or array-like of shape (n_samples,), optional
            The class explained over time; by default the predicted one.

        Returns
        -------
        lstmfcn.Explanation
            Its parts add up to the logits. Timepoints are those of ``fit``: of the padded or
            resampled series, where lengths are unequal.
        """
        inputs = self._inputs(X)
        bias, lstm, convolutions = decision_parts(self.network_, inputs)
        target = self._targets((bias + lstm + convolutions).argmax(axis=1), y)
        over_time = evidence_over_time(self.network_, inputs, target)
        return Explanation(self.classes_, target, bias, lstm, convolutions, over_time)

    @of_one_fit
    def class_activation_map(self, X, y=None, *, contrast=False):
        """Return what the convolutions contribute to a class's logit at each timepoint.

        It is activation times derivative, in the last block whose activations see at most 32
        timepoints or a sixteenth of the series. In the published network this is the last block,
        and the map that of Zhou et al.; where later blocks see more, features no longer tell where
        the evidence lies. Each map sums to the convolutions' part of the logit: what later blocks
        add by themselves all timepoints get alike.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : label or array-like of shape (n_samples,), optional
            The class; by default the predicted one.
        contrast : bool, default=False
            Take away the mean map of the other classes. Evidence that speaks for every class
            alike moves no probability; without it, what remains tells the class apart.

        Returns
        -------
        ndarray of shape (n_samples, n_timepoints)
            In units of the logit; zero on padding.

        References
        ----------
        Zhou, Khosla, Lapedriza, Oliva, Torralba, "Learning Deep Features for Discriminative
        Localization", 2016, arXiv:1512.04150; for series: Wang, Yan, Oates, 2017,
        arXiv:1611.06455, section III. In earlier blocks: Jiang, Zhang, Hou, Cheng, Wei, "LayerCAM:
        Exploring Hierarchical Class Activation Maps for Localization", 2021,
        doi:10.1109/TIP.2021.3089943.
        """
        inputs = self._inputs(X)
        validation.check_choice(contrast, "contrast", (False, True))
        target = self._targets(sum(decision_parts(self.network_, inputs)).argmax(axis=1), y)
        return evidence_over_time(self.network_, inputs, target, contrast=contrast)

    @of_one_fit
    def gradient_map(self, X, y=None, *, per_channel=False):
        """Return gradient times input: a plain map to hold the others against.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : label or array-like of shape (n_samples,), optional
            Whose logit; by default that of the predicted class.
        per_channel : bool, default=False
            Return each channel's map; otherwise their sum.

        Returns
        -------
        ndarray of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
            Of the normalised series; zero on padding.

        References
        ----------
        Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box: Learning Important
        Features Through Propagating Activation Differences", 2016, arXiv:1605.01713.
        """
        inputs = self._inputs(X)
        validation.check_choice(per_channel, "per_channel", (False, True))
        target = self._targets(self.network_.logits(inputs).argmax(axis=1), y)
        product = gradient_times_input(self.network_, inputs, target)
        return product if per_channel else product.sum(axis=1)

    @of_one_fit
    def filter_kernels(self):
        """Return the first layer's kernels as they meet the normalised (and denoised) series.

        Returns
        -------
        ndarray of shape (n_filters, n_channels, span)
            Multiplied by the scale of the batch normalisation behind them, so that signs and
            sizes compare between filters. At timepoint t a kernel covers the timepoints from
            t - (span - 1) // 2 on. ``span`` is the kernel size, unless the first block has a
            dilation rate. Of several ``views`` the filters follow one another.
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
            The first block has a step for each timepoint; of the others a step may hold several,
            see ``n_steps``. Zero on padding.
        """
        inputs = self._inputs(X)
        return self.network_.output(block_output(self.network_.architecture, layer), inputs)

    @of_one_fit
    def strongest_series(self, X, layer=1, n_series=1):
        """Find for each filter of a block the series that excite it most.

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
            Indices into ``X``, the most exciting first.
        timepoints : int ndarray of shape (n_filters, n_series)
            Where in the series the filter is most active.
        activations : ndarray of shape (n_filters, n_series)
            How active it is there.
        """
        inputs = self._inputs(X)
        validation.check_counts(most=len(inputs[0]), n_series=n_series)
        return strongest_samples(self.network_, inputs, layer, n_series)

    @of_one_fit
    def with_random_weights(self, random_state=None):
        """Return a copy whose network has never learned, for sanity checks of maps.

        Parameters
        ----------
        random_state : int, RandomState or None, default=None
            Seed of its weights.

        Returns
        -------
        fitted classifier of the same class
        """
        validation.check_is_fitted(self)
        (seed,) = validation.draw_seeds(random_state, 1)
        other, architecture = copy.copy(self), self.network_.architecture
        model = self.network_.build(**{**architecture, "seed": seed})
        other.network_ = FittedNetwork(self.network_.build, architecture, model)
        return other

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

    def _logits(self, X):
        inputs = self._inputs(X)
        return self.network_.logits(inputs)

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
