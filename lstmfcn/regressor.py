"""How does LSTM-FCN predict a number? The classifier's network with one linear output."""

import numpy as np
from sklearn.base import RegressorMixin

from lstmfcn import tasks, validation
from lstmfcn.all_or_nothing import of_one_fit
from lstmfcn.estimator import LSTM_CONSTRAINTS, TimeSeriesEstimator
from lstmfcn.explain import evidence_over_time
from lstmfcn.export import export

__all__ = ["LSTMFCNRegressor"]


class LSTMFCNRegressor(RegressorMixin, TimeSeriesEstimator):
    """LSTM fully convolutional network (LSTM-FCN) that predicts a number for each time series.

    The network equals the network of :class:`LSTMFCNClassifier`, with one linear output instead of
    the softmax. It learns standardised targets by the squared error.

    Parameters
    ----------
    n_cells : int or sequence of int, default=8
        Width of the LSTM. Of several widths each is trained, and the network with the lowest
        training loss is kept (the paper searches (8, 64, 128)). ``n_cells_`` is its width.
    dropout : float in [0, 1), default=0.8
        Dropout after the LSTM.
    dimension_shuffle : bool or "auto", default="auto"
        Whether the LSTM reads ``n_channels`` steps of ``n_timepoints`` values instead of
        ``n_timepoints`` steps of ``n_channels`` values. ``"auto"``: if this gives fewer steps.
    recurrent_activation : {"sigmoid", "hard_sigmoid"}, default="sigmoid"
        Gates of the LSTM; ``"hard_sigmoid"`` is Keras 2's clip(0.2 x + 0.5, 0, 1), as published.
    n_filters : tuple of int, default=(64, 128, 64)
        Number of filters of each convolution block; the paper has 128, 256, 128.
    kernel_sizes : tuple of int or "auto", default="auto"
        Number of steps that the kernels of each block read. ``"auto"``: 8, 5, 3, 3, ..., fewer
        for shorter series; the paper has 8, 5, 3.
    n_steps : int or None, default=32
        Least number of steps that the last block reads. The first block reads all timepoints.
        Between blocks, mean pooling over 2, 4, ... steps shortens a series to between ``n_steps``
        and twice as many. Shorter series are not pooled. None: no pooling, as in the paper.
    dilation_rates : tuple of int, "auto" or None, default="auto"
        Dilation of each block: the distance, in steps, of the values that a kernel reads.
        ``"auto"``: 1, 2, 4, 8, ..., less for short series. None: 1 everywhere, as in the paper.
    views : sequence of {"values", "detrended"}, default=("values", "detrended")
        Versions of the series that the convolutions read. Each view has convolutions of its own,
        ``n_filters`` wide, and learns to predict without the other views. The network's output is
        the mean over the views. ``"detrended"``: the series minus its trend, the mean over an
        eighth of the series around each timepoint. The paper has ``("values",)``.
    rocket : bool, default=True
        Whether fixed kernels predict, too: MiniROCKET's, and random ones that compete as in Hydra.
        Ridge regression on their features follows the training; its penalty has the lowest squared
        error when each series is left out in turn. The prediction is the mean of the network's and
        the regression's. False: the network alone.
    squeeze_excite : bool, default=False
        Squeeze-and-excite after every block but the last (MLSTM-FCN, for multivariate series).
    occlusion : float in [0, 1), default=0
        Largest fraction of timepoints hidden in a series while training. Half of the series stay
        whole, and all of them in the last quarter of the epochs. Above 0, small convolutions
        before the network learn without labels to find scattered gaps and to fill them in. 0 trains
        the network alone, on whole series, as published.
    normalization : {"dataset", "series"} or None, default="dataset"
        ``"dataset"``: z-normalise each channel by its mean and standard deviation over the
        training set; ``"series"``: by its mean and standard deviation in each series, as in the
        paper's fair protocol. This discards level and amplitude.
    unequal_length : {"auto", "pad", "resample"}, default="auto"
        How series of another length are brought to the longest length in ``fit``. ``"pad"``: zeros
        at the end, with a mask for pooling and normalisation. ``"resample"``: linear interpolation.
        ``"auto"``: ``"pad"`` if ``fit`` gets a list of series. If ``fit`` gets an array, later
        series must have the length of its series.
    n_epochs : int or "auto", default="auto"
        Passes over the training set. ``"auto"``: at least 75, and enough for 2000 updates, at most
        1500. If the loss with ``occlusion`` is then above half the variance of ``y``, as many
        epochs on whole series follow. They do not follow if ``patience`` or
        ``keep_weights="best"`` chooses the weights.
    batch_size : int or "auto", default="auto"
        Largest number of series per update. ``"auto"``: a tenth of the set, within 4 to 16.
    learning_rate : float in (0, 10], default=1e-3
        Adam's learning rate; the peak of ``"one_cycle"``, the start of ``"plateau"``.
    schedule : {"one_cycle", "plateau", "constant"}, default="one_cycle"
        ``"one_cycle"``: warm-up, then cosine to zero; ``"plateau"``: the paper's, times 2^(-1/3)
        after 100 epochs in which the training loss did not fall by 1e-4, not below 1e-4.
    keep_weights : {"last", "best"}, default="last"
        ``"best"``: the weights of the epoch with the lowest validation loss or, without validation
        data, training loss. ``"last"``: the weights of the last epoch.
    validation_fraction : float in (0, 1) or None, default=None
        Fraction of the training set held out for validation. Neither weights nor normalisation are
        fitted on it.
    patience : int or None, default=None
        Stop after this many epochs without a lower validation (without validation data:
        training) loss, and keep the best weights.
    precision : {"auto", "bfloat16", "float32"}, default="auto"
        Precision of the convolutions in training. Weights and predictions are float32. ``"auto"``:
        ``"bfloat16"`` if the machine can compute with it, else ``"float32"``.
    callbacks : list of keras.callbacks.Callback or None, default=None
        Called as in Keras; they keep what they collect. ``on_train_begin`` is called for each
        candidate of ``n_cells`` and for each further training. scikit-learn's ``clone`` copies
        callbacks, or shares them if they cannot be copied.
    checkpoint : path-like or None, default=None
        Folder for the state of a running ``fit`` or ``fine_tune``, renewed every few seconds. After
        a crash or an interruption, the same call on the same data continues. Its result is
        bit-equal to the result of an uninterrupted call. Once finished, the call returns at once.
        The state of another training is refused: a folder serves one training at a time, not the
        folds of a cross-validation. Of callbacks only numbers and arrays are restored.
    random_state : int, RandomState or None, default=None
        Seed of weights, dropout, order of samples and validation split. The same int on the
        same machine gives bit-equal predictions. No global seed is touched.
    verbose : int, default=0
        1: a progress bar over epochs; 2: a bar that stays at the end.

    Attributes
    ----------
    target_mean_, target_scale_ : float
        Weighted mean and standard deviation of the training targets.
    model_ : keras.Model
        The trained network, see :mod:`lstmfcn.networks`. It reads normalised series and predicts
        standardised targets: times ``target_scale_``, plus ``target_mean_`` gives the number.
    history_ : dict of str to list of float
        Per epoch: ``loss``, the mean squared error, and ``absolute_error``, both of standardised
        targets, ``learning_rate``, ``epoch_seconds`` and, with validation data, ``val_loss`` and
        ``val_absolute_error``. The losses are of the network without the fixed kernels.
    n_timepoints_in_, n_channels_in_, n_features_in_ : int
        Length, channels and values (their product) per series.
    unequal_length_in_ : {"pad", "resample", None}
        How series of another length are treated; None if all must have the length of ``fit``.
    n_epochs_, batch_size_ : int
        Epochs and batch size of the training; with ``patience``, the maximum number of epochs.
    occlusion_ : float
        ``occlusion``, or 0 if the network could not learn with gaps.
    precision_ : {"bfloat16", "float32"}
        The precision that was used.
    n_cells_ : int
        Width of the LSTM.

    See Also
    --------
    LSTMFCNClassifier : Predicts a class.
    lstmfcn.evaluation.score_numbers : CCC, MSE and R2 of predictions, with intervals.
    sklearn.multioutput.MultiOutputRegressor : Fits a regressor for each of several numbers.

    References
    ----------
    Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series
    Classification", IEEE Access, 2018, arXiv:1709.05206. Networks of this kind that predict a
    number: Tan, Bergmeir, Petitjean, Webb, "Time Series Extrinsic Regression", 2021,
    arXiv:2006.12672.

    Examples
    --------
    >>> import numpy as np
    >>> from lstmfcn import LSTMFCNRegressor
    >>> rng = np.random.default_rng(0)
    >>> frequency, time = rng.uniform(1.0, 4.0, 90), np.linspace(0.0, 1.0, 60)
    >>> X = np.sin(2 * np.pi * (frequency[:, np.newaxis] * time + rng.uniform(size=(90, 1))))
    >>> reg = LSTMFCNRegressor(n_epochs=30, random_state=0).fit(X[:60], frequency[:60])
    >>> reg.score(X[60:], frequency[60:]) > 0.9
    True
    """

    _network = "lstmfcn"
    _network_parameters = ("dropout", "dimension_shuffle", "recurrent_activation")
    _task = tasks.Regression()
    _parameter_constraints = {**TimeSeriesEstimator._parameter_constraints, **LSTM_CONSTRAINTS}

    def __init__(
        self,
        n_cells=8,
        *,
        n_filters=(64, 128, 64),
        kernel_sizes="auto",
        n_steps=32,
        dilation_rates="auto",
        dropout=0.8,
        dimension_shuffle="auto",
        views=("values", "detrended"),
        rocket=True,
        squeeze_excite=False,
        occlusion=0.0,
        recurrent_activation="sigmoid",
        normalization="dataset",
        unequal_length="auto",
        n_epochs="auto",
        batch_size="auto",
        learning_rate=1e-3,
        schedule="one_cycle",
        keep_weights="last",
        validation_fraction=None,
        patience=None,
        precision="auto",
        callbacks=None,
        checkpoint=None,
        random_state=None,
        verbose=0,
    ):
        self.n_cells = n_cells
        self.n_filters = n_filters
        self.kernel_sizes = kernel_sizes
        self.n_steps = n_steps
        self.dilation_rates = dilation_rates
        self.dropout = dropout
        self.dimension_shuffle = dimension_shuffle
        self.views = views
        self.rocket = rocket
        self.squeeze_excite = squeeze_excite
        self.occlusion = occlusion
        self.recurrent_activation = recurrent_activation
        self.normalization = normalization
        self.unequal_length = unequal_length
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.keep_weights = keep_weights
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.precision = precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, validation_data=None):
        """Train a network on series and their numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timepoints) or (n_samples, n_channels, \
n_timepoints), or list of arrays of shape (n_channels, n_timepoints_i)
            Finite values. A list of series is taken to be of unequal length, also if these happen
            not to be; ``unequal_length`` says what becomes of later series. A memory-mapped array
            is read batch by batch and never held in memory.
        y : array-like of shape (n_samples,)
            The number of each series, in any unit.
        sample_weight : array-like of shape (n_samples,), optional
            Factor of each series' loss, >= 0; a series of weight 0 is left out.
        validation_data : tuple (X, y), optional
            Measured after every epoch (``val_loss``, ``val_absolute_error`` in ``history_``) and
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

    @of_one_fit
    def predict(self, X):
        """Predict the number of each series.

        Parameters
        ----------
        X : as in :meth:`fit`
            Same channels; same length, unless ``unequal_length_in_`` says how others are treated.

        Returns
        -------
        ndarray of shape (n_samples,)
            In the unit of ``y``.
        """
        inputs = self._inputs(X)
        return self.target_mean_ + self.target_scale_ * self.network_.logits(inputs)[:, 0]

    @of_one_fit
    def export(self, path, format=None):
        """Write the fitted regressor as a graph that predicts without this package.

        The graph takes raw series as the graph of :meth:`LSTMFCNClassifier.export` does, and
        returns ``number`` (n_samples,), in the unit of ``y``.

        Parameters
        ----------
        path : str or path-like
        format : {"onnx", "litert", "saved_model"}, optional
            By default by the ending: ``.onnx``, ``.tflite``, none for the folder of a TensorFlow
            SavedModel. ONNX needs ``pip install lstmfcn[onnx]``.

        Raises
        ------
        ImportError, OSError, ValueError
            As by :meth:`LSTMFCNClassifier.export`. Also if float32 cannot hold numbers around
            ``target_mean_`` to a thousandth of ``target_scale_``.

        See Also
        --------
        lstmfcn.OnnxRegressor : Predicts with an ONNX file, without TensorFlow.
        save : Keeps everything, for :func:`lstmfcn.load`.
        """
        validation.check_is_fitted(self)
        export(self, path, format)

    @of_one_fit
    def activation_map(self, X):
        """Return what the convolutions add to the number at each timepoint.

        The map is that of :meth:`LSTMFCNClassifier.class_activation_map`, of the one output. Above
        0 a timepoint raises the number, below 0 it lowers it.

        Parameters
        ----------
        X : as in :meth:`predict`

        Returns
        -------
        ndarray of shape (n_samples, n_timepoints)
            In the unit of ``y``; zero on padding. Each map sums to the convolutions' part of the
            number.
        """
        inputs = self._inputs(X)
        target = np.zeros(len(inputs[0]), int)
        return self.target_scale_ * evidence_over_time(self.network_, inputs, target)

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
        validation_data=None,
        patience=None,
    ):
        """Train the fitted network on, by the paper's Algorithm 1.

        Each iteration starts from the weights of the previous iteration, with a fresh optimiser and
        plateau schedule. It keeps the weights of its lowest training loss. The learning rate halves
        every iteration (not below 1e-4), the batch size every second iteration (not below 32).
        ``validation_fraction`` is of ``fit`` alone: here all series are trained on.

        Parameters
        ----------
        X, y, sample_weight : as in :meth:`fit`
            The training data again, as in the paper, or other series of as many channels. Another
            length is possible where no weight depends on it: for an LSTM without dimension shuffle;
            for the others with ``reset_head=True``.
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
            Treat ``X`` and ``y`` as another problem, with its own normalisation, ``target_mean_``
            and ``target_scale_``. The last layer starts from new random weights. So does an LSTM
            whose weights depend on the length, if the length has changed. With ``occlusion``, the
            denoiser learns these series first.
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
            validation_data=validation_data,
            patience=patience,
        )
