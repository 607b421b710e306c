"""What does bad input get? One sentence of ours, and a fitted classifier that stays as it was."""

import re
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import PLAIN, make_series, make_unequal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.evaluation import faithfulness
from lstmfcn.validation import SHAPES, as_series, axes_are_known, check_network_size

TINY = {**PLAIN, "n_filters": (2,), "kernel_sizes": (1,), "n_epochs": 1, "random_state": 0}
CLASSIFIERS = [LSTMFCNClassifier(2, **TINY), ALSTMFCNClassifier(2, **TINY), FCNClassifier(**TINY)]
X, Y = make_series(12, n_timepoints=10)
ONES = np.ones((12, 10))


@pytest.fixture(scope="module", params=CLASSIFIERS, ids=lambda clf: type(clf).__name__)
def fitted(request):
    return clone(request.param).fit(X, Y)


@pytest.fixture(scope="module")
def two_channels():
    return FCNClassifier(**TINY).fit(*make_series(12, n_channels=2, n_timepoints=10))


def with_value(value, where=(5, 3)):
    values = np.ones((12, 10), dtype=object if isinstance(value, str) else float)
    values[where] = value
    return values


def whole(message):
    return f"^{re.escape(message)}$"


NAN = (
    "X contains NaN in 1 of 12 series, first in series 5 at channel 0, timepoint 3; fill missing "
    "values first (for example by interpolation), and pass series of unequal length as a list of "
    "arrays without padding."
)
INFINITY = (
    "X contains infinity (inf) in 1 of 12 series, first in series 5 at channel 0, timepoint 3; "
    "replace infinite values first."
)
OBJECTS = np.empty(2, dtype=object)
OBJECTS[:] = [np.ones(3), np.ones(4)]
EMPTY = "while a minimum of 1 is required: pass at least one series, one channel and one timepoint."


class TensorWithGradient:
    """As torch's: NumPy must ask for its values first."""

    shape = (2, 3)

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self):
        return self


