"""Do the classifiers work inside sktime? Its own checks, its data types, pipelines and files."""

import copy
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
import tensorflow as tf
from conftest import PLAIN, make_series, make_unequal
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, KFold
from sktime.base import load
from sktime.classification.compose import ClassifierPipeline
from sktime.classification.model_evaluation import evaluate
from sktime.datatypes import convert_to
from sktime.transformations.exponent import ExponentTransformer
from sktime.transformations.impute import Imputer
from sktime.utils.estimator_checks import check_estimator, parametrize_with_checks

from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.sktime import SktimeClassifier

# One convolution block: building and tracing a network takes longer than training it.
SMALL = {
    **PLAIN,
    "n_filters": (4,),
    "kernel_sizes": (3,),
    "n_epochs": 2,
    "batch_size": 16,
    "random_state": 0,
}
PANEL_TYPES = ["numpy3D", "df-list", "pd-multiindex", "nested_univ"]

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def small(classifier=FCNClassifier):
    return SktimeClassifier(classifier(**SMALL))


def frames(series, names):
    """Turn arrays of shape (n_channels, n_timepoints_i) into sktime's df-list."""
    return [pd.DataFrame(values.T, columns=names) for values in series]


def arrays(frames):
    """Turn sktime's df-list into arrays of shape (n_channels, n_timepoints_i)."""
    return [frame.to_numpy().T for frame in frames]


@pytest.fixture(scope="module")
def equal():
    """Series of shape (12, 2, 20), and string labels."""
    return make_series(n_samples=12, n_channels=2, n_timepoints=20)


@pytest.fixture(scope="module")
def unequal():
    """A df-list of 12 series of 2 channels, and string labels."""
    X, y = make_unequal(n_samples=12, n_channels=2, n_timepoints=20)
    return frames(X, ["left", "right"]), y


@pytest.fixture(scope="module")
def fitted_equal(equal):
    return small(LSTMFCNClassifier).fit(*equal)


@pytest.fixture(scope="module")
def fitted_unequal(unequal):
    return small(ALSTMFCNClassifier).fit(*unequal)


@pytest.fixture(scope="module")
def squared(equal, unequal):
    """Probabilities on squared series, of equal and of unequal length."""
    found = []
    for X, y in ((convert_to(equal[0], "df-list"), equal[1]), unequal):
        squares = [frame**2 for frame in X]
        found.append(small().fit(squares, y).predict_proba(squares))
    return found


@pytest.fixture(scope="module")
def direct_equal(equal):
    """What ``fitted_equal`` holds, fitted without the adapter."""
    return LSTMFCNClassifier(**SMALL).fit(*equal)


@pytest.fixture(scope="module")
def direct_list(equal):
    """The same, fitted on a list: series that may be of unequal length."""
    return LSTMFCNClassifier(**SMALL).fit(list(equal[0]), equal[1])


@pytest.fixture(scope="module")
def direct_unequal(unequal):
    """What ``fitted_unequal`` holds, fitted without the adapter."""
    X, y = unequal
    return ALSTMFCNClassifier(**SMALL).fit(arrays(X), y)


# sktime's checks --------------------------------------------------------------------------------


@pytest.fixture
def uncompiled(monkeypatch):
    """Run TensorFlow without compiling.

    The checks fit some 150 networks of a few updates each; compiling them triples the time. The
    other tests of this file, files and copies included, compile.
    """
    kind = type(tf.function(lambda: None))
    monkeypatch.setattr(kind, "get_concrete_function", lambda run, *_, **__: run.python_function)
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("uncompiled")
@parametrize_with_checks(SktimeClassifier, obj_varname="estimator")
def test_sktime_check(estimator, test_name):
    results = check_estimator(estimator, tests_to_run=test_name, verbose=False)
    assert results  # the check exists, for at least one instance
    assert {name: result for name, result in results.items() if result != "PASSED"} == {}


def test_sktime_checks_are_all_run():
    # sktime lets a class switch checks off by tags; ours does not.
    tags = SktimeClassifier.get_class_tags()
    assert not tags["tests:skip_all"] and tags["tests:skip_by_name"] is None
    assert len(SktimeClassifier.get_test_params()) == 2


def test_tags():
    tags = small().get_tags()
    for name in ("multivariate", "unequal_length", "predict_proba", "random_state", "class_weight"):
        assert tags[f"capability:{name}"] is True, name
    for name in ("missing_values", "categorical_in_X", "multioutput"):
        assert tags[f"capability:{name}"] is False, name
    # Else sktime would refuse tensorflow-cpu.
    assert tags["python_dependencies"] is None


