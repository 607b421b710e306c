"""Do the estimators keep scikit-learn's contract? Its own checks, over all of them."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import PLAIN, SOAK
from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

from lstmfcn import (
    ALSTMFCNClassifier,
    FCNClassifier,
    LSTMFCNClassifier,
    LSTMFCNEnsemble,
    LSTMFCNRegressor,
)

# Enough training for the checks that ask for accuracy on two features, quick on a CPU.
QUICK = {"n_filters": (16, 16, 16), "n_epochs": 20, "batch_size": 16, "learning_rate": 1e-2}
ESTIMATORS = [
    LSTMFCNClassifier(**QUICK, **PLAIN),
    ALSTMFCNClassifier(**QUICK, **PLAIN),
    FCNClassifier(**QUICK),
    LSTMFCNEnsemble(FCNClassifier(**{**QUICK, **PLAIN, "n_filters": (16,)}), n_estimators=2),
    LSTMFCNRegressor(**QUICK, views=("values",)),
]


CPU = Path("/proc/cpuinfo")
HAS_AVX512 = CPU.exists() and "avx512f" in CPU.read_text()
ROUNDED = {
    check: "asks for seven digits, but without AVX-512 the last one of a float32 sum depends on "
    "the series' place in its batch; test_answers_do_not_depend_on_the_other_series asks for five"
    for check in ("check_methods_sample_order_invariance", "check_methods_subset_invariance")
}


def expected_failures(estimator):
    """Checks that cannot hold, or not on this processor, each with its reason."""
    return {
        **({} if HAS_AVX512 else ROUNDED),
        "check_sample_weight_equivalence_on_dense_data": (
            "a weight of 2 is one update with a doubled loss, a repeated sample is two draws in "
            "another order: equal in expectation, not in numbers, as for every stochastic gradient"
        ),
    }


# What depends on network, constructor or answers. The rest is code that all share.
OF_EACH = {
    "check_classifiers_train",
    "check_decision_proba_consistency",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimators_pickle",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit_idempotent",
    "check_get_params_invariance",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_regressor_data_not_an_array",
    "check_regressors_int",
    "check_regressors_no_decision_function",
    "check_regressors_train",
    "check_set_params",
    "check_valid_tag_types",
}


def checks():
    """All checks of the FCN; of the others those of network and constructor, each once."""
    for estimator in ESTIMATORS:
        expected, left = expected_failures(estimator), set(OF_EACH)
        takes_all = isinstance(estimator, FCNClassifier) or SOAK > 1
        for _, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            if takes_all or name in left:
                left.discard(name)
                marks = [pytest.mark.xfail(reason=expected[name])] if name in expected else []
                place = f"{type(estimator).__name__}-{name}"
                yield pytest.param(estimator, check, id=place, marks=marks)


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), checks())
def test_scikit_learn_check(estimator, check):
    # Each check raises AssertionError or the estimator's own error when the contract is broken.
    check(clone(estimator))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda est: type(est).__name__)
def test_answers_do_not_depend_on_the_other_series(estimator):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(30, 4))
    fitted = clone(estimator).set_params(random_state=0).fit(X, X[:, 0] > X[:, 1])
    order = rng.permutation(len(X))
    methods = ("predict", "predict_proba", "decision_function", "transform")
    for method in filter(partial(hasattr, fitted), methods):
        answer = getattr(fitted, method)
        together = answer(X)
        alone = np.concatenate([answer(X[i : i + 1]) for i in range(len(X))])
        np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(answer(X[order]), together[order], rtol=1e-5, atol=1e-5)
