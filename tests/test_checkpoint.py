"""Does a training that was killed go on, and end bit-equal to one that was not?"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import PLAIN, SOAK, Killed, assert_equal_fits, make_series, make_unequal

from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier
from lstmfcn.training import checkpoint
from lstmfcn.training.checkpoint import Checkpoint, fingerprint

SMALL = {**PLAIN, "n_filters": (4, 6, 4), "n_epochs": 5, "batch_size": 8, "random_state": 0}

WHOLE = {"views": ("values", "detrended"), "rocket": True}  # what PLAIN leaves out

CASES = {
    "ALSTM-FCN": (ALSTMFCNClassifier, make_unequal, WHOLE),
    "bfloat16": (LSTMFCNClassifier, make_series, {**PLAIN, "precision": "bfloat16"}),
    "plateau, best weights, class weights": (
        FCNClassifier,
        make_unequal,
        {
            **PLAIN,
            "schedule": "plateau",
            "keep_weights": "best",
            "learning_rate": 0.1,
            "class_weight": "balanced",
        },
    ),
    "three sizes": (
        LSTMFCNClassifier,
        make_series,
        {**PLAIN, "n_cells": (2, 3, 4), "n_epochs": 2},
    ),
    "validation and patience": (
        FCNClassifier,
        make_unequal,
        {**PLAIN, "validation_fraction": 0.3, "patience": 3},
    ),
    "early stopping": (
        FCNClassifier,
        make_series,
        {
            **PLAIN,
            "schedule": "constant",
            "callbacks": [
                keras.callbacks.EarlyStopping(
                    "loss", min_delta=1.0, patience=3, restore_best_weights=True
                )
            ],
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_killed_fit_goes_on_bit_equal(case, tmp_path, kill_after):
    classifier, make, parameters = CASES[case]
    X, y = make()
    expected = classifier(**{**SMALL, **parameters}).fit(X, y)
    clf = classifier(**{**SMALL, **parameters}, checkpoint=tmp_path)
    for n in (1, 9):  # within an epoch, across epochs and sizes
        kill_after(n)
        with pytest.raises(Killed):
            clf.fit(X, y)
        assert not hasattr(clf, "model_")
    kill_after(3, before_writing=True)
    with pytest.raises(Killed):
        clf.fit(X, y)
    kill_after(10**9)
    (tmp_path / ".fit-half.npz").write_bytes(b"left by a killed process")
    assert_equal_fits(clf.fit(X, y), expected)
    assert os.listdir(tmp_path) == ["fit.npz"]


@pytest.mark.parametrize(
    ("arguments", "kill"), [({}, 6), ({"freeze": "convolutions", "reset_head": True}, 1)]
)
def test_a_killed_fine_tuning_goes_on_bit_equal(arguments, kill, tmp_path, kill_after):
    X, y = make_series()
    arguments = {**arguments, "n_iterations": 3, "n_epochs": 2, "batch_size": 16}
    expected = LSTMFCNClassifier(**SMALL).fit(X, y).fine_tune(X, y, **arguments)

    clf = LSTMFCNClassifier(**SMALL, checkpoint=tmp_path).fit(X, y)
    before = clf.model_.get_weights()
    kill_after(kill)
    with pytest.raises(Killed):
        clf.fine_tune(X, y, **arguments)
    for old, new in zip(before, clf.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    kill_after(10**9)  # a new process starts from nothing
    clf = LSTMFCNClassifier(**SMALL, checkpoint=tmp_path).fit(X, y).fine_tune(X, y, **arguments)
    assert_equal_fits(clf, expected)
    assert sorted(os.listdir(tmp_path)) == ["fine_tune.npz", "fit.npz"]


def test_a_finished_fit_returns_what_it_found_without_training(tmp_path, monkeypatch):
    X, y = make_series()
    first = FCNClassifier(**{**SMALL, "random_state": None}, checkpoint=tmp_path).fit(X, y)
    monkeypatch.setattr("lstmfcn.training.candidates.train", None)  # any training would fail
    again = FCNClassifier(**{**SMALL, "random_state": None}, checkpoint=tmp_path).fit(X, y)
    assert_equal_fits(first, again)
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))


def test_without_a_seed_the_drawn_one_is_kept(tmp_path, kill_after):
    X, y = make_series()
    clf = FCNClassifier(**{**SMALL, "random_state": None}, checkpoint=tmp_path)
    kill_after(1)
    with pytest.raises(Killed):
        clf.fit(X, y)
    seeds = Checkpoint(tmp_path, "fit", saved_job(tmp_path), [1, 2, 3]).seeds
    kill_after(10**9)
    assert clf.fit(X, y).network_.architecture["seed"] == seeds[0]


def saved_job(folder):
    with np.load(folder / "fit.npz") as file:
        return json.loads(str(file["content"]))["job"]


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"n_epochs": 6}, "n_epochs is 5 there and 6 here"),
        ({"learning_rate": 0.01}, "learning_rate is 0.001 there and 0.01 here"),
        ({"random_state": 1}, "random_state is ["),
        ({"precision": "bfloat16"}, "precision is "),
    ],
)
def test_an_unfinished_training_of_other_parameters_is_refused(
    change, sentence, tmp_path, kill_after
):
    X, y = make_series()
    parameters = {**SMALL, "precision": "float32", "checkpoint": tmp_path}
    kill_after(2)
    with pytest.raises(Killed):
        FCNClassifier(**parameters).fit(X, y)
    with pytest.raises(ValueError) as caught:
        FCNClassifier(**{**parameters, **change}).fit(X, y)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'fit.npz'} belongs to another training: {sentence}")
    assert message.endswith(
        "call with the same arguments and data, give another folder (one folder serves one "
        "training at a time), or delete it."
    )
    with pytest.raises(ValueError, match=r"data is [0-9a-f]{16} there and [0-9a-f]{16} here"):
        FCNClassifier(**parameters).fit(X + 1e-3, y)
    with pytest.raises(ValueError, match="class is FCNClassifier there and LSTMFCNClassifier here"):
        LSTMFCNClassifier(**parameters).fit(X, y)


def test_a_finished_training_of_other_parameters_is_replaced(tmp_path):
    X, y = make_series()
    FCNClassifier(**SMALL, checkpoint=tmp_path).fit(X, y)
    other = {**SMALL, "n_epochs": 2}
    assert len(FCNClassifier(**other, checkpoint=tmp_path).fit(X, y).history_["loss"]) == 2
    assert saved_job(tmp_path)["n_epochs"] == "2"


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """The bytes of an unfinished checkpoint."""
    folder = tmp_path_factory.mktemp("unfinished")
    X, y = make_series()

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise Killed

    old, checkpoint.SECONDS_BETWEEN, checkpoint.SHARE = checkpoint.SECONDS_BETWEEN, 0.0, 0
    try:
        with pytest.raises(Killed):
            FCNClassifier(**SMALL, callbacks=[Stop()], checkpoint=folder).fit(X, y)
    finally:
        checkpoint.SECONDS_BETWEEN, checkpoint.SHARE = old, 50
    return (folder / "fit.npz").read_bytes(), Stop


def test_damaged_checkpoints_are_refused(unfinished, tmp_path):
    content, stop = unfinished
    X, y = make_series()
    clf = FCNClassifier(**SMALL, callbacks=[stop()], checkpoint=tmp_path)
    rng = np.random.RandomState(0)
    damaged = [b"", b"no zip", content[:-1], content[: len(content) // 2]]
    damaged += [content[:k] for k in rng.randint(1, len(content), size=20)]
    for wrong in damaged:
        (tmp_path / "fit.npz").write_bytes(wrong)
        with pytest.raises(ValueError, match=r"is not a checkpoint, or is damaged .*delete it"):
            clf.fit(X, y)
        assert (tmp_path / "fit.npz").read_bytes() == wrong
    n_refused = 0
    for k in rng.randint(0, len(content), size=60):
        flipped = bytearray(content)
        flipped[k] ^= 0x5A
        (tmp_path / "fit.npz").write_bytes(bytes(flipped))
        try:
            with pytest.raises(Killed):  # a byte that carries nothing, such as a date
                clf.fit(X, y)
        except ValueError:
            n_refused += 1
    assert n_refused > 40


def test_a_callback_that_stops_within_an_epoch_stops_there_too(tmp_path, kill_after):
    class StopInside(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                self.model.stop_training = True

    X, y = make_series()
    parameters = {**SMALL, "callbacks": [StopInside()]}
    expected = FCNClassifier(**parameters).fit(X, y)
    assert len(expected.history_["loss"]) == 1
    clf = FCNClassifier(**parameters, checkpoint=tmp_path)
    kill_after(2)
    with pytest.raises(Killed):
        clf.fit(X, y)
    kill_after(10**9)
    assert_equal_fits(clf.fit(X, y), expected)


def test_a_callback_with_other_settings_is_another_training(tmp_path, kill_after):
    X, y = make_series()

    def classifier(patience):
        stopping = keras.callbacks.EarlyStopping("loss", patience=patience)
        return FCNClassifier(**SMALL, callbacks=[stopping], checkpoint=tmp_path)

    kill_after(3)
    with pytest.raises(Killed):
        classifier(100).fit(X, y)
    with pytest.raises(ValueError, match="belongs to another training: callbacks is"):
        classifier(1).fit(X, y)


def test_a_callback_with_another_function_is_another_training(tmp_path, kill_after):
    X, y = make_series()

    def classifier(rate):
        schedule = keras.callbacks.LearningRateScheduler(lambda epoch: rate if epoch < 9 else 1e-3)
        parameters = {**SMALL, "schedule": "constant", "callbacks": [schedule]}
        return FCNClassifier(**parameters, checkpoint=tmp_path)

    kill_after(3)
    with pytest.raises(Killed):
        classifier(0.01).fit(X, y)
    with pytest.raises(ValueError, match="belongs to another training: callbacks is"):
        classifier(0.5).fit(X, y)
    kill_after(10**9)
    np.testing.assert_allclose(classifier(0.01).fit(X, y).history_["learning_rate"], 0.01)


def test_a_checkpoint_cannot_send_a_callback_to_another_file(tmp_path, kill_after):
    X, y = make_series()
    saver = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "mine.weights.h5"), save_weights_only=True
    )
    clf = FCNClassifier(**SMALL, callbacks=[saver], checkpoint=tmp_path)
    kill_after(2)
    with pytest.raises(Killed):
        clf.fit(X, y)
    with np.load(tmp_path / "fit.npz") as file:
        content = str(file["content"])
    assert content.count("mine.weights.h5") == 1  # in the job, where it is compared
    kill_after(10**9)
    clf.fit(X, y)
    assert (tmp_path / "mine.weights.h5").exists()


def test_the_same_call_goes_on_with_a_random_state_that_was_drawn_from(tmp_path, kill_after):
    X, y = make_series()
    parameters = {key: value for key, value in SMALL.items() if key != "random_state"}
    expected = FCNClassifier(**parameters, random_state=np.random.RandomState(4)).fit(X, y)
    clf = FCNClassifier(**parameters, random_state=np.random.RandomState(4), checkpoint=tmp_path)
    kill_after(3)
    with pytest.raises(Killed):
        clf.fit(X, y)
    kill_after(10**9)
    assert_equal_fits(clf.fit(X, y), expected)


def test_with_given_validation_data_and_weights(tmp_path, kill_after):
    X, y = make_series()
    X_held, y_held = make_series(n_samples=10, seed=7)
    weights = np.linspace(0.5, 2.0, len(X))

    def fit(clf):
        return clf.fit(X, y, weights, validation_data=(X_held, y_held))

    expected = fit(FCNClassifier(**SMALL))
    clf = FCNClassifier(**SMALL, checkpoint=tmp_path)
    kill_after(7)
    with pytest.raises(Killed):
        fit(clf)
    kill_after(10**9)
    with pytest.raises(ValueError, match="data_beside is"):
        clf.fit(X, y, weights, validation_data=(X_held + 1, y_held))
    assert_equal_fits(fit(clf), expected)


def test_compressed_and_impossible_checkpoints_are_refused(unfinished, tmp_path):
    content, stop = unfinished
    (tmp_path / "fit.npz").write_bytes(content)
    with np.load(tmp_path / "fit.npz") as file:
        arrays = dict(file)
    X, y = make_series()
    clf = FCNClassifier(**SMALL, callbacks=[stop()], checkpoint=tmp_path)
    np.savez_compressed(tmp_path / "fit.npz", **arrays)
    with pytest.raises(ValueError, match="its members are compressed"):
        clf.fit(X, y)
    for name, wrong in [("epoch", 1_000_000), ("batch", -1)]:
        text, n = re.subn(rf'"{name}": \d+,', f'"{name}": {wrong},', str(arrays["content"]))
        assert n == 1
        np.savez(tmp_path / "fit.npz", **{**arrays, "content": np.array(text)})
        with pytest.raises(ValueError, match="does not fit this training"):
            clf.fit(X, y)
    text = str(arrays["content"])
    for wrong, problem in (
        (json.dumps({"format": checkpoint.FORMAT}), "it has no 'job'"),
        ("[" * 100_000, "its JSON is nested too deeply"),
        ("null", "one of its entries is of another kind than expected"),
        (re.sub(r'"seeds": \[\d+', '"seeds": [{"dict": {}}', text), "it has not 3 seeds"),
        ("[" + "0," * 2**20 + "0]", "its JSON holds more than 1,048,576 values"),
    ):
        assert wrong != text
        np.savez(tmp_path / "fit.npz", **{**arrays, "content": np.array(wrong)})
        with pytest.raises(ValueError) as caught:
            clf.fit(X, y)
        assert str(caught.value) == (
            f"{tmp_path}/fit.npz is not a checkpoint, or is damaged ({problem}); delete it to "
            "start again, or give another folder."
        )


def test_a_checkpoint_with_pickled_objects_is_refused(tmp_path):
    X, y = make_series()
    np.savez(tmp_path / "fit.npz", content=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="is not a checkpoint, or is damaged"):
        FCNClassifier(**SMALL, checkpoint=tmp_path).fit(X, y)


def test_a_state_that_does_not_fit_the_network_is_refused(unfinished, tmp_path):
    content, stop = unfinished
    (tmp_path / "fit.npz").write_bytes(content)
    with np.load(tmp_path / "fit.npz") as file:
        arrays = dict(file)
    name = next(name for name, array in arrays.items() if array.ndim == 3)
    arrays[name] = arrays[name][:-1]
    np.savez(tmp_path / "fit.npz", **arrays)
    X, y = make_series()
    with pytest.raises(ValueError, match=r"checkpoint does not fit this training .*delete it"):
        FCNClassifier(**SMALL, callbacks=[stop()], checkpoint=tmp_path).fit(X, y)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    X, y = make_series()
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is not a folder and cannot be made one"):
        FCNClassifier(**SMALL, checkpoint=tmp_path / "file" / "inside").fit(X, y)


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("", "checkpoint '' is not the name of a folder; give a folder's name."),
        (
            "a\0b",
            "checkpoint 'a\\x00b' is not a folder and cannot be made one (it holds a character "
            "that no file name can hold); give another.",
        ),
        (
            "a\ud800b",
            "checkpoint 'a\\ud800b' is not a folder and cannot be made one (it holds a character "
            "that no file name can hold); give another.",
        ),
        (
            "x" * 300,
            f"checkpoint {'x' * 300} is not a folder and cannot be made one (File name too long); "
            "give another.",
        ),
    ],
)
def test_a_folder_without_a_possible_name_is_refused(folder, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = make_series()
    with pytest.raises(ValueError) as caught:
        FCNClassifier(**SMALL, checkpoint=folder).fit(X, y)
    assert str(caught.value) == sentence
    assert os.listdir() == []


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "loop", "holes"])
def test_what_is_no_file_is_refused_and_not_waited_for(kind, tmp_path):
    path = tmp_path / "fit.npz"
    problem = "is not a file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to("fit.npz")
        problem = "is a link that leads back to itself"
    else:
        path.touch()
        os.truncate(path, 2**40)
        problem = "is damaged: it claims to be long and holds next to nothing"
    with pytest.raises((OSError, ValueError)) as caught:
        Checkpoint(tmp_path, "fit", {}, [])
    assert str(caught.value) == (
        f"{path} {problem}; delete it to start again, or give another folder."
    )


def test_a_folder_with_the_name_of_a_half_written_file_stays(tmp_path):
    (tmp_path / ".fit-x.npz").mkdir()
    X, y = make_series()
    FCNClassifier(**SMALL, checkpoint=tmp_path).fit(X, y)
    assert sorted(os.listdir(tmp_path)) == [".fit-x.npz", "fit.npz"]


def test_a_linked_checkpoint_is_written_where_the_link_leads(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "fit.npz").symlink_to(tmp_path / "there.npz")
    for n in (1, 2):
        keeper = Checkpoint(tmp_path / "folder", "fit", {}, [])
        assert keeper.state == (None if n == 1 else {"epoch": 1, "seeds": []})
        keeper.write({"epoch": n})
    assert (tmp_path / "folder" / "fit.npz").is_symlink()
    assert (tmp_path / "there.npz").is_file()


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    folder = tmp_path / "c"
    keeper = Checkpoint(folder, "fit", {}, [])
    keeper.write({"epoch": 1})
    before = (folder / "fit.npz").read_bytes()

    def full(file, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.np, "savez", full)
    with pytest.raises(OSError) as caught:
        keeper.write({"epoch": 2})
    assert str(caught.value) == (
        f"the checkpoint {folder}/fit.npz cannot be written (No space left on device); an old file "
        "of that name is as it was; make room or the folder writable, and call the same method "
        "again."
    )
    assert (folder / "fit.npz").read_bytes() == before
    assert os.listdir(folder) == ["fit.npz"]


def test_writes_are_seldom(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 3600.0)
    keeper, made = Checkpoint(tmp_path, "fit", {}, []), []
    for _ in range(1000):
        keeper.write_if_due(lambda: made.append(1) or {})
    assert not made
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    keeper.write_if_due(lambda: made.append(1) or {})
    assert made == [1]


def test_without_a_folder_nothing_is_written_or_hashed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lstmfcn.fitting.fingerprint", None)
    FCNClassifier(**SMALL).fit(*make_series())
    assert os.listdir(tmp_path) == []


def test_the_state_comes_back_as_it_was(tmp_path):
    state = {
        "a": np.arange(3, dtype=np.float32),
        "b": [1, 2.5, -0.1, "text", None, True, float("inf"), [np.zeros((2, 2))]],
        "c": {"array": 1, "float": 2.0, "dict": {"x": "y"}},
    }
    Checkpoint(tmp_path, "fit", {"x": 1}, [5]).write(state)
    again = Checkpoint(tmp_path, "fit", {"x": 1}, [6])
    np.testing.assert_equal(again.state, {**state, "seeds": [5]})
    assert again.state["a"].dtype == np.float32
    assert zipfile.ZipFile(tmp_path / "fit.npz").testzip() is None


def test_fingerprints_tell_type_shape_order_and_content_apart():
    a = np.arange(6.0)
    others = [a.astype(int), a.reshape(2, 3), a[::-1], a + 1e-12, a[:5]]
    prints = [fingerprint(x) for x in [a, *others]] + [fingerprint(a, a), fingerprint([a, a])]
    assert len(set(prints)) == len(prints)
    big = np.random.RandomState(0).normal(size=(500, 3))
    assert fingerprint(big) == fingerprint(np.asfortranarray(big)) == fingerprint(big.copy())


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from conftest import make_series
from lstmfcn import LSTMFCNClassifier
from lstmfcn.training import checkpoint
checkpoint.SECONDS_BETWEEN, checkpoint.SHARE = 0.0, 0
X, y = make_series()
print("start", flush=True)
LSTMFCNClassifier(**{parameters}, checkpoint={folder!r}).fit(X, y)
print("end", flush=True)
"""


@pytest.mark.soak
def test_kill_minus_nine_at_random_moments(tmp_path):
    """Processes are killed while they train; this one goes on, and ends like one left alone."""
    parameters = {**SMALL, "n_epochs": 200 * min(SOAK, 20)}
    code = SCRIPT.format(
        tests=str(Path(__file__).resolve().parent), parameters=parameters, folder=str(tmp_path)
    )
    generator = random.Random(0)
    for _ in range(max(1, SOAK // 5)):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"start\n"
            before = written(tmp_path)
            while written(tmp_path) == before:
                time.sleep(0.01)
            time.sleep(generator.uniform(0.0, 0.2))
            process.send_signal(signal.SIGKILL)
            assert process.stdout.read() == b""  # killed before its end
    X, y = make_series()
    killed = LSTMFCNClassifier(**parameters, checkpoint=tmp_path).fit(X, y)
    assert_equal_fits(killed, LSTMFCNClassifier(**parameters).fit(X, y))


def written(folder):
    """Return when the checkpoint was written, in nanoseconds; 0 if there is none."""
    path = folder / "fit.npz"
    return path.stat().st_mtime_ns if path.exists() else 0