BAD_SERIES = [
    (with_value(np.nan), NAN),
    (with_value(np.inf), INFINITY),
    (with_value(-np.inf)[:, None, :], INFINITY),
    ([[1, 2], [1, None, 3]], None),
    (
        pd.DataFrame({"a": [pd.Series(row) for row in ONES]}),
        "X is not an array of real numbers (its cells are series); pass it to "
        "lstmfcn.sktime.SktimeClassifier, or pass [np.stack(row) for row in X.to_numpy()].",
    ),
    (
        pd.DataFrame(ONES, index=pd.MultiIndex.from_product([range(2), range(6)])),
        "X is a data frame with a MultiIndex, as sktime's panels have; pass [x.to_numpy().T for _, "
        "x in X.groupby(level=0, sort=False)] if its rows are timepoints, X.to_numpy() if each row "
        "is a series, or use lstmfcn.sktime.SktimeClassifier.",
    ),
    (
        pd.DataFrame({"ID": [7, 7, 3], "time": [1, 0, 0], "a": [1.0, 2.0, 3.0]}),
        "X is a table with a row for each timepoint (columns 'ID' and 'time'); pass "
        "[x.sort_values('time').drop(columns=['ID', 'time']).to_numpy().T for _, x in "
        "X.groupby('ID', sort=False)], and one label per series.",
    ),
    (
        TensorWithGradient(),
        "X is not an array of real numbers (it is a tensor with a gradient, or not in memory); "
        "pass X.detach().cpu().numpy().",
    ),
    (
        pd.DataFrame(ONES, columns=list("aabcdefghi")),
        "X is a data frame whose column names are not unique; rename the columns, or pass "
        "X.to_numpy().",
    ),
    (
        pd.Series([pd.Series(row) for row in ONES]),
        "X is not an array of real numbers (its cells are series); pass list(X).",
    ),
    (
        tf.ragged.constant([[1.0, 2.0], [3.0]]),
        "X is not an array of real numbers (it is of type RaggedTensor); pass [np.asarray(x) for "
        "x in X] if it holds series of unequal length.",
    ),
    (
        list(np.ma.masked_array(ONES, mask=np.eye(12, 10))),
        "series 0 of X is a masked array with 1 masked values; fill them first (for example by "
        "interpolation).",
    ),
    (
        [[[1, 2], [3]], [[1], [2, 3]]],
        "series 0 of X is not an array of real numbers (its parts differ in length); pass "
        f"{SHAPES}.",
    ),
    (None, f"X has no dimensions (it is of type NoneType); pass {SHAPES}."),
    (3.0, f"X has no dimensions (it is of type float); pass {SHAPES}."),
    ((i for i in range(3)), None),
    (
        {"a": [1, 2]},
        f"X is not an array of real numbers (it is of type dict); pass {SHAPES}.",
    ),
    ([], f"X has 0 sample(s) (shape=(0,)) {EMPTY}"),
    (np.empty((0, 10)), f"X has 0 sample(s) (shape=(0, 10)) {EMPTY}"),
    (np.empty((12, 0)), f"X has 0 feature(s) (shape=(12, 0)) {EMPTY}"),
    (np.empty((12, 0, 10)), f"X has 0 feature(s) (shape=(12, 0, 10)) {EMPTY}"),
    (np.empty((12, 1, 0)), f"X has 0 feature(s) (shape=(12, 1, 0)) {EMPTY}"),
    (
        np.ones(12),
        f"X has one dimension, of length 12; pass {SHAPES}. Reshape your data: X.reshape(1, -1) if "
        "it is one series.",
    ),
    (np.ones((2, 2, 2, 2)), f"X has 4 dimensions; pass {SHAPES}."),
    (
        OBJECTS,
        "X is a one-dimensional array of Python objects; pass series of unequal length as a list "
        "of arrays of shape (n_channels, n_timepoints_i), for example list(X).",
    ),
    (
        with_value("text"),
        f"X is not an array of real numbers (it holds the text 'text'); pass {SHAPES}.",
    ),
    (np.full((12, 10), "a"), f"X holds values of type <U1, not numbers; pass {SHAPES}."),
    ([["1", "2"], ["3", "4"]], f"X holds values of type <U1, not numbers; pass {SHAPES}."),
    (np.full((12, 10), b"a"), f"X holds values of type |S1, not numbers; pass {SHAPES}."),
    (
        np.zeros((12, 10), "M8[s]"),
        f"X holds values of type datetime64[s], not numbers; pass {SHAPES}.",
    ),
    (pd.DataFrame({"a": ["x"] * 12}), None),
    (pd.Series(np.ones(12)), None),
    (
        ONES + 1j,
        f"X is not an array of real numbers (Complex data not supported); pass {SHAPES}.",
    ),
    (
        [[10**400, 1], [1, 2]],
        f"X is not an array of real numbers (it holds a number that is too large); pass {SHAPES}.",
    ),
    (
        np.ma.masked_array(ONES, mask=np.eye(12, 10)),
        "X is a masked array with 10 masked values; fill them first (for example by "
        "interpolation).",
    ),
    (
        [np.ones((1, 3)), np.ones((2, 3))],
        "the series of X have between 1 and 2 channels; every series needs the same channels, as "
        "(n_channels, n_timepoints_i). If time is their first axis, pass [x.T for x in X].",
    ),
    (
        [np.ones((1, 3)), np.ones((1, 0))],
        "series 1 of X has shape (1, 0); expected (n_channels, n_timepoints) with at least one "
        "entry each.",
    ),
    (
        [np.ones((1, 3)), 5],
        "series 1 of X has shape (); expected (n_channels, n_timepoints) with at least one entry "
        "each.",
    ),
    (
        [np.ones(3), np.array(["a", "b"])],
        f"series 1 of X holds values of type <U1, not numbers; pass {SHAPES}.",
    ),
    (
        [pd.DataFrame(ONES)] * 2,
        "series 0 of X is a data frame; pass an array of shape (n_channels, n_timepoints) in its "
        "place, for example frame.to_numpy().T if its columns are channels.",
    ),
    ([5, np.ones((1, 3))], None),
    ([[1, [2, 3]], [1, [2, 3]]], None),
    ([[[[1.0]]]] * 2, None),
    (
        [{}] * 12,
        "X is not an array of real numbers (it holds a dict; an argument must be no string or "
        f"other object but a number); pass {SHAPES}.",
    ),
    ([None] * 12, None),
    ([np.array(1.0)] * 12, None),
    (
        sparse.csr_matrix(ONES),
        "X is not an array of real numbers (it is sparse); pass a dense array, for example "
        "X.toarray().",
    ),
    ([sparse.csr_matrix(ONES)] * 2, None),
]


