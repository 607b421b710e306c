"""Which classifiers are there? LSTM-FCN, ALSTM-FCN and FCN: constructor, constraints, network."""

from lstmfcn import validation
from lstmfcn.all_or_nothing import of_one_fit
from lstmfcn.base import TimeSeriesClassifier
from lstmfcn.estimator import LSTM_CONSTRAINTS
from lstmfcn.explain import (
    NOT_OVER_TIME,
    attention_steps,
    attention_weights,
    uniform_attention,
)
from lstmfcn.validation import StrOptions
from lstmfcn.warning import warn

__all__ = ["ALSTMFCNClassifier", "FCNClassifier", "LSTMFCNClassifier"]


class LSTMFCNClassifier(TimeSeriesClassifier):
    """LSTM fully convolutional network (LSTM-FCN) for time series classification.

    Two branches read the series: an LSTM after a dimension shuffle, and three convolution blocks
    averaged over time (FCN). A softmax layer on both branches decides.

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
        ``n_filters`` wide, and learns to decide without the other views. The logits are the mean
        over the views. ``"detrended"``: the series minus its trend, the mean over an eighth of the
        series around each timepoint. The paper has ``("values",)``.
    rocket : bool, default=True
        Whether fixed kernels take part in the decision: MiniROCKET's, and random ones that compete
        as in Hydra. A linear layer on their features is fitted in closed form after the training.
        The logits are the mean of this layer's and the network's. False: the network alone, as in
        the paper.
    squeeze_excite : bool, default=False
        Squeeze-and-excite after every block but the last (MLSTM-FCN, for multivariate series).
    occlusion : float in [0, 1), default=0
        Largest fraction of timepoints hidden in a series while training. Half of the series stay
        whole, and all of them in the last quarter of the epochs. Above 0, small convolutions
        before the network learn without labels to find scattered gaps and to fill them in. Such
        a network changes its decision when the evidence is removed, not because of the gap's
        edges: its maps can be verified by deletion. Choose 0.3 for that. 0 trains the network
        alone, on whole series, as published.
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
        Passes over the training set. ``"auto"``: at least 75, and enough for 2000 updates and 200
        for each class, at most 1500. If the loss with ``occlusion`` is then above half the loss of
        guessing, as many epochs on whole series follow. They do not follow if ``patience`` or
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
    class_weight : dict of label to float, "balanced" or None, default=None
        Factor of the loss of each class; ``"balanced"``: n_samples / (n_classes * count).
    validation_fraction : float in (0, 1) or None, default=None
        Fraction of the training set held out, stratified, for validation. Neither weights nor
        normalisation are fitted on it.
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
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    model_ : keras.Model
        The trained network, see :mod:`lstmfcn.networks`. A ``.keras`` file of it loads after
        ``import lstmfcn.networks.builders``; :meth:`export` needs nothing of the kind.
    history_ : dict of str to list of float
        Per epoch: ``loss``, ``accuracy``, ``learning_rate``, ``epoch_seconds`` and, with
        validation data, ``val_loss`` and ``val_accuracy``. They are of the network
        without the fixed kernels.
    n_timepoints_in_, n_channels_in_, n_features_in_ : int
        Length, channels and values (their product) per series.
    unequal_length_in_ : {"pad", "resample", None}
        How series of another length are treated; None if all must have the length of ``fit``.
    n_epochs_, batch_size_ : int
        Epochs and batch size of the training; with ``patience``, the maximum number of epochs.
    occlusion_ : float
        ``occlusion``, or 0 if the network could not learn with gaps. It was then trained on whole
        series, and deletion is a weaker test of its maps.
    precision_ : {"bfloat16", "float32"}
        The precision that was used.
    n_cells_ : int
        Width of the LSTM.

    See Also
    --------
    ALSTMFCNClassifier : With attention to timepoints, which can be drawn.
    FCNClassifier : Without the LSTM.
    lstmfcn.multimodal.FusionClassifier : Several modalities of one sample.

    References
    ----------
    Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series
    Classification", IEEE Access, 2018, arXiv:1709.05206. Karim et al., "Insights into LSTM Fully
    Convolutional Networks for Time Series Classification", 2019, arXiv:1902.10756. Karim et al.,
    "Multivariate LSTM-FCNs for Time Series Classification", 2019, arXiv:1801.04503.

    Examples
    --------
    >>> from lstmfcn import LSTMFCNClassifier
    >>> from lstmfcn.datasets import load_ucr
    >>> X_train, y_train, X_test, y_test = load_ucr("ItalyPowerDemand")
    >>> clf = LSTMFCNClassifier(n_epochs=20, random_state=0).fit(X_train, y_train)
    >>> clf.score(X_test, y_test) > 0.9
    True
    """

    _network = "lstmfcn"
    _network_parameters = ("dropout", "dimension_shuffle", "recurrent_activation")
    _parameter_constraints = {**TimeSeriesClassifier._parameter_constraints, **LSTM_CONSTRAINTS}

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
        class_weight=None,
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
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.precision = precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose


class ALSTMFCNClassifier(TimeSeriesClassifier):
    """LSTM-FCN with an attention LSTM (ALSTM-FCN), whose attention can be drawn.

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
    attention : {"features", "paper"}, default="features"
        What the attention weights belong to. ``"features"``: the last convolution features, one
        weight per step. They are trained so that the attended features suffice for the decision,
        and the LSTM reads the series weighted by them. ``"paper"``: the input steps of the LSTM, as
        published. After the dimension shuffle a univariate series is a single step. Attention is
        then the constant 1 and says nothing about time.
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
        ``n_filters`` wide, and learns to decide without the other views. The logits are the mean
        over the views. ``"detrended"``: the series minus its trend, the mean over an eighth of the
        series around each timepoint. The paper has ``("values",)``.
    rocket : bool, default=True
        Whether fixed kernels take part in the decision: MiniROCKET's, and random ones that compete
        as in Hydra. A linear layer on their features is fitted in closed form after the training.
        The logits are the mean of this layer's and the network's. False: the network alone, as in
        the paper.
    squeeze_excite : bool, default=False
        Squeeze-and-excite after every block but the last (MLSTM-FCN, for multivariate series).
    occlusion : float in [0, 1), default=0.3
        Largest fraction of timepoints hidden in a series while training. Half of the series stay
        whole, and all of them in the last quarter of the epochs. Above 0, small convolutions
        before the network learn without labels to find scattered gaps and to fill them in. Such
        a network changes its decision when the evidence is removed, not because of the gap's
        edges: its maps can be verified by deletion. Choose 0.3 for that. 0 trains the network
        alone, on whole series, as published.
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
        Passes over the training set. ``"auto"``: at least 75, and enough for 2000 updates and 200
        for each class, at most 1500. If the loss with ``occlusion`` is then above half the loss of
        guessing, as many epochs on whole series follow. They do not follow if ``patience`` or
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
    class_weight : dict of label to float, "balanced" or None, default=None
        Factor of the loss of each class; ``"balanced"``: n_samples / (n_classes * count).
    validation_fraction : float in (0, 1) or None, default=None
        Fraction of the training set held out, stratified, for validation. Neither weights nor
        normalisation are fitted on it.
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
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    model_ : keras.Model
        The trained network, see :mod:`lstmfcn.networks`. A ``.keras`` file of it loads after
        ``import lstmfcn.networks.builders``; :meth:`export` needs nothing of the kind.
    history_ : dict of str to list of float
        Per epoch: ``loss``, ``accuracy``, ``learning_rate``, ``epoch_seconds`` and, with
        validation data, ``val_loss`` and ``val_accuracy``. They are of the network
        without the fixed kernels.
    n_timepoints_in_, n_channels_in_, n_features_in_ : int
        Length, channels and values (their product) per series.
    unequal_length_in_ : {"pad", "resample", None}
        How series of another length are treated; None if all must have the length of ``fit``.
    n_epochs_, batch_size_ : int
        Epochs and batch size of the training; with ``patience``, the maximum number of epochs.
    occlusion_ : float
        ``occlusion``, or 0 if the network could not learn with gaps. It was then trained on whole
        series, and deletion is a weaker test of its maps.
    precision_ : {"bfloat16", "float32"}
        The precision that was used.
    n_cells_ : int
        Width of the LSTM.

    Notes
    -----
    The attention of ``"features"`` is trained to choose timepoints whose features alone lead to
    the decision. The decision uses the weights that also read the mean of all features. A feature
    sees its neighbourhood through the convolutions; :meth:`attention_map` spreads the attention
    over the timepoints that it sees.

    See Also
    --------
    LSTMFCNClassifier : Without attention.
    lstmfcn.plots.MapDisplay : Draws the attention over the series.

    References
    ----------
    Karim, Majumdar, Darabi, Chen, "LSTM Fully Convolutional Networks for Time Series
    Classification", IEEE Access, 2018, arXiv:1709.05206. Bahdanau, Cho, Bengio, "Neural Machine
    Translation by Jointly Learning to Align and Translate", 2015, arXiv:1409.0473.

    Examples
    --------
    >>> from lstmfcn import ALSTMFCNClassifier
    >>> from lstmfcn.datasets import load_ucr
    >>> X_train, y_train, X_test, y_test = load_ucr("ItalyPowerDemand")
    >>> clf = ALSTMFCNClassifier(n_epochs=20, random_state=0).fit(X_train, y_train)
    >>> clf.attention_map(X_test[:5]).shape
    (5, 24)
    """

    _network = "alstmfcn"
    _network_parameters = ("dropout", "attention", "dimension_shuffle", "recurrent_activation")
    _parameter_constraints = {
        **TimeSeriesClassifier._parameter_constraints,
        **LSTM_CONSTRAINTS,
        "attention": [StrOptions({"features", "paper"})],
    }

    def __init__(
        self,
        n_cells=8,
        *,
        attention="features",
        n_filters=(64, 128, 64),
        kernel_sizes="auto",
        n_steps=32,
        dilation_rates="auto",
        dropout=0.8,
        dimension_shuffle="auto",
        views=("values", "detrended"),
        rocket=True,
        squeeze_excite=False,
        occlusion=0.3,
        recurrent_activation="sigmoid",
        normalization="dataset",
        unequal_length="auto",
        n_epochs="auto",
        batch_size="auto",
        learning_rate=1e-3,
        schedule="one_cycle",
        keep_weights="last",
        class_weight=None,
        validation_fraction=None,
        patience=None,
        precision="auto",
        callbacks=None,
        checkpoint=None,
        random_state=None,
        verbose=0,
    ):
        self.n_cells = n_cells
        self.attention = attention
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
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.precision = precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    @property
    def attends_over_(self):
        """What the attention weights belong to: "timepoints" or "channels"."""
        validation.check_is_fitted(self)
        return attention_steps(self.network_, self.network_.architecture)

    @of_one_fit
    def attention_map(self, X, over="timepoints"):
        """Return the attention to each timepoint, step or channel of each series.

        Parameters
        ----------
        X : as in :meth:`predict`
        over : {"timepoints", "features", "channels"}, default="timepoints"
            ``"timepoints"``: a timepoint gets its contribution to the attended features, the
            activations of an early block times their derivative. ``"features"``: as the network
            computes it, one weight per step (see ``n_steps``). ``"channels"``: for
            ``attention="paper"`` with the dimension shuffle, where each channel is one step.

        Returns
        -------
        ndarray of shape (n_samples, n_timepoints), (n_samples, n_steps) or (n_samples, n_channels)
            Rows are >= 0 and sum to 1. ``n_timepoints`` is the length in ``fit``; padding gets 0.
            If there is no attention over time, rows are uniform over the observed timepoints, and a
            warning says so once.
        """
        inputs = self._inputs(X)
        validation.check_choice(over, "over", ("timepoints", "features", "channels"))
        architecture = self.network_.architecture
        attention, mask = architecture["attention"], inputs[1] if len(inputs) > 1 else None
        if over == "features" and attention == "paper":
            raise ValueError("over='features' needs attention='features', not 'paper'.")
        if over == "channels" and self.attends_over_ == "timepoints":
            raise ValueError(
                f"this network (attention={attention!r}) attends over timepoints; "
                "over='channels' needs attention='paper' with the dimension shuffle."
            )
        if over in (self.attends_over_, "features"):
            return attention_weights(self.network_, inputs, mask, architecture, over=over)
        if not getattr(self, "_has_warned", False):
            warn(NOT_OVER_TIME)
            self._has_warned = True
        return uniform_attention(inputs[0], mask)


