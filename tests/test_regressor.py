"""Does LSTM-FCN predict numbers: right, in their unit, the same when it comes back?"""

import copy
import csv
import inspect
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from conftest import Killed, assert_equal_fits, fitted_once, refusal
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from test_docstrings import entries

import lstmfcn
from lstmfcn import LSTMFCNClassifier, LSTMFCNEnsemble, LSTMFCNRegressor
from lstmfcn.cli import main
from lstmfcn.datasets import read_series
from lstmfcn.explain import decision_parts
from lstmfcn.networks import ridge
from lstmfcn.training import candidates
from lstmfcn.training.losses import CrossEntropy, SquaredError

SMALL = {"n_filters": (8, 8), "n_cells": 2, "n_epochs": 2, "random_state": 0}
ALONE = {**SMALL, "rocket": False}  # quicker, where fixed kernels are beside the point
LEARNS = {**SMALL, "n_epochs": 40, "learning_rate": 1e-2}


def make_waves(n_samples=40, n_channels=1, n_timepoints=24, seed=0):
    """Return waves in noise, and the frequency of each: 50 to 80 per minute."""
    rng = np.random.default_rng(seed)
    y = rng.uniform(50.0, 80.0, n_samples)
    time = np.arange(n_timepoints) / n_timepoints
    phase = rng.uniform(size=(n_samples, n_channels, 1))
    X = np.sin(2 * np.pi * (y[:, np.newaxis, np.newaxis] / 20 * time + phase))
    return X + 0.1 * rng.normal(size=X.shape), y


def make_unequal_waves(**kwargs):
    X, y = make_waves(**kwargs)
    return [x[:, : 24 - k % 5] for k, x in enumerate(X)], y


@pytest.fixture
def small():
    """A regressor that nobody changes, the series that it knows, and others."""
    X, y = make_waves(n_channels=2)
    return fitted_once(LSTMFCNRegressor, X, y, **SMALL), X, y


# What it learns


@pytest.mark.parametrize("make", [make_waves, make_unequal_waves], ids=["one length", "unequal"])
@pytest.mark.parametrize("parts", ["logits", "rocket", "both"])
def test_network_and_fixed_kernels_alone_and_together_learn_a_frequency(make, parts):
    reg = fitted_once(LSTMFCNRegressor, *make(n_channels=2, n_samples=80), **LEARNS)
    X, y = make(n_channels=2, n_samples=60, seed=1)
    if parts == "both":
        assert reg.score(X, y) > 0.9
        return
    output = reg.network_.output(parts, reg._inputs(X))[:, 0]
    error = y - (reg.target_mean_ + reg.target_scale_ * output)
    assert 1.0 - np.mean(error**2) / np.var(y) > 0.85


def test_the_prediction_is_the_mean_of_network_and_fixed_kernels(small):
    reg, X, y = small
    assert (reg.target_mean_, reg.target_scale_) == pytest.approx((y.mean(), y.std()), rel=1e-12)
    parts = [reg.network_.output(name, reg._inputs(X))[:, 0] for name in ("logits", "rocket")]
    expected = y.mean() + y.std() * np.mean(parts, axis=0)
    np.testing.assert_allclose(reg.predict(X), expected, rtol=1e-6)
    alone = LSTMFCNRegressor(**ALONE).fit(X, y)
    np.testing.assert_allclose(alone.predict(X), y.mean() + y.std() * parts[0], rtol=1e-6)


def test_the_loss_is_the_squared_error_of_standardised_targets():
    X, y = make_waves()
    X_held, y_held = make_waves(n_samples=10, seed=7)
    reg = LSTMFCNRegressor(**ALONE).fit(X, y, validation_data=(X_held, y_held))
    error = (reg.predict(X_held) - y_held) / y.std()
    assert reg.history_["val_loss"][-1] == pytest.approx(np.mean(error**2), rel=1e-4)
    assert reg.history_["val_absolute_error"][-1] == pytest.approx(np.mean(abs(error)), rel=1e-4)
    # With a learning rate of next to nothing an epoch's loss is that of the first network.
    still = LSTMFCNRegressor(
        **{**ALONE, "n_epochs": 1, "batch_size": 40}, dropout=0.0, learning_rate=1e-12
    ).fit(X, y)
    outputs = still.network_.output("logits", still._inputs(X))[:, 0]
    error = outputs - (y - y.mean()) / y.std()
    assert still.history_["loss"] == pytest.approx([np.mean(error**2)], rel=1e-3)
    assert still.history_["absolute_error"] == pytest.approx([np.mean(abs(error))], rel=1e-3)
    assert "accuracy" not in still.history_