@pytest.mark.parametrize(("series", "message"), BAD_SERIES)
def test_unusable_series(fitted, series, message):
    untouched = dict(vars(fitted))
    calls = [fitted.predict, fitted.predict_proba, fitted.decision_function, fitted.transform]
    for call in [*calls, lambda series: fitted.fit(series, Y)]:
        with pytest.raises((ValueError, TypeError), match=message and whole(message)) as raised:
            call(series)
        assert re.search(r"\bX\b", str(raised.value)) and str(raised.value).endswith((".", ")"))
        assert_unchanged(fitted, untouched)


def assert_unchanged(estimator, before):
    assert vars(estimator).keys() == before.keys()
    assert all(vars(estimator)[key] is value for key, value in before.items())


@pytest.mark.parametrize(
    ("series", "message"),
    [
        (
            np.ones((3, 9)),
            "X has 9 features, but {name} is expecting 10 features as input: it was fitted on "
            "series of 10 timepoints; resample X or fit again.",
        ),
        (
            np.ones((3, 2, 10)),
            "X has 2 channels, but this {name} was fitted on 1; pass the same channels, as "
            "(n_samples, n_channels, n_timepoints), or fit again.",
        ),
        (
            [np.ones(10), np.ones(9)],
            "X has series of 9 to 10 timepoints, but this {name} was fitted on series of equal "
            "length 10; resample them, or fit it with unequal_length='resample' or 'pad'.",
        ),
    ],
)
def test_series_unlike_those_of_fit(fitted, series, message):
    message = whole(message.format(name=type(fitted).__name__))
    with pytest.raises(ValueError, match=message):
        fitted.predict(series)
    other_length = isinstance(series, np.ndarray) and series.shape[-1] != 10
    if isinstance(fitted, LSTMFCNClassifier) or not other_length:
        with pytest.raises(ValueError, match=message):  # the others go on with another length
            fitted.fine_tune(series, Y[: len(series)])
    with pytest.raises(ValueError, match=message):
        clone(fitted).fit(X, Y, validation_data=(series, Y[: len(series)]))


def test_other_length_of_two_channels(two_channels):
    message = (
        "X has 9 timepoints, but this FCNClassifier was fitted on 10; resample it or fit again."
    )
    with pytest.raises(ValueError, match=whole(message)):
        two_channels.predict(np.ones((3, 2, 9)))


def test_values_beyond_float32(fitted):
    message = (
        "X has values of up to 1e+300, which after normalisation (normalization='dataset') are too "
        "large for float32 arithmetic; rescale X."
    )
    with pytest.raises(ValueError, match=whole(message)):
        fitted.predict(np.full((2, 10), 1e300))