# data types -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mtype", PANEL_TYPES)
def test_types_of_equal_length_predict_alike(mtype, equal, direct_equal, direct_list, fitted_equal):
    X, y = equal
    direct = direct_equal if mtype == "numpy3D" else direct_list
    same_data = convert_to(X, mtype)
    clf = small(LSTMFCNClassifier).fit(same_data, y)
    np.testing.assert_array_equal(clf.predict_proba(same_data), direct.predict_proba(X))
    assert clf.estimator_.unequal_length_in_ == (None if mtype == "numpy3D" else "pad")
    # The type need not be that of fit.
    np.testing.assert_array_equal(
        fitted_equal.predict_proba(same_data), direct_equal.predict_proba(X)
    )


def test_frames_of_equal_length_may_be_followed_by_others(equal, unequal):
    clf = small().fit(frames(equal[0], ["left", "right"]), equal[1])
    assert clf.predict(unequal[0]).shape == (12,)


def test_frames_say_which_axis_is_time():
    X, y = make_series(n_samples=12, n_channels=20, n_timepoints=12)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        small().fit(frames(X, [f"c{i}" for i in range(20)]), y)
    with pytest.warns(UserWarning, match=r"more channels than timepoints; if you have exchanged"):
        small().fit(X, y)


@pytest.mark.parametrize("mtype", PANEL_TYPES[1:])
def test_types_of_unequal_length_predict_alike(mtype, unequal, direct_unequal, fitted_unequal):
    X, y = unequal
    expected = direct_unequal.predict_proba(arrays(X))
    same_data = convert_to(X, mtype)
    clf = small(ALSTMFCNClassifier).fit(same_data, y)
    np.testing.assert_array_equal(clf.predict_proba(same_data), expected)
    assert clf.estimator_.unequal_length_in_ == "pad"
    np.testing.assert_array_equal(fitted_unequal.predict_proba(same_data), expected)


def test_a_matrix_is_one_channel(equal):
    X, y = equal
    matrix = X[:, 0, :]
    clf = small().fit(matrix, y)
    assert clf.estimator_.n_channels_in_ == 1
    np.testing.assert_array_equal(clf.predict(matrix), clf.predict(matrix[:, np.newaxis]))


@pytest.mark.parametrize("dtype", ["float32", "int64", "Int64", "Float64", "bool"])
def test_column_types(dtype, equal, fitted_equal):
    X = [frame.gt(0).astype(dtype) for frame in frames(equal[0], ["a", "b"])]
    expected = fitted_equal.predict_proba((equal[0] > 0).astype(float))
    np.testing.assert_array_equal(fitted_equal.predict_proba(X), expected)


def test_channels_are_matched_by_name(unequal, fitted_unequal):
    X, _ = unequal
    assert fitted_unequal.channel_names_in_ == ["left", "right"]
    expected = fitted_unequal.predict_proba(X)
    swapped = [frame[["right", "left"]] for frame in X]
    np.testing.assert_array_equal(fitted_unequal.predict_proba(swapped), expected)
    mixed = [frame[frame.columns[:: 1 - 2 * (i % 2)]] for i, frame in enumerate(X)]
    np.testing.assert_array_equal(fitted_unequal.predict_proba(mixed), expected)
    nested = convert_to(swapped, "nested_univ")
    assert nested.columns.to_list() == ["right", "left"]
    np.testing.assert_array_equal(fitted_unequal.predict_proba(nested), expected)
    renamed = [frame.set_axis(["dim_0", "dim_1"], axis=1) for frame in X]
    np.testing.assert_array_equal(fitted_unequal.predict_proba(renamed), expected)
    # The order matters at all.
    assert not np.allclose(
        fitted_unequal.predict_proba([frame.iloc[:, ::-1] for frame in renamed]), expected
    )


# labels -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "to_labels",
    [
        pytest.param(lambda y: y, id="str"),
        pytest.param(lambda y: y.astype(object), id="object"),
        pytest.param(lambda y: pd.Series(y, dtype="string"), id="Series"),
        pytest.param(lambda y: (y == "class 1") * 5 - 3, id="int"),
    ],
)
def test_labels_round_trip(to_labels, equal):
    X, y = equal[0], to_labels(equal[1])
    clf = small().fit(X, y)
    np.testing.assert_array_equal(clf.classes_, np.unique(np.asarray(y)))
    np.testing.assert_array_equal(clf.classes_, clf.estimator_.classes_)
    predicted = clf.predict(X)
    assert set(predicted) <= set(np.asarray(y))
    np.testing.assert_array_equal(predicted, clf.classes_[clf.predict_proba(X).argmax(axis=1)])


def test_it_learns(equal):
    X, y = equal
    blocks = {"n_filters": (4, 4, 4), "kernel_sizes": (8, 5, 3)}
    longer = {**SMALL, **blocks, "n_epochs": 40, "learning_rate": 1e-2}
    clf = SktimeClassifier(FCNClassifier(**longer))
    assert clf.fit(X, y).score(X, y) == 1.0