def test_losses_by_hand():
    targets, outputs = np.array([1.0, 4.0]), np.array([[3.0], [4.5]], np.float32)
    losses, measures = SquaredError.of_answers(targets, outputs)
    assert (losses.tolist(), measures.tolist()) == ([4.0, 0.25], [2.0, 0.5])
    weights = np.array([3.0, 1.0])  # of mean 7/4: 3/4 (3/4)^2 + 1/4 (9/4)^2 = 27/16
    assert SquaredError.of_guess(targets, weights) == pytest.approx(27 / 16)
    assert CrossEntropy.of_guess(np.array([0, 1]), np.ones(2)) == pytest.approx(np.log(2))


def test_the_penalty_is_that_of_leaving_each_series_out():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20, 50))
    targets = features[:, 0] + 0.5 * rng.normal(size=20)
    features -= features.mean(axis=0)
    weights = rng.uniform(0.5, 2.0, 20)
    kernel, bias, scale, loss = ridge.fit_linear(features, targets, weights, 1)

    deviation = features.std(axis=0)
    unit = np.hypot(deviation, 0.1 * np.median(deviation)) * np.sqrt(50)
    losses = []
    for penalty in ridge.PENALTIES:
        errors = np.empty(20)
        for i in range(20):
            kept = np.arange(20) != i
            model = Ridge(penalty).fit((features / unit)[kept], targets[kept], weights[kept])
            errors[i] = model.predict((features / unit)[[i]])[0] - targets[i]
        losses.append(np.average(errors**2, weights=weights))
    best = Ridge(ridge.PENALTIES[np.argmin(losses)]).fit(features / unit, targets, weights)
    assert loss == pytest.approx(min(losses), rel=1e-6) and scale == 1.0
    np.testing.assert_allclose(features @ kernel[:, 0] + bias, best.predict(features / unit))


@pytest.mark.parametrize("make", [make_waves, make_unequal_waves], ids=["one length", "unequal"])
def test_the_map_adds_up_to_the_convolutions_part_of_the_number(make):
    X, y = make(n_channels=2)
    reg = fitted_once(LSTMFCNRegressor, X, y, **SMALL)
    found, inputs = reg.activation_map(X), reg._inputs(X)
    _, _, convolutions = decision_parts(reg.network_, inputs)
    expected = reg.target_scale_ * convolutions[:, 0]
    np.testing.assert_allclose(found.sum(axis=1), expected, rtol=1e-4, atol=1e-4)
    if len(inputs) > 1:
        assert not found[inputs[1][:] == 0].any()


def test_another_unit_of_y_is_another_unit_of_the_answers(small):
    reg, X, y = small
    other = LSTMFCNRegressor(**SMALL).fit(X, 1e-3 * y - 1000.0)
    expected = 1e-3 * reg.predict(X) - 1000.0
    np.testing.assert_allclose(other.predict(X), expected, atol=1e-3 * other.target_scale_)


def test_a_constant_is_predicted_as_it_is():
    X, _ = make_waves(n_samples=10)
    reg = LSTMFCNRegressor(**{**ALONE, "n_epochs": 60}).fit(X, np.full(10, 7.0))
    assert reg.target_scale_ == 1.0
    np.testing.assert_allclose(reg.predict(X), 7.0, atol=0.5)


def test_a_constant_whose_mean_is_rounded_can_be_fine_tuned():
    X, y = make_waves(n_samples=20)
    assert np.full(20, 0.1).std() > 0
    reg = LSTMFCNRegressor(**ALONE).fit(X, np.full(20, 0.1))
    assert reg.target_scale_ == 1.0
    reg.fine_tune(X, y, n_iterations=1, n_epochs=20, learning_rate=0.1)
    assert reg.predict(X).mean() > 1.0


