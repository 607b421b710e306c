"""What can every classifier do? fit, predict, fine_tune and explain."""

import copy
from collections.abc import Sized

import numpy as np
import scipy.special
from sklearn.base import ClassifierMixin

from lstmfcn import tasks, validation
from lstmfcn.all_or_nothing import of_one_fit
from lstmfcn.estimator import SeriesTransformer, TimeSeriesEstimator
from lstmfcn.explain import Explanation, decision_parts, evidence_over_time, gradient_times_input
from lstmfcn.export import export
from lstmfcn.networks.fitted import FittedNetwork
from lstmfcn.networks.rocket import randomize_rocket
from lstmfcn.validation import StrOptions


class LogitClassifier(ClassifierMixin, SeriesTransformer):
    """A classifier of series that decides by the logits which its ``_logits`` returns."""

    _task = tasks.Classification()

    @of_one_fit
    def predict(self, X):
        """Predict the class of each series.

        Parameters
        ----------
        X : as in :meth:`fit`
            Same channels as in ``fit``. Same length, too, if ``unequal_length_in_`` is None.

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
            Class labels; a label that ``fit`` did not see counts as an error.
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
        return self._task.known(self, y, len(predicted))

    @of_one_fit
    def export(self, path, format=None, *, attention=False):
        """Write the fitted classifier as a graph that predicts without this package.

        The graph takes any number of raw series, float32 of shape (n_samples, n_channels,
        n_timepoints). Normalisation, reordering of axes and the treatment of lengths are part of
        the graph. If series of another length are possible, fill a shorter series with NaN at its
        end. The graph returns ``probabilities`` (n_samples, n_classes), in the order of
        ``classes_``.

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
            If the file cannot be written; an existing file of this name stays.
        ValueError
            If there is no such format, or no such map.

        Notes
        -----
        An ONNX file has class labels, channels, length, version and a SHA-256 of the model in its
        metadata. In other formats they are in a file ``path + ".json"``. A series longer than the
        series of ``fit`` loses its end if shorter series are padded; a ``.tflite`` file refuses it.

        See Also
        --------
        lstmfcn.OnnxClassifier : Predicts with an ONNX file, without TensorFlow.
        save : Keeps everything, for :func:`lstmfcn.load`.
        """
        validation.check_is_fitted(self)
        export(self, path, format, attention=attention)


class TimeSeriesClassifier(LogitClassifier, TimeSeriesEstimator):
    """Everything about a classifier with one network but its constructor and its network.

    :class:`lstmfcn.estimator.TimeSeriesEstimator` says what a subclass has.
    """

    _parameter_constraints = {
        **TimeSeriesEstimator._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def fit(self, X, y, sample_weight=None, validation_data=None):
        """Train a network on labelled series.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, \
n_timepoints), or list of arrays of shape (n_channels, n_timepoints_i)
            Finite values. A list of series is treated as of unequal length, even if its series have
            equal lengths; ``unequal_length`` says how later series are treated. A memory-mapped
            array is read batch by batch and never held in memory.
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
        return self._fit(X, y, sample_weight, validation_data)

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
        """Continue the training of the fitted network, by the paper's Algorithm 1.

        Each iteration starts from the weights of the previous iteration, with a fresh optimiser and
        plateau schedule. It keeps the weights of its lowest training loss. The learning rate halves
        every iteration (not below 1e-4), the batch size every second iteration (not below 32).
        ``validation_fraction`` is of ``fit`` alone: here all series are trained on.

        Parameters
        ----------
        X, y, sample_weight : as in :meth:`fit`
            The training data again, as in the paper, or other series with the same number of
            channels. Another length is possible for FCN and for an LSTM without dimension shuffle,
            whose weights do not depend on it. An LSTM with dimension shuffle needs
            ``reset_head=True`` for it.
        n_iterations : int, default=5
            The paper's K.
        n_epochs : int, optional
            Epochs of each iteration; by default ``n_epochs_``.
        learning_rate : float, default=1e-3
            Adam's learning rate in the first iteration.
        batch_size : int, default=128
            Largest batch in the first iteration.
        freeze : {"convolutions"} or None, default=None
            ``"convolutions"``: the convolution branch keeps its weights and its batch statistics,
            and so does, with ``occlusion``, the denoiser before it; the LSTM branch and the last
            layer learn.
        reset_head : bool, default=False
            Treat ``X`` and ``y`` as another problem, with its own classes and normalisation. The
            last layer starts from new random weights. So does an LSTM whose weights depend on the
            length, if the length has changed. With ``occlusion``, the denoiser learns these series
            first.
        new_classes : {"refuse", "add"}, default="refuse"
            ``"add"``: the last layer gets weights for labels that ``fit`` has not seen, and keeps
            the weights of its old classes. Pass series of the old classes, too: a network that no
            longer sees a class forgets it.
        validation_data : tuple (X, y), optional
            As in :meth:`fit`; each iteration keeps the weights of its lowest validation loss.
        patience : int, optional
            End an iteration after this many epochs without a lower validation (without validation
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
        return self._fine_tune(
            X,
            y,
            sample_weight,
            n_iterations=n_iterations,
            n_epochs=n_epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            freeze=freeze,
            reset_head=reset_head,
            new_classes=new_classes,
            validation_data=validation_data,
            patience=patience,
        )

    @of_one_fit
    def explain(self, X, y=None):
        """Split the logits into bias, LSTM branch and convolutions at each timepoint.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : label or array-like of shape (n_samples,), optional
            The class explained over time; by default the predicted one.

        Returns
        -------
        lstmfcn.Explanation
            Its parts sum exactly to the logits. If lengths are unequal, timepoints are of the
            padded or resampled series.
        """
        inputs = self._inputs(X)
        bias, lstm, convolutions = decision_parts(self.network_, inputs)
        target = self._targets((bias + lstm + convolutions).argmax(axis=1), y)
        over_time = evidence_over_time(self.network_, inputs, target)
        return Explanation(self.classes_, target, bias, lstm, convolutions, over_time)

    @of_one_fit
    def class_activation_map(self, X, y=None, *, contrast=False):
        """Return what the convolutions contribute to a class's logit at each timepoint.

        The map is activation times derivative, in the last block whose activations can locate the
        evidence. Each of these sees at most 32 timepoints, in series longer than 512 at most a
        sixteenth. In the published network this is the last block,
        and the map equals the map of Zhou et al. Each map sums to the convolutions' part of the
        logit. What later blocks add by themselves is spread evenly over all timepoints.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : label or array-like of shape (n_samples,), optional
            The class; by default the predicted one.
        contrast : bool, default=False
            Subtract the mean map of the other classes. Evidence that supports all classes equally
            changes no probability. The remaining evidence distinguishes the class.

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
        """Return gradient times input, a simple map to compare other maps with.

        It is the gradient of the network's part of the logit. The fixed kernels (``rocket``) decide
        half, and no gradient goes through them.

        Parameters
        ----------
        X : as in :meth:`predict`
        y : label or array-like of shape (n_samples,), optional
            The class of the logit; by default the predicted class.
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
    def with_random_weights(self, random_state=None):
        """Return a copy whose network has random weights, for sanity checks of maps.

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
        randomize_rocket(model, self.network_.model, seed)
        other.network_ = FittedNetwork(self.network_.build, architecture, model)
        return other

    def _logits(self, X):
        inputs = self._inputs(X)
        return self.network_.logits(inputs)
