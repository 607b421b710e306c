"""Are folds, means and weights of the accuracy study what benchmarks/README says?"""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def combine(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[1] / "benchmarks")
    import combine

    return combine


def test_shifted_folds_hold_out_thirds_of_each_class_along_its_main_direction(combine):
    rng = np.random.default_rng(0)
    size = np.array([*rng.permutation(9), *rng.permutation(6), 0])
    y = np.repeat(["a", "b", "rare"], [9, 6, 1])
    X = size[:, np.newaxis] * np.linspace(1, 2, 5) + 100 * (y == "b")[:, np.newaxis]
    held = []
    for seed in range(3):
        X_train, y_train, X_held, y_held = combine.study.shifted_fold(X, y, seed)
        assert len(X_train) == 10 and len(X_held) == 5 and "rare" not in y_held
        assert sorted(y_train) == ["a"] * 6 + ["b"] * 4
        held.append([np.sort(X_held[y_held == label, 0] % 100).tolist() for label in "ab"])
    assert sorted(of_a for of_a, _ in held) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert sorted(of_b for _, of_b in held) == [[0, 1], [2, 3], [4, 5]]
    assert held[1] == [[3, 4, 5], [2, 3]]


def test_a_mean_of_logits_and_weights_by_the_other_folds(combine):
    y = np.array([0, 1])
    right = np.array([[0.9, 0.1], [0.1, 0.9]])
    half = np.array([[0.8, 0.2], [0.8, 0.2]])
    members = [{("A", k): (one, y) for k in range(3)} for one in (right, half)]
    members[1]["A", 0] = (right, y)  # fold 0 must not count for itself
    weights = combine.by_accuracy(members)
    assert np.allclose(weights(("A", 0)), [16 / 17, 1 / 17])
    assert np.allclose(weights(("A", 2)), [1 / (1 + 0.75**4), 0.75**4 / (1 + 0.75**4)])
    accuracy, log_loss = combine.mean_scores(members, [("A", 1)])
    odds = np.sqrt(9 * 4), np.sqrt(9 / 4)  # of the truth: geometric means
    assert accuracy == 1 and np.isclose(log_loss, np.mean([np.log1p(1 / odd) for odd in odds]))


def test_runs_without_all_folds_of_all_members_are_left_out(combine):
    one = {(name, k): None for name in "AB" for k in range(3)}
    other = {run: None for run in one if run != ("B", 1)}
    assert combine.common_runs([one, other]) == [("A", 0), ("A", 1), ("A", 2)]