UNLABELLED = "every series needs a class label, leave the others out."
BAD_LABELS = [
    (
        None,
        "FCNClassifier requires y to be passed, but the target y is None; pass one label per "
        "series.",
    ),
    (Y[:5], "X has 12 series, but y has 5 labels; pass one label per series."),
    ([], "X has 12 series, but y has 0 labels; pass one label per series."),
    (["a"] * 12, "y has only one class, 'a'; FCNClassifier needs at least two classes."),
    (np.zeros(12), "y has only one class, 0.0; FCNClassifier needs at least two classes."),
    (np.r_[np.ones(6), np.zeros(5), np.nan], f"y contains NaN or infinity; {UNLABELLED}"),
    (["a", None] * 6, f"y contains None or NaN; {UNLABELLED}"),
    (pd.Series(["a", pd.NA] * 6), f"y contains None or NaN; {UNLABELLED}"),
    (pd.array([1, None] * 6, dtype="Int64"), f"y contains NaN or infinity; {UNLABELLED}"),
    (pd.array(["a", None] * 6, dtype="string"), f"y contains None or NaN; {UNLABELLED}"),
    (pd.to_datetime(pd.Series(["2020", None] * 6)), None),
    (np.ma.masked_array([0, 1] * 6, mask=[1] + [0] * 11), f"y has masked entries; {UNLABELLED}"),
    (
        ["a", 1] * 6,
        "y mixes strings with other types; pass labels of one type, for example all strings.",
    ),
    (
        np.linspace(0, 1, 12),
        "Unknown label type: y holds fractions, or numbers beyond 2**53, of type float64, but "
        "class labels are integers, strings or booleans; convert it first, for example with "
        "y.astype(int) or y.astype(str).",
    ),
    (
        np.array([1, 2] * 6, dtype=object),
        "Unknown label type: y holds values of type object, but class labels are "
        "integers, strings or booleans; convert it first, for example with y.astype(int) or "
        "y.astype(str).",
    ),
    (
        np.ones((12, 2)),
        "y, of shape (12, 2) and type float64, does not hold one class label per series; pass a "
        "sequence of integers, strings or booleans.",
    ),
    (
        "text",
        "y, of type str, does not hold one class label per series; pass a sequence of integers, "
        "strings or booleans.",
    ),
    ([b"a", b"b"] * 6, None),
    ([object()] * 12, None),
    ([{1}, {2}] * 6, None),
    ([[1], [1, 2]] * 6, None),
    ([2**63, -1] * 6, None),  # NumPy would round them
    (np.zeros(12, "V4"), None),
    (np.arange(12) * 1j, None),
]


@pytest.mark.parametrize(("y", "message"), BAD_LABELS)
def test_unusable_labels(y, message):
    with pytest.raises(ValueError, match=message and whole(message)) as raised:
        FCNClassifier(**TINY).fit(X, y)
    assert re.search(r"\by\b", str(raised.value)) and str(raised.value).endswith(".")


def test_labels_that_fit_did_not_see(fitted):
    message = (
        f"y has labels that {type(fitted).__name__} was not fitted on: 'z'; its classes are "
        "'class 0', 'class 1'. "
    )
    remedies = {
        "Pass new_classes='add' to learn them beside these, reset_head=True to learn them "
        "instead, or fit again.": fitted.fine_tune,
        "Fit again to add classes.": lambda X, y: clone(fitted).fit(X, Y, validation_data=(X, y)),
    }
    for remedy, call in remedies.items():
        with pytest.raises(ValueError, match=whole(message + remedy)):
            call(X, ["z"] * 12)


BAD_WEIGHTS = [
    (
        np.ones(5),
        "sample_weight has shape (5,), but X has 12 series; pass one number >= 0 per series.",
    ),
    (np.ones((12, 1)), None),
    (
        -np.ones(12),
        "Negative values in data passed to `sample_weight`: the lowest is -1; pass weights >= 0, "
        "0 to leave a series out.",
    ),
    (
        np.full(12, np.nan),
        "sample_weight contains NaN or values above 1e+18; pass one number >= 0 per series.",
    ),
    (np.full(12, np.inf), None),
    (np.nan, None),
    (
        np.zeros(12),
        "sample_weight is zero for every series; give those to learn from positive weights.",
    ),
    (np.full(12, 1e-300), None),
    (["a"] * 12, None),
    ([{}] * 12, None),
    ([10**400] * 12, None),
    (
        (Y == "class 0").astype(float),
        "sample_weight and class_weight leave too few classes with positive weight; "
        "FCNClassifier needs at least 2 here.",
    ),
]