# refusals ---------------------------------------------------------------------------------------


def test_missing_values_are_refused_in_fit_and_predict(equal, fitted_equal):
    X, y = equal[0].copy(), equal[1]
    X[3, 0, 7] = np.nan
    sentence = (
        r"Data seen by SktimeClassifier instance has missing values, but this SktimeClassifier "
        r"instance cannot handle missing values\."
    )
    for data in (X, convert_to(X, "pd-multiindex")):
        with pytest.raises(ValueError, match=sentence):
            small().fit(data, y)
        with pytest.raises(ValueError, match=sentence):
            fitted_equal.predict(data)


@pytest.mark.parametrize("channel", [0, 1])
def test_channels_of_one_series_that_differ_in_length_are_refused(channel, equal):
    X, y = equal
    nested = convert_to(X, "nested_univ")
    channel = nested.columns[channel]
    nested.at[3, channel] = nested.at[3, channel].iloc[:-2]
    sentence = (
        r"^series 3 of X has channels of 18 to 20 timepoints; the channels of one series need the "
        r"same length, resample or cut them\.$"
    )
    with pytest.raises(ValueError, match=sentence):
        small().fit(nested, y)


def test_series_with_other_channels_are_refused(unequal):
    X, y = unequal
    X = [*X[:3], X[3].rename(columns={"left": "middle"}), *X[4:]]
    sentence = (
        r"^series 3 of X has channels \['middle', 'right'\], but series 0 has \['left', 'right'\]; "
        r"every series needs the same channels, each once\.$"
    )
    with pytest.raises(ValueError, match=sentence):
        small().fit(X, y)


def test_unequal_length_is_refused_after_equal_length(unequal, fitted_equal):
    with pytest.raises(ValueError, match=r"was fitted on series of equal length 20; resample them"):
        fitted_equal.predict(unequal[0])


@pytest.mark.parametrize(
    "estimator", [FCNClassifier, "FCN", SktimeClassifier()], ids=["class", "str", "sktime"]
)
def test_other_estimators_are_refused(estimator, equal):
    sentence = (
        r"is not a scikit-learn classifier; pass an instance such as "
        r"lstmfcn\.LSTMFCNClassifier\(\), or None for that one\.$"
    )
    with pytest.raises(TypeError, match=sentence):
        SktimeClassifier(estimator).fit(*equal)


# parameters -------------------------------------------------------------------------------------


def test_parameters_nest():
    clf = small()
    assert clf.get_params()["estimator__n_epochs"] == 2
    assert clf.set_params(estimator__n_epochs=5) is clf
    assert clf.estimator.n_epochs == 5


@pytest.mark.parametrize("clone", [sklearn.clone, SktimeClassifier.clone], ids=["sklearn", "own"])
def test_clone(clone, fitted_equal, equal):
    again = clone(fitted_equal)
    assert not again.is_fitted and not hasattr(again, "estimator_")
    assert again.estimator is not fitted_equal.estimator
    assert again.estimator.get_params() == fitted_equal.estimator.get_params()
    again.set_params(estimator__n_cells=3)
    assert fitted_equal.estimator.n_cells == 8


def test_fit_leaves_the_held_estimator_unfitted(fitted_equal):
    assert not hasattr(fitted_equal.estimator, "model_")
    assert fitted_equal.estimator_ is not fitted_equal.estimator


def test_default_is_lstmfcn(monkeypatch):
    monkeypatch.setattr("lstmfcn.training.candidates.MOST_EPOCHS", 2)
    X, y = make_series(n_samples=4, n_timepoints=8)
    clf = SktimeClassifier(random_state=3).fit(X, y)
    assert clf.estimator is None
    assert clf.estimator_.get_params() == LSTMFCNClassifier(random_state=3).get_params()
    assert len(clf.estimator_.history_["loss"]) in (2, 6, 14)  # one to three cycles


def test_random_state_takes_the_place_of_that_of_the_estimator(equal):
    X, y = equal

    def probabilities(of_estimator, of_adapter):
        estimator = FCNClassifier(**{**SMALL, "random_state": of_estimator})
        return SktimeClassifier(estimator, random_state=of_adapter).fit(X, y).predict_proba(X)

    expected = probabilities(1, None)
    np.testing.assert_array_equal(probabilities(2, 1), expected)
    assert not np.array_equal(probabilities(1, 2), expected)


def test_class_weight_reaches_the_estimator(equal):
    clf = small().set_params(estimator__class_weight={"class 0": 1000.0, "class 1": 1e-3})
    clf.set_params(estimator__n_epochs=30, estimator__learning_rate=1e-2)
    X, y = equal
    noise = np.random.RandomState(5).normal(size=X.shape)
    assert set(clf.fit(noise, y).predict(noise)) == {"class 0"}