@pytest.mark.parametrize(("unlearned", "n_trainings"), [(0.0, 2), (1e9, 1)])
def test_gaps_that_keep_it_from_learning_are_given_up(monkeypatch, unlearned, n_trainings):
    monkeypatch.setattr(candidates, "UNLEARNED", unlearned)  # of the variance of y
    monkeypatch.setattr(candidates, "FEWEST_EPOCHS", 2)
    monkeypatch.setattr(candidates, "MOST_EPOCHS", 2)
    parameters = {**ALONE, "n_epochs": "auto", "occlusion": 0.5}
    reg = LSTMFCNRegressor(**parameters).fit(*make_waves(n_samples=12))
    assert len(reg.history_["loss"]) == reg.n_epochs_ == 2 * n_trainings
    assert reg.occlusion_ == (0.5 if n_trainings == 1 else 0.0)


def test_a_series_of_weight_zero_and_its_absence_are_the_same(small):
    _, X, y = small
    weights = np.ones(len(y))
    weights[:5] = 0.0
    weighed = LSTMFCNRegressor(**ALONE).fit(X, y, weights)
    absent = LSTMFCNRegressor(**ALONE).fit(X[5:], y[5:])
    np.testing.assert_array_equal(weighed.predict(X), absent.predict(X))


def test_neither_units_nor_weights_know_what_is_held_out():
    X, y = make_waves(n_samples=20)
    y[:3] = 1e6
    reg = LSTMFCNRegressor(**ALONE, validation_fraction=0.5, patience=1)
    reg.fit(X, y)
    from sklearn.model_selection import train_test_split

    seed = lstmfcn.validation.draw_seeds(0, 3)[2]
    kept, _ = train_test_split(np.arange(20), test_size=0.5, random_state=seed)
    assert reg.target_mean_ == pytest.approx(y[kept].mean())
    assert len(reg.history_["val_loss"]) in (1, 2)


# The same again


def test_a_seed_repeats_and_another_differs(small):
    reg, X, y = small
    again = clone(reg).fit(X, y)
    np.testing.assert_array_equal(again.predict(X), reg.predict(X))
    other = clone(reg).set_params(random_state=1).fit(X, y)
    assert not np.allclose(other.predict(X), reg.predict(X))


@pytest.mark.parametrize("make", [make_waves, make_unequal_waves], ids=["one length", "unequal"])
def test_saved_and_pickled_regressors_answer_alike(make, tmp_path):
    X, y = make(n_channels=2)
    reg = fitted_once(LSTMFCNRegressor, X, y, **SMALL)
    reg.save(tmp_path / "model.lstmfcn")
    loaded = lstmfcn.load(tmp_path / "model.lstmfcn")
    for again in (loaded, pickle.loads(pickle.dumps(reg))):
        assert type(again) is LSTMFCNRegressor and again.history_ == reg.history_
        np.testing.assert_array_equal(again.predict(X), reg.predict(X))
    np.testing.assert_array_equal(loaded.transform(X), reg.transform(X))
    assert loaded.fine_tune(X, y, n_iterations=1, n_epochs=1).target_mean_ == reg.target_mean_