@pytest.mark.parametrize(("sample_weight", "message"), BAD_WEIGHTS)
def test_unusable_sample_weight(sample_weight, message):
    with pytest.raises((ValueError, TypeError), match=message and whole(message)) as raised:
        FCNClassifier(**TINY).fit(X, Y, sample_weight)
    assert "sample_weight" in str(raised.value)


@pytest.mark.parametrize(
    ("y", "sample_weight", "message"),
    [
        (Y[:5], None, "X has 12 series, but y has 5 labels; pass one label per series."),
        ([None, *Y[1:]], None, f"y contains None or NaN; {UNLABELLED}"),
        (np.ma.masked_array(Y, mask=Y == Y[0]), None, f"y has masked entries; {UNLABELLED}"),
        (
            np.arange(12) % 2,
            None,
            "y holds numbers, but the classes of this {name} are strings: 'class 0', 'class 1'; "
            "pass labels of the same type.",
        ),
        (Y, *BAD_WEIGHTS[0]),
    ],
)
def test_what_cannot_be_scored(fitted, y, sample_weight, message):
    message = message.replace("{name}", type(fitted).__name__)
    with pytest.raises(ValueError, match=whole(message)):
        fitted.score(X, y, sample_weight)


def test_a_score_is_the_accuracy_and_an_unknown_class_is_missed(fitted):
    predicted = fitted.predict(X)
    y = np.where(np.arange(12) < 3, "another", predicted)
    assert (fitted.score(X, predicted), fitted.score(X, y)) == (1.0, 9 / 12)
    assert fitted.score(X, y, np.arange(12)) == pytest.approx(63 / 66)