# what sktime and scikit-learn do with it ----------------------------------------------------------


def test_fitted_estimator_is_reachable(fitted_unequal, unequal):
    estimator = fitted_unequal.estimator_
    attention = estimator.attention_map(arrays(unequal[0]))
    assert attention.shape == (12, estimator.n_timepoints_in_)
    np.testing.assert_allclose(attention.sum(axis=1), 1, rtol=1e-6)
    assert fitted_unequal.get_fitted_params()["estimator__n_epochs"] == 2


@pytest.mark.parametrize("mtype", PANEL_TYPES)
def test_pipeline_of_equal_length(mtype, equal, squared):
    (X, y), expected = equal, squared[0]
    pipeline = ClassifierPipeline(small(), [ExponentTransformer(2, offset=0)])
    data = convert_to(X, mtype)
    np.testing.assert_allclose(pipeline.fit(data, y).predict_proba(data), expected, atol=1e-6)
    assert pipeline.get_tag("capability:multivariate")


@pytest.mark.parametrize("mtype", PANEL_TYPES[1:])
def test_pipeline_of_unequal_length(mtype, unequal, squared):
    (X, y), expected = unequal, squared[1]
    pipeline = ExponentTransformer(2, offset=0) * small()
    data = convert_to(X, mtype)
    np.testing.assert_allclose(pipeline.fit(data, y).predict_proba(data), expected, atol=1e-6)
    assert pipeline.get_tag("capability:unequal_length")
    assert pipeline.classifier_.estimator_.unequal_length_in_ == "pad"


def test_imputer_in_front_takes_missing_values(equal):
    X, y = equal[0].copy(), equal[1]
    X[3, 0, 7] = np.nan
    pipeline = (Imputer("mean") * small()).fit(X, y)
    assert set(pipeline.predict(X)) <= set(y)


@pytest.mark.parametrize("mtype", ["numpy3D", "pd-multiindex"])
def test_cross_validation_by_sktime(mtype, equal):
    X, y = equal
    cv = KFold(2, shuffle=True, random_state=0)
    table = evaluate(small(), cv=cv, X=convert_to(X, mtype), y=y, error_score="raise")
    expected = []
    for train, test in cv.split(X):
        predicted = FCNClassifier(**SMALL).fit(X[train], y[train]).predict(X[test])
        expected.append(accuracy_score(y[test], predicted))
    np.testing.assert_allclose(table["test_accuracy_score"], expected)


def test_folds_of_unequal_length(unequal):
    X, y = unequal
    X = convert_to(X, "nested_univ")
    for train, test in KFold(2, shuffle=True, random_state=0).split(X):
        clf = small().fit(X.iloc[train], y[train])
        assert clf.predict_proba(X.iloc[test]).shape == (6, 2)


def test_grid_search_can_be_held(equal):
    search = GridSearchCV(FCNClassifier(**SMALL), {"n_epochs": [1, 2]}, cv=2, scoring="accuracy")
    clf = SktimeClassifier(search, random_state=4).fit(*equal)
    assert clf.estimator_.best_estimator_.random_state == 4
    np.testing.assert_array_equal(clf.predict(equal[0]), clf.estimator_.predict(equal[0]))


@pytest.mark.parametrize("serialization_format", ["pickle", "cloudpickle"])
def test_save_load_and_copy(serialization_format, tmp_path, fitted_unequal, unequal):
    pytest.importorskip(serialization_format)
    X, _ = unequal
    fitted_unequal.save(tmp_path / "saved", serialization_format=serialization_format)
    for again in (
        copy.deepcopy(fitted_unequal),
        load(str(tmp_path / "saved")),
        SktimeClassifier.load_from_path(tmp_path / "saved.zip"),
        load(fitted_unequal.save(serialization_format=serialization_format)),
    ):
        np.testing.assert_array_equal(again.predict_proba(X), fitted_unequal.predict_proba(X))
        assert again.estimator_.history_ == fitted_unequal.estimator_.history_


def test_fresh_process_imports_without_keras_and_loads(tmp_path, fitted_equal, equal):
    X, _ = equal
    fitted_equal.save(tmp_path / "saved")
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys, numpy as np\n"
        "from lstmfcn.sktime import SktimeClassifier\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
        "clf = SktimeClassifier.load_from_path('saved.zip')\n"
        "np.save('proba.npy', clf.predict_proba(np.load('X.npy')))\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, check=True)
    proba = np.load(tmp_path / "proba.npy")
    np.testing.assert_allclose(proba, fitted_equal.predict_proba(X), rtol=1e-6)
