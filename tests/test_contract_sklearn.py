"""Do the classifiers keep scikit-learn's contract? Its own checks, over all of them."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier

# Enough training for the checks that ask for accuracy on two features, quick on a CPU.
QUICK = {"n_filters": (16, 16, 16), "n_epochs": 20, "batch_size": 16, "learning_rate": 1e-2}
CLASSIFIERS = [
    LSTMFCNClassifier(**QUICK),
    ALSTMFCNClassifier(**QUICK),
    FCNClassifier(**QUICK),
]


def expected_failures(estimator):
    """Checks that cannot hold, each with its reason."""
    return {
        "check_sample_weight_equivalence_on_dense_data": (
            "a weight of 2 is one update with a doubled loss, a repeated sample is two draws in "
            "another order: equal in expectation, not in numbers, as for every stochastic gradient"
        ),
    }


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(CLASSIFIERS, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check):
    # Each check raises AssertionError or the estimator's own error when the contract is broken.
    check(estimator)