def test_nearly_as_many_classes_as_series_get_one_warning():
    series = np.random.RandomState(0).normal(size=(15, 10))
    message = (
        "y has 11 classes for 15 series; if it holds measurements or an index, pass class labels "
        "instead."
    )
    with pytest.warns(UserWarning) as caught:
        FCNClassifier(**TINY).fit(series, np.arange(15) % 11)
    assert [str(warning.message) for warning in caught] == [message]
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("transform", {"layer": np.array(["pooled", "lstm"])}, "layer=array(['pooled', 'lstm'], "),
        ("class_activation_map", {"contrast": np.ones(2)}, "contrast=array([1., 1.]) is unknown; "),
        ("gradient_map", {"per_channel": None}, "per_channel=None is unknown; choose one of False"),
        ("filter_activations", {"layer": True}, "layer=True must be a whole number from 1 to 1."),
        ("filter_activations", {"layer": np.ones(2)}, "layer=array([1., 1.]) must be a whole"),
        ("strongest_series", {"n_series": None}, "n_series=None must be a whole number from 1 to"),
        ("strongest_series", {"n_series": 1.5}, "n_series=1.5 must be a whole number from 1 to 12"),
        ("explain", {"y": [[1], [1, 2]]}, "y, of type list, does not hold one class label per"),
        ("fine_tune", {"y": Y, "n_epochs": -(10**5000)}, "n_epochs=an int of too many digits must"),
    ],
)
def test_unusable_arguments(fitted, method, arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        getattr(fitted, method)(X, **arguments)


@pytest.mark.parametrize("random_state", [-1, "a", 1.5, 2**32, [1, 2]])
def test_unusable_seeds(fitted, random_state):
    message = (
        f"random_state={random_state!r} is no seed; pass a whole number from 0 to 2**32 - 1, a "
        "numpy.random.RandomState, or None."
    )
    with pytest.raises(ValueError, match=whole(message)):
        fitted.with_random_weights(random_state)
    with pytest.raises(ValueError, match=whole(message)):
        faithfulness(fitted, X, np.ones((12, 10)), random_state=random_state)


BAD_PARAMETERS = [
    ({"kernel_sizes": (11,)}, "has a kernel of 11 timepoints, but the series have 10; use shorter"),
    ({"kernel_sizes": (1, 1)}, "differ in length; pass one entry per convolution block"),
    ({"dilation_rates": (1, 1)}, "differ in length; pass one entry per convolution block"),
    (
        {"kernel_sizes": (2,), "dilation_rates": (10,)},
        "a kernel over 11 timepoints, but the series have 10",
    ),
    ({"dilation_rates": (0,)}, "dilation_rates=(0,) is not a sequence of 1 to 64 whole numbers"),
    ({"n_steps": 0}, "The 'n_steps' parameter of FCNClassifier must be"),
    ({"views": "values"}, "The 'views' parameter of FCNClassifier must be"),
    ({"views": ()}, "views=() is not a sequence out of 'values', 'detrended', each once"),
    ({"views": ("values", "values")}, "each once"),
    ({"views": ("values", ["detrended"])}, "each once"),
    ({"kernel_sizes": (0,)}, "kernel_sizes=(0,) is not a sequence of 1 to 64 whole numbers"),
    ({"n_filters": (-4,)}, "n_filters=(-4,) is not a sequence of 1 to 64 whole numbers"),
    ({"n_filters": (4.0,)}, "n_filters=(4.0,) is not a sequence of 1 to 64 whole numbers"),
    ({"n_filters": (10**9,)}, "is not a sequence of 1 to 64 whole numbers between 1 and 4096"),
    ({"n_filters": ()}, "n_filters=() is not a sequence"),
    ({"n_filters": np.array(8)}, "n_filters=array(8) is not a sequence"),
    ({"n_epochs": 10**5000}, "n_epochs=an int of too many digits is too large."),
    ({"n_filters": 8}, "The 'n_filters' parameter of FCNClassifier must be an array-like"),
    ({"n_filters": (4,) * 65, "kernel_sizes": (1,) * 65}, "is not a sequence of 1 to 64"),
    ({"n_epochs": 0}, "The 'n_epochs' parameter of FCNClassifier must be"),
    ({"n_epochs": 10**30}, "The 'n_epochs' parameter of FCNClassifier must be"),
    ({"batch_size": -1}, "The 'batch_size' parameter of FCNClassifier must be"),
    ({"batch_size": 1.5}, "The 'batch_size' parameter of FCNClassifier must be"),
    ({"learning_rate": -1e-3}, "The 'learning_rate' parameter of FCNClassifier must be"),
    ({"learning_rate": np.nan}, "The 'learning_rate' parameter of FCNClassifier must be"),
    ({"learning_rate": 1e6}, "The 'learning_rate' parameter of FCNClassifier must be"),
    ({"schedule": "step"}, "The 'schedule' parameter of FCNClassifier must be"),
    ({"normalization": "z"}, "The 'normalization' parameter of FCNClassifier must be"),
    ({"patience": 0}, "The 'patience' parameter of FCNClassifier must be"),
    ({"random_state": "seed"}, "The 'random_state' parameter of FCNClassifier must be"),
    ({"class_weight": {"z": 2}}, "class_weight names 'z', but the classes in y are 'class 0'"),
    ({"class_weight": {"class 0": -1}}, "has a weight that is not a number in [0, 1e+18]."),
    ({"class_weight": {"class 0": 10**400}}, "has a weight that is not a number in [0, 1e+18]."),
    ({"class_weight": "heavy"}, "The 'class_weight' parameter of FCNClassifier must be"),
    ({"validation_fraction": 1.0}, "The 'validation_fraction' parameter of FCNClassifier must be"),
    ({"validation_fraction": 0.01}, "validation_fraction=0.01 cannot split 12 series of 2 classes"),
]


@pytest.mark.parametrize(("parameters", "message"), BAD_PARAMETERS)
def test_unusable_parameters(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        FCNClassifier(**{**TINY, **parameters}).fit(X, Y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_cells": 0}, "The 'n_cells' parameter"),
        ({"n_cells": 10**6}, "The 'n_cells' parameter"),
        ({"n_cells": ()}, "n_cells=() is not a sequence of 1 to 64 whole numbers"),
        ({"n_cells": (8, -1)}, "n_cells=(8, -1) is not a sequence of 1 to 64 whole numbers"),
        ({"dropout": 1.0}, "The 'dropout' parameter"),
        ({"dropout": np.nan}, "The 'dropout' parameter"),
        ({"dimension_shuffle": "yes"}, "The 'dimension_shuffle' parameter"),
        ({"recurrent_activation": "relu"}, "The 'recurrent_activation' parameter"),
    ],
)
def test_unusable_lstm_parameters(parameters, message):
    for cls in (LSTMFCNClassifier, ALSTMFCNClassifier):
        with pytest.raises(ValueError, match=re.escape(message)):
            cls(**{**TINY, **parameters}).fit(X, Y)


def test_network_too_large():
    message = (
        "this network would have 268,435,457 weights, more than 268,435,456; lower n_cells, "
        "n_filters or kernel_sizes, or shorten the series."
    )
    with pytest.raises(ValueError, match=whole(message)):
        check_network_size(2**28 + 1)
    assert check_network_size(2**28) is None


@pytest.mark.parametrize("validation_data", [5, "ab", (X,), (X, Y, Y), {}, X])
def test_validation_data_is_a_pair(validation_data):
    message = "validation_data must be a pair (X, y) of series and labels."
    with pytest.raises(ValueError, match=whole(message)):
        FCNClassifier(**TINY).fit(X, Y, validation_data=validation_data)


def test_validation_data_or_fraction():
    message = "both validation_data and validation_fraction=0.5 were given; pass one of them."
    with pytest.raises(ValueError, match=whole(message)):
        FCNClassifier(**TINY, validation_fraction=0.5).fit(X, Y, validation_data=(X, Y))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_iterations": 0}, "n_iterations=0 must be a whole number from 1 to 1000000."),
        ({"n_epochs": 1.5}, "n_epochs=1.5 must be a whole number from 1 to 1000000."),
        ({"batch_size": True}, "batch_size=True must be a whole number from 1 to 1000000."),
        ({"learning_rate": 0}, "learning_rate=0 must be a number in (0, 10]."),
        ({"learning_rate": np.nan}, "learning_rate=nan must be a number in (0, 10]."),
    ],
)
def test_unusable_fine_tune_parameters(fitted, parameters, message):
    with pytest.raises(ValueError, match=whole(message)):
        fitted.fine_tune(X, Y, **parameters)