class FCNClassifier(TimeSeriesClassifier):
    """Fully convolutional network (FCN): LSTM-FCN without its LSTM branch, as the ablation.

    Parameters
    ----------
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
        ``n_filters`` wide, and learns to decide without the other views. The logits are the mean
        over the views. ``"detrended"``: the series minus its trend, the mean over an eighth of the
        series around each timepoint. The paper has ``("values",)``.
    rocket : bool, default=True
        Whether fixed kernels take part in the decision: MiniROCKET's, and random ones that compete
        as in Hydra. A linear layer on their features is fitted in closed form after the training.
        The logits are the mean of this layer's and the network's. False: the network alone, as in
        the paper.
    squeeze_excite : bool, default=False
        Squeeze-and-excite after every block but the last (MLSTM-FCN, for multivariate series).
    occlusion : float in [0, 1), default=0
        Largest fraction of timepoints hidden in a series while training. Half of the series stay
        whole, and all of them in the last quarter of the epochs. Above 0, small convolutions
        before the network learn without labels to find scattered gaps and to fill them in. Such
        a network changes its decision when the evidence is removed, not because of the gap's
        edges: its maps can be verified by deletion. Choose 0.3 for that. 0 trains the network
        alone, on whole series, as published.
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
        Passes over the training set. ``"auto"``: at least 75, and enough for 2000 updates and 200
        for each class, at most 1500. If the loss with ``occlusion`` is then above half the loss of
        guessing, as many epochs on whole series follow. They do not follow if ``patience`` or
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
    class_weight : dict of label to float, "balanced" or None, default=None
        Factor of the loss of each class; ``"balanced"``: n_samples / (n_classes * count).
    validation_fraction : float in (0, 1) or None, default=None
        Fraction of the training set held out, stratified, for validation. Neither weights nor
        normalisation are fitted on it.
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
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    model_ : keras.Model
        The trained network, see :mod:`lstmfcn.networks`. A ``.keras`` file of it loads after
        ``import lstmfcn.networks.builders``; :meth:`export` needs nothing of the kind.
    history_ : dict of str to list of float
        Per epoch: ``loss``, ``accuracy``, ``learning_rate``, ``epoch_seconds`` and, with
        validation data, ``val_loss`` and ``val_accuracy``. They are of the network
        without the fixed kernels.
    n_timepoints_in_, n_channels_in_, n_features_in_ : int
        Length, channels and values (their product) per series.
    unequal_length_in_ : {"pad", "resample", None}
        How series of another length are treated; None if all must have the length of ``fit``.
    n_epochs_, batch_size_ : int
        Epochs and batch size of the training; with ``patience``, the maximum number of epochs.
    occlusion_ : float
        ``occlusion``, or 0 if the network could not learn with gaps. It was then trained on whole
        series, and deletion is a weaker test of its maps.
    precision_ : {"bfloat16", "float32"}
        The precision that was used.

    See Also
    --------
    LSTMFCNClassifier : With an LSTM beside the convolutions.

    References
    ----------
    Wang, Yan, Oates, "Time Series Classification from Scratch with Deep Neural Networks: A
    Strong Baseline", 2017, arXiv:1611.06455.

    Examples
    --------
    >>> from lstmfcn import FCNClassifier
    >>> from lstmfcn.datasets import load_ucr
    >>> X_train, y_train, X_test, y_test = load_ucr("ItalyPowerDemand")
    >>> clf = FCNClassifier(n_epochs=20, random_state=0).fit(X_train, y_train)
    >>> clf.predict_proba(X_test).shape
    (1029, 2)
    """

    _network = "fcn"

    def __init__(
        self,
        n_filters=(64, 128, 64),
        *,
        kernel_sizes="auto",
        n_steps=32,
        dilation_rates="auto",
        views=("values", "detrended"),
        rocket=True,
        squeeze_excite=False,
        occlusion=0.0,
        normalization="dataset",
        unequal_length="auto",
        n_epochs="auto",
        batch_size="auto",
        learning_rate=1e-3,
        schedule="one_cycle",
        keep_weights="last",
        class_weight=None,
        validation_fraction=None,
        patience=None,
        precision="auto",
        callbacks=None,
        checkpoint=None,
        random_state=None,
        verbose=0,
    ):
        self.n_filters = n_filters
        self.kernel_sizes = kernel_sizes
        self.n_steps = n_steps
        self.dilation_rates = dilation_rates
        self.views = views
        self.rocket = rocket
        self.squeeze_excite = squeeze_excite
        self.occlusion = occlusion
        self.normalization = normalization
        self.unequal_length = unequal_length
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.keep_weights = keep_weights
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.precision = precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