def changed_file(path, change):
    """Return a saved model with a change to its description."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    first = next(iter(members))
    content = json.loads(members.pop(first))
    first = change(content) or first
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(first, json.dumps(content))
        for name, part in members.items():
            archive.writestr(name, part)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c["target"].update(scale=0.0), "scale 0.0 are not possible"),
        (lambda c: c["target"].update(scale=-1.0), "scale -1.0 are not possible"),
        (lambda c: c["target"].update(scale=np.nan), "scale nan are not possible"),
        (lambda c: c["target"].update(scale=1e200), "scale 1e+200 are not possible"),
        (lambda c: c["target"].update(mean="os"), "targets of mean 'os' and"),
        (lambda c: c.pop("target") and None, "it has no 'target'"),
        (lambda c: c["architecture"].update(n_classes=2), "in one place and 1 in another"),
        (lambda c: c.update({"class": "LSTMFCNClassifier"}), "is none of ['LSTMFCNRegressor']"),
        (lambda c: c["parameters"].update(class_weight=None), "no parameter 'class_weight'"),
        (lambda c: "classifier.json", "its class 'LSTMFCNRegressor' is none of ['ALSTMFCN"),
    ],
)
def test_files_that_no_regressor_wrote_are_refused(small, tmp_path, change, sentence):
    path = tmp_path / "model.lstmfcn"
    small[0].save(path)
    path.write_bytes(changed_file(path, change))
    assert sentence in refusal(lambda: lstmfcn.load(path))


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_cells": (2, 3)},
        {"validation_fraction": 0.3, "patience": 3, "precision": "bfloat16", "rocket": True},
    ],
    ids=["two sizes", "validation"],
)
def test_a_killed_fit_goes_on_bit_equal(parameters, tmp_path, kill_after):
    X, y = make_waves()
    parameters = {**ALONE, "batch_size": 8, **parameters}
    expected = LSTMFCNRegressor(**parameters).fit(X, y)
    reg = LSTMFCNRegressor(**parameters, checkpoint=tmp_path)
    for n in (1, 4):
        kill_after(n)
        with pytest.raises(Killed):
            reg.fit(X, y)
        assert not hasattr(reg, "model_")
    sentence = refusal(lambda: reg.fit(X, y + 1.0))
    assert "belongs to another training: data is" in sentence
    kill_after(10**9)
    assert_equal_fits(reg.fit(X, y), expected)
    np.testing.assert_array_equal(reg.predict(X), expected.predict(X))


# Fine-tuning


def test_fine_tuning_goes_on_in_the_same_unit(small):
    reg, X, y = copy.deepcopy(small[0]), *small[1:]
    fixed = reg.model_.get_layer("rocket").get_weights()
    reg.fine_tune(X, y, n_iterations=2, n_epochs=3)
    assert reg.target_mean_ == small[0].target_mean_
    assert len(reg.history_["loss"]) == 2 + 2 * 3
    for old, new in zip(fixed, reg.model_.get_layer("rocket").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)  # it knows these series already
    other = copy.deepcopy(small[0]).fine_tune(X, -y, n_iterations=1, n_epochs=1)
    assert other.target_mean_ == small[0].target_mean_
    output = other.network_.output("rocket", other._inputs(X))[:, 0]
    assert np.corrcoef(output, -y)[0, 1] > 0.9  # the ridge regression is that of the new numbers


def test_with_a_new_head_the_unit_is_that_of_the_new_problem(small):
    reg = copy.deepcopy(small[0])
    X, y = make_waves(n_channels=2, n_timepoints=31, seed=3)
    reg.fine_tune(X, y / 1000.0, n_iterations=1, n_epochs=1, freeze="convolutions", reset_head=True)
    assert reg.target_mean_ == pytest.approx(y.mean() / 1000.0) and reg.n_timepoints_in_ == 31
    assert abs(reg.predict(X)).max() < 1.0


def test_a_refused_fine_tuning_changes_nothing(small):
    reg, X, y = small
    before = reg.predict(X)
    assert "y has shape (40, 2)" in refusal(lambda: reg.fine_tune(X, np.stack([y, y], axis=1)))
    assert "n_iterations=0" in refusal(lambda: reg.fine_tune(X, y, n_iterations=0))
    np.testing.assert_array_equal(reg.predict(X), before)
    assert reg.target_mean_ == pytest.approx(y.mean())


# What it refuses, and what it lacks

X, Y = make_waves(n_samples=12)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (
            np.ones((12, 2)),
            "y has shape (12, 2), but LSTMFCNRegressor predicts one number per series; fit one for "
            "each column, for example by sklearn.multioutput.MultiOutputRegressor.",
        ),
        (Y[:11], "X has 12 series, but y has shape (11,); pass one number per series."),
        (7.0, "X has 12 series, but y has shape (); pass one number per series."),
        ([*Y[:11], np.nan], "y contains NaN or infinity; leave series without a number out."),
        ([*Y[:11], np.inf], "y contains NaN or infinity; leave series without a number out."),
        (
            [*Y[:11], "high"],
            "y holds values of type <U32, not numbers; pass one number per series.",
        ),
        (
            None,
            "LSTMFCNRegressor requires y to be passed, but the target y is None; pass one number "
            "per series.",
        ),
        (1e200 * Y, "y holds numbers beyond 1e+150, whose squares are infinite; rescale y."),
    ],
)
def test_unusable_targets_are_refused_in_a_sentence(y, sentence):
    reg = LSTMFCNRegressor(**SMALL)
    assert refusal(lambda: reg.fit(X, y)) == sentence
    assert not hasattr(reg, "model_")


@pytest.mark.parametrize(
    ("parameters", "weights", "sentence"),
    [
        (
            {},
            [1.0] + [0.0] * 11,
            "there is 1 sample of positive weight; LSTMFCNRegressor needs at least 2 to learn "
            "from.",
        ),
        (
            {"validation_fraction": 0.9},
            None,
            "validation_fraction=0.9 leaves 1 of 12 series to learn from; pass validation_data "
            "instead, or more series.",
        ),
    ],
)
def test_too_few_series_are_refused(parameters, weights, sentence):
    assert refusal(lambda: LSTMFCNRegressor(**SMALL, **parameters).fit(X, Y, weights)) == sentence


def test_integers_booleans_and_a_column_are_numbers(small):
    _, X, y = small
    reg, whole = LSTMFCNRegressor(**ALONE), np.rint(y).astype(int)
    expected = reg.fit(X, whole.astype(float)).predict(X)
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        reg.fit(X, whole[:, np.newaxis])
    np.testing.assert_array_equal(reg.predict(X), expected)
    assert reg.fit(X, y > y.mean()).target_scale_ == pytest.approx(0.5, 0.1)


def test_what_only_classes_have_is_not_there(small):
    reg = small[0]
    for name in ("predict_proba", "decision_function", "classes_", "explain"):
        assert not hasattr(reg, name)
    assert "class_weight" not in reg.get_params()
    assert "LSTMFCNRegressor" in refusal(lambda: LSTMFCNEnsemble(reg).fit(X, Y > 60))


def test_scikit_learns_tools_take_it(small):
    _, X, y = small
    reg = LSTMFCNRegressor(**ALONE)
    assert cross_val_score(reg, X, y, cv=2).shape == (2,)
    two = MultiOutputRegressor(reg).fit(X, np.stack([y, -y], axis=1))
    assert two.predict(X).shape == (40, 2) and two.estimators_[1].target_mean_ < 0


def test_filters_and_features_are_those_of_the_network(small):
    reg, X, _ = small
    assert reg.transform(X).shape == (40, 2 + 2 * 8) == (40, len(reg.get_feature_names_out()))
    assert reg.filter_kernels().shape[:2] == (16, 2)
    assert reg.strongest_series(X)[0].shape == (16, 1)


def test_parameters_are_documented_in_the_classifiers_words():
    documented = entries(LSTMFCNRegressor, "Parameters")
    of_classifier = entries(LSTMFCNClassifier, "Parameters")
    assert set(documented) == set(inspect.signature(LSTMFCNRegressor).parameters)
    assert of_classifier.keys() - documented.keys() == {"class_weight"}
    of_its_own = {"views", "rocket", "occlusion", "n_epochs", "validation_fraction"}
    for name, (kind, text) in documented.items():
        assert kind == of_classifier[name][0], name
        assert (text == of_classifier[name][1]) is (name not in of_its_own), name


# In the shell


@pytest.fixture
def tables(tmp_path):
    """Return a folder with train.csv, its numbers in the column ``rate``, and test.csv."""
    for name, seed in (("train", 0), ("test", 1)):
        X, y = make_waves(seed=seed)
        lines = [",".join(["rate", *(f"t{k}" for k in range(24))])]
        lines += [
            ",".join(map(str, [number, *series[0]])) for number, series in zip(y, X, strict=True)
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    return tmp_path


FIT = "--model lstmfcn-regressor --n-filters 8,8 --cells 2 --epochs 2 --label-column rate --out"


def test_the_shell_fits_and_predicts_what_python_does(tables, capsys):
    assert main(f"fit {tables}/train.csv {FIT} {tables}/m.lstmfcn".split()) == 0
    assert "40 series, 1 channel x 24 timepoints, numbers from 50" in capsys.readouterr().out
    assert main(f"predict {tables}/m.lstmfcn {tables}/test.csv --out {tables}/p.csv".split()) == 0
    said = capsys.readouterr().out
    X, y = read_series(tables / "test.csv", label_column="rate", classes="numbers")
    reg = LSTMFCNRegressor(**SMALL).fit(*make_waves())
    np.testing.assert_allclose(lstmfcn.load(tables / "m.lstmfcn").predict(X), reg.predict(X))
    with open(tables / "p.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = np.array([[row["label"], row["predicted"]] for row in rows], float)
    np.testing.assert_allclose(found.T, [y, reg.predict(X)])
    assert f"R2   {reg.score(X, y):.4g}  (" in said and "CCC  " in said and "MSE  " in said
    for command, sentence in (
        ("explain {}/m.lstmfcn {}/test.csv --out {}/e", "but lstmfcn explain is for classifiers"),
        ("export {}/m.lstmfcn --out {}/e.onnx --attention", "--attention is for classifiers"),
    ):
        assert main(command.replace("{}", str(tables)).split()) == 1
        said = capsys.readouterr().err
        assert "m.lstmfcn predicts numbers" in said and sentence in said
    lines = (tables / "test.csv").read_text().splitlines()
    (tables / "one.csv").write_text("\n".join(lines[:2]))
    assert main(f"predict {tables}/m.lstmfcn {tables}/one.csv --out {tables}/p.csv".split()) == 0
    assert capsys.readouterr().out == f"1 number predicted; written to {tables}/p.csv\n"
    pytest.importorskip("onnxruntime", reason="needs lstmfcn[onnx]")
    pytest.importorskip("tf2onnx", reason="needs lstmfcn[onnx]")
    assert main(f"export {tables}/m.lstmfcn --out {tables}/m.onnx".split()) == 0
    assert "for series of 1 x 24 values, a number; written to" in capsys.readouterr().out
    assert main(f"predict {tables}/m.onnx {tables}/test.csv --out {tables}/q.csv".split()) == 0
    with open(tables / "q.csv", newline="") as file:
        served = [float(row["predicted"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(served, reg.predict(X), rtol=1e-5)


@pytest.mark.parametrize("options", ["", "--group person"])
def test_the_shell_cross_validates_numbers(options, tables, capsys):
    X, y = make_waves()
    people = np.arange(40) % 5
    columns = ["rate", "person", *(f"t{k}" for k in range(24))]
    rows = [[y[i], f"p{people[i]}", *X[i, 0]] for i in range(40)]
    lines = [",".join(map(str, row)) for row in [columns, *rows]]
    (tables / "people.csv").write_text("\n".join(lines))
    options = options or "--drop person"
    command = f"evaluate {tables}/people.csv {FIT} {tables}/out --folds 4 {options}".split()
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "fold  series" in said and "RMSE" in said and "predicted.png" in said
    with open(tables / "out" / "predictions.csv", newline="") as file:
        found = list(csv.DictReader(file))
    folds = np.array([int(row["fold"]) for row in found])
    truth, answer = (np.array([float(row[k]) for row in found]) for k in ("label", "predicted"))
    np.testing.assert_allclose(truth, y)
    if "group" in options:
        assert all(len(set(folds[people == person])) == 1 for person in range(5))
    reg = LSTMFCNRegressor(**SMALL).fit(X[folds != 2], y[folds != 2])
    np.testing.assert_allclose(answer[folds == 2], reg.predict(X[folds == 2]), rtol=1e-6)
    with open(tables / "out" / "scores.csv", newline="") as file:
        *_, last = csv.DictReader(file)
    assert (last["fold"], last["series"]) == ("all", "40")
    assert float(last["RMSE"]) == pytest.approx(np.sqrt(np.mean((truth - answer) ** 2)))
    assert float(last["R2"]) == pytest.approx(r2_score(truth, answer))
    assert (tables / "out" / "predicted.png").stat().st_size > 5_000
    before = (tables / "out" / "fold-1.npz").stat().st_mtime_ns
    assert main(command) == 0 and capsys.readouterr().out == said  # nothing is done again
    assert (tables / "out" / "fold-1.npz").stat().st_mtime_ns == before


def test_the_shell_refuses_what_is_no_number(tables, capsys):
    path = tables / "train.csv"
    path.write_text(path.read_text() + "\nhigh" + 24 * ",1.0")
    assert main(f"fit {path} {FIT} {tables}/m.lstmfcn".split()) == 1
    assert "holds 'high', which is no number to predict; pass" in capsys.readouterr().err
    assert not (tables / "m.lstmfcn").exists()


def test_targets_of_a_ts_file_are_numbers(tmp_path):
    path = tmp_path / "rates.ts"
    head = "@problemName r\n@univariate true\n@targetLabel true\n@data\n"
    path.write_text(head + "1.0,2.0:0.25\n3.0,4.0:-1e-3\n")
    X, y = read_series(path, classes="numbers")
    assert (X.tolist(), y.tolist()) == ([[1.0, 2.0], [3.0, 4.0]], [0.25, -0.001])
    assert "so it is a regression set" in refusal(lambda: read_series(path))
    path.write_text(head + "1.0,2.0:0.25\n3.0,4.0:?\n")
    sentence = refusal(lambda: read_series(path, classes="numbers"))
    assert "rates.ts holds '?', which is no number to predict" in sentence