def test_unknown_layer(fitted):
    with pytest.raises(ValueError, match=r"layer='dense' is unknown; choose one of 'concatenated'"):
        fitted.transform(X, layer="dense")


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda clf: type(clf).__name__)
@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "decision_function", "transform", "attention_map"]
)
def test_not_fitted(classifier, method):
    if method == "attention_map" and not isinstance(classifier, ALSTMFCNClassifier):
        assert not hasattr(classifier, method)
        return
    name = type(classifier).__name__
    for series in (X, None):
        with pytest.raises(NotFittedError, match=f"This {name} instance is not fitted yet"):
            getattr(classifier, method)(series)


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda clf: type(clf).__name__)
def test_fine_tune_and_save_need_fit(classifier, tmp_path):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        classifier.fine_tune(X, Y)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        classifier.save(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


class Interrupt(keras.callbacks.Callback):
    """Raises in the middle of training: on Ctrl-C, or on a failure of one's own."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def on_epoch_end(self, epoch, logs=None):
        raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("mine")])
@pytest.mark.parametrize("method", ["fit", "fine_tune"])
def test_interrupted_training_leaves_the_classifier(fitted, method, error):
    expected = fitted.predict_proba(X)
    fitted.set_params(callbacks=[Interrupt(error)])
    before = dict(vars(fitted))
    try:
        with pytest.raises(type(error)):
            getattr(fitted, method)(X[:, :, ::-1], Y[::-1])
        assert_unchanged(fitted, before)
        np.testing.assert_array_equal(fitted.predict_proba(X), expected)
    finally:
        fitted.set_params(callbacks=None)


@pytest.mark.parametrize(
    "bad",
    [{"X": with_value(np.nan)}, {"y": Y[:3]}, {"y": ["a"] * 12}, {"sample_weight": [-1] * 12}],
)
@pytest.mark.parametrize("method", ["fit", "fine_tune"])
def test_refused_training_leaves_the_classifier(fitted, method, bad):
    expected, before = fitted.predict_proba(X), dict(vars(fitted))
    with pytest.raises(ValueError, match=r"\b(X|y|sample_weight)\b"):
        getattr(fitted, method)(**{"X": X, "y": Y, **bad})
    assert_unchanged(fitted, before)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


def test_refused_first_fit_leaves_an_unfitted_classifier():
    classifier = FCNClassifier(**TINY)
    before = dict(vars(classifier))
    with pytest.raises(ValueError, match="has a kernel of 11 timepoints"):
        classifier.set_params(kernel_sizes=(11,)).fit(X, Y)
    assert_unchanged(classifier, {**before, "kernel_sizes": classifier.kernel_sizes})


def test_longer_series_are_cut_with_a_warning():
    unequal, y = make_unequal(n_samples=12, n_timepoints=10)
    classifier = FCNClassifier(**TINY).fit([*unequal, np.ones((1, 10))], [*y, y[0]])
    longer = [np.ones((1, 12)), np.ones((1, 9))]
    message = (
        "1 of 2 series are longer than the 10 timepoints seen in fit; their ends were cut. Use "
        "unequal_length='resample' to keep them whole."
    )
    with pytest.warns(UserWarning, match=whole(message)) as caught:
        cut = classifier.predict_proba(longer)
    assert len(caught) == 1
    np.testing.assert_array_equal(cut[0], classifier.predict_proba([np.ones((1, 10))])[0])


WIDE = np.random.RandomState(0).normal(size=(12, 10, 4))


@pytest.mark.parametrize(
    ("series", "message"),
    [
        (
            X.transpose(0, 2, 1),
            "X has shape (12, 10, 1), read as (n_samples, n_channels, n_timepoints): more "
            "channels than timepoints; if you have exchanged them, pass X.transpose(0, 2, 1).",
        ),
        (
            list(WIDE),
            "X has shape (12, 10, 4), read as (n_samples, n_channels, n_timepoints): more "
            "channels than timepoints; if you have exchanged them, pass np.moveaxis(X, 1, 2).",
        ),
        (
            [WIDE[0, :, :3], *WIDE[1:]],
            "X has series of shapes such as (10, 3), read as (n_channels, n_timepoints_i): more "
            "channels than timepoints; if you have exchanged them, pass [x.T for x in X].",
        ),
    ],
)
def test_more_channels_than_timepoints_get_one_warning(series, message):
    with pytest.warns(UserWarning) as caught:
        classifier = FCNClassifier(**TINY).fit(series, Y)
    assert [str(warning.message) for warning in caught] == [message]
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert classifier.predict(series).shape == (12,)
        with axes_are_known():
            clone(classifier).fit(series, Y)


def test_good_input_gets_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert FCNClassifier(**TINY).fit(X, Y).predict(X).shape == (12,)


@pytest.mark.parametrize(
    "same",
    [
        ONES.tolist(),
        tuple(map(tuple, ONES)),
        list(ONES),
        [[row.tolist()] for row in ONES],
        list(ONES[:, np.newaxis]),
        [pd.Series(row) for row in ONES],
        [memoryview(row) for row in ONES],
        pd.DataFrame(ONES),
        ONES.astype(object),
        ONES.astype(bool),
        ONES.astype(np.int8),
        ONES.astype(np.float16),
        ONES.astype(">f8"),
        np.ma.masked_array(ONES, mask=False),
        np.asfortranarray(ONES),
        ONES[:, np.newaxis],
        keras.ops.ones((12, 10), dtype="float64"),
    ],
    ids=lambda same: type(same).__name__,
)
def test_every_form_of_the_same_series_reads_alike(same):
    series = as_series(same)
    assert series.dtype in (np.float32, np.float64)
    np.testing.assert_array_equal(series, np.ones((12, 1, 10)))
