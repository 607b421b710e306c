"""Are the metrics of one run those worked by hand, and scikit-learn's where it has them?"""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from lstmfcn.evaluation import METRICS, classification_metrics


def predictions(n_classes, n_samples=60, seed=0):
    """Return (truth, predictions, probabilities, classes) of a classifier that is often right."""
    generator = np.random.RandomState(seed)
    classes = np.array([f"class {k}" for k in range(n_classes)])
    truth = generator.randint(n_classes, size=n_samples)
    logits = generator.normal(size=(n_samples, n_classes)) + 1.5 * np.eye(n_classes)[truth]
    odds = np.exp(logits)
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    return classes[truth], classes[probabilities.argmax(axis=1)], probabilities, classes


def test_a_case_by_hand():
    y_true, y_pred = ["a", "a", "a", "b"], ["a", "a", "b", "b"]
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])
    found = classification_metrics(y_true, y_pred, probabilities, ["a", "b"])
    assert found == {
        "accuracy": 0.75,
        "balanced_accuracy": pytest.approx((2 / 3 + 1) / 2),
        "weighted_f1": pytest.approx((3 * 0.8 + 2 / 3) / 4),
        "auroc": 1.0,
        "log_loss": pytest.approx(-np.log(0.9 * 0.6 * 0.3 * 0.8) / 4),
        "per_class_error": 0.125,
    }
    assert list(found) == list(METRICS)


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_they_are_scikit_learns(n_classes):
    y_true, y_pred, probabilities, classes = predictions(n_classes)
    found = classification_metrics(y_true, y_pred, probabilities, classes)
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y_true, y_pred))
    assert found["log_loss"] == pytest.approx(log_loss(y_true, probabilities))
    scores = probabilities[:, 1] if n_classes == 2 else probabilities
    area = roc_auc_score(y_true, scores, multi_class="ovr")
    assert found["auroc"] == pytest.approx(area)


def test_the_columns_come_in_the_order_of_the_classes():
    y_true, y_pred, probabilities, classes = predictions(3)
    order = [2, 0, 1]
    found = classification_metrics(y_true, y_pred, probabilities[:, order], classes[order])
    assert found == pytest.approx(classification_metrics(y_true, y_pred, probabilities, classes))


def test_classes_that_only_one_side_has():
    """Fungi's training split has every class, a resample of few test cases has not."""
    found = classification_metrics(
        [0, 0, 3], [0, 1, 1], [[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]], [0, 1]
    )
    assert found["per_class_error"] == pytest.approx((2 / 3) / 3)  # 0, 1 and 3
    assert found["balanced_accuracy"] == pytest.approx((0.5 + 0.0) / 2)
    assert found["log_loss"] == pytest.approx(-(np.log(0.8) + np.log(0.4) + np.log(1e-7)) / 3)
    assert found["auroc"] == pytest.approx(0.5)  # of class 0: one pair of two is in order
    same = classification_metrics([1, 1], [1, 1], [[0.1, 0.9], [0.2, 0.8]], [0, 1])
    assert same["auroc"] is None and same["accuracy"] == 1.0


def test_decisions_without_probabilities():
    found = classification_metrics([0, 1], [0, 0])
    assert found["auroc"] is None and found["log_loss"] is None
    assert found["accuracy"] == 0.5 and found["per_class_error"] == 0.25


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([0, 1], [0]), "there are 1 predictions for 2 samples"),
        (([], []), "there are 0 predictions for 0 samples"),
        (([0, 1], [0, 1], [[0.5, 0.5]]), r"have shape \(1, 2\); pass one row for each of 2"),
        (([0, 1], [0, 1], np.ones((2, 3)), [0, 1]), "one column for each of 2 classes"),
        (([0, 1], [0, 1], [[0.5, 0.5], [1.5, -0.5]]), "of sample 1 are 1.5, -0.5, which sum to 1;"),
        (([0, 1], [0, 1], [[0.5, 0.4], [1, 0]]), "sample 0 are 0.5, 0.4, which sum to 0.9;"),
        (([0, 1], [0, 1], [[0.5, np.nan], [1, 0]]), "sample 0 are 0.5, nan, which sum to nan;"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        classification_metrics(*arguments)
