"""Does a saved or pickled classifier come back equal, and is every crafted file refused?"""

import copy
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import make_series, make_unequal

import lstmfcn
from lstmfcn import ALSTMFCNClassifier, FCNClassifier, LSTMFCNClassifier

TINY = {
    "n_filters": (4,),
    "kernel_sizes": (3,),
    "n_epochs": 1,
    "batch_size": 16,
    "random_state": 0,
}
TWO_BLOCKS = {**TINY, "n_filters": (4, 4), "kernel_sizes": (3, 2)}


def _cases():
    """Return (classifier, X, y) by name: what a file must be able to hold."""
    X, y = make_series(12, n_timepoints=10)
    multivariate = make_series(12, n_channels=3, n_timepoints=10, n_classes=3)
    frame = pd.DataFrame(X[:, 0], columns=[f"t{i}" for i in range(10)])
    numbers = np.arange(12) % 2
    by_class = {"class 0": 1, "class 1": np.float64(2)}
    return {
        "lstmfcn strings": (LSTMFCNClassifier(2, **TINY), X, y),
        "alstmfcn int": (ALSTMFCNClassifier(2, **TINY), X, numbers.astype(np.int16) - 7),
        "alstmfcn paper": (ALSTMFCNClassifier(2, attention="paper", **TINY), X, y),
        "fcn bool": (FCNClassifier(**TINY), X, numbers > 0),
        "fcn object": (FCNClassifier(**TINY), X, y.astype(object)),
        "fcn class_weight": (FCNClassifier(**TINY, class_weight=by_class), X, y),
        "fcn data frame": (FCNClassifier(**TINY), frame, y),
        "fcn ndarray": (
            FCNClassifier(**{**TINY, "n_filters": np.array([4])}),
            X,
            numbers.astype(float),
        ),
        "candidates": (LSTMFCNClassifier([1, np.int64(2)], **TINY), X, y),
        "unequal pad": (ALSTMFCNClassifier(2, **TINY), *make_unequal(n_samples=12)),
        "unequal resample": (
            FCNClassifier(**TINY, unequal_length="resample"),
            *make_unequal(n_samples=12, n_channels=2),
        ),
        "squeeze excite": (
            LSTMFCNClassifier(2, **TWO_BLOCKS, squeeze_excite=True, normalization="series"),
            *multivariate,
        ),
    }


NAMES = list(_cases())


@pytest.fixture(scope="module")
def fitted():
    """Fitted classifiers and their series, by name."""
    return {name: (clf.fit(X, y), X) for name, (clf, X, y) in _cases().items()}


@pytest.fixture(scope="module")
def classifier(fitted):
    return fitted["lstmfcn strings"]


@pytest.fixture(scope="module")
def saved(classifier, tmp_path_factory):
    """Bytes of a sound file."""
    path = tmp_path_factory.mktemp("saved") / "model.lstmfcn"
    classifier[0].save(path)
    return path.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_save_and_pickle_give_equal_classifiers(fitted, name, tmp_path):
    before, X = fitted[name]
    before.save(tmp_path / "once")
    loaded = lstmfcn.load(tmp_path / "once")
    loaded.save(tmp_path / "twice")
    expected = before.predict_proba(X)
    for again in (
        loaded,
        lstmfcn.load(str(tmp_path / "twice")),
        pickle.loads(pickle.dumps(before)),
    ):
        assert type(again) is type(before)
        np.testing.assert_array_equal(again.predict_proba(X), expected, strict=True)
        np.testing.assert_array_equal(again.predict(X), before.predict(X), strict=True)
        assert again.history_ == before.history_
        for key in ("n_features_in_", "n_timepoints_in_", "n_channels_in_", "unequal_length_in_"):
            assert getattr(again, key) == getattr(before, key)
        assert again.get_params().keys() == before.get_params().keys()
    assert _members(tmp_path / "once") == _members(tmp_path / "twice")


def test_feature_names_survive(fitted, tmp_path):
    before, X = fitted["fcn data frame"]
    before.save(tmp_path / "file")
    again = lstmfcn.load(tmp_path / "file")
    np.testing.assert_array_equal(again.feature_names_in_, before.feature_names_in_, strict=True)
    with pytest.raises(ValueError, match="feature names should match"):
        again.predict(X.rename(columns={"t0": "other"}))


def test_loaded_classifier_trains_on_as_the_saved_one(classifier, tmp_path):
    before, X = classifier
    before.save(tmp_path / "file")
    y = before.predict(X)
    twins = [lstmfcn.load(tmp_path / "file"), pickle.loads(pickle.dumps(before))]
    first, second = (twin.fine_tune(X, y, n_iterations=1, n_epochs=1) for twin in twins)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert (first.predict_proba(X) != before.predict_proba(X)).any()


OTHER_PROCESS = """
import pickle, sys
import numpy as np
import lstmfcn
folder = sys.argv[1]
for name in ("lstmfcn", "alstmfcn", "unequal"):
    with open(f"{folder}/{name}.pickle", "rb") as file:
        unpickled, X = pickle.load(file)
    loaded = lstmfcn.load(f"{folder}/{name}.lstmfcn")
    np.savez(f"{folder}/{name}.npz", unpickled.predict_proba(X), loaded.predict_proba(X))
"""


def test_another_process_gives_equal_probabilities(fitted, tmp_path):
    cases = {"lstmfcn": "squeeze excite", "alstmfcn": "alstmfcn int", "unequal": "unequal pad"}
    for name, case in cases.items():
        fitted[case][0].save(tmp_path / f"{name}.lstmfcn")
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(fitted[case]))
    subprocess.run([sys.executable, "-c", OTHER_PROCESS, str(tmp_path)], check=True)
    for name, case in cases.items():
        clf, X = fitted[case]
        with np.load(tmp_path / f"{name}.npz") as there:
            for key in there:
                np.testing.assert_array_equal(there[key], clf.predict_proba(X), strict=True)


def test_failing_save_leaves_the_old_file(classifier, tmp_path, monkeypatch):
    clf, _ = classifier
    path = tmp_path / "model.lstmfcn"
    path.write_bytes(b"old")

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match="no space left on device"):
        clf.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.lstmfcn"]
    assert path.read_bytes() == b"old"


def test_save_leaves_one_file_and_the_classifier_as_it_was(classifier, tmp_path):
    clf, _ = classifier
    before = dict(vars(clf))
    clf.save(tmp_path / "model.lstmfcn")
    assert [file.name for file in tmp_path.iterdir()] == ["model.lstmfcn"]
    assert vars(clf).keys() == before.keys()
    assert all(vars(clf)[key] is value for key, value in before.items())


def test_save_refuses_a_missing_folder(classifier, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; create it first"):
        classifier[0].save(tmp_path / "nowhere" / "model.lstmfcn")


def test_save_refuses_a_subclass(tmp_path):
    class Mine(FCNClassifier):
        pass

    X, y = make_series(8, n_timepoints=10)
    with pytest.raises(TypeError, match="can be saved, not Mine; use pickle for subclasses"):
        Mine(**TINY).fit(X, y).save(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none; pass a file written by"):
        lstmfcn.load(tmp_path / "none")


def test_folder(tmp_path):
    with pytest.raises(ValueError, match="is not a file; pass a file written by"):
        lstmfcn.load(tmp_path)


class _Payload:
    """Its unpickling would leave a trace."""

    def __reduce__(self):
        return exec, ("import builtins; builtins.attacked = True",)


def _npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip(members, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def _refused(tmp_path, content, match):
    path = tmp_path / "crafted.lstmfcn"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match) as caught:
        lstmfcn.load(path)
    assert len(str(caught.value)) < 1000


CONTAINERS = {
    "empty": (b"", "is not a classifier file, or is damaged"),
    "text": (b"hello", "is not a classifier file, or is damaged"),
    "pickle": (pickle.dumps(_Payload()), "is not a classifier file, or is damaged"),
    "empty zip": (_zip([]), r"it holds \[\], not"),
    "npz of objects": (_npz(a=np.array([_Payload()], object)), "it holds .*a.npy"),
    "keras archive": (
        _zip([("config.json", '{"class_name": "Lambda"}'), ("model.weights.h5", b"")]),
        "it holds .*config.json",
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_foreign_file_is_refused_and_not_executed(name, tmp_path):
    import builtins

    content, match = CONTAINERS[name]
    _refused(tmp_path, content, match)
    assert not hasattr(builtins, "attacked")


@pytest.mark.parametrize(
    "name", ["../escaped", "/tmp/escaped", "weights.npz", "a/../weights.f32", "Weights.f32"]
)
def test_other_members_are_refused(saved, tmp_path, name):
    members = list(_members(io.BytesIO(saved)).items())
    _refused(tmp_path, _zip([*members, (name, b"x")]), "it holds")
    _refused(tmp_path, _zip([members[0], (name, members[1][1])]), "it holds")
    assert [file.name for file in tmp_path.iterdir()] == ["crafted.lstmfcn"]
    assert not (tmp_path.parent / "escaped").exists()


def test_zip_bomb_is_refused_unread(saved, tmp_path):
    members = _members(io.BytesIO(saved))
    bomb = [("classifier.json", members["classifier.json"]), ("weights.f32", bytes(2**28))]
    packed = _zip(bomb, zipfile.ZIP_DEFLATED)
    assert len(packed) < 2**20
    _refused(tmp_path, packed, "its members are compressed")


def test_truncated_file_is_refused(saved, tmp_path):
    for length in np.linspace(0, len(saved) - 1, 30).astype(int):
        _refused(tmp_path, saved[:length], "is not a classifier file, or is damaged")


def test_flipped_byte_is_refused_or_harmless(classifier, saved, tmp_path, monkeypatch):
    clf, X = classifier
    expected = clf.predict_proba(X)
    start = saved.index(b"weights.f32") + len(b"weights.f32")
    end = saved.index(b"PK\x01\x02")
    path = tmp_path / "flipped.lstmfcn"
    rng = np.random.RandomState(0)
    places = {*range(start), *range(end, len(saved)), *rng.randint(start, end, 100).tolist()}
    harmless = []
    for place in sorted(places)[:: max(1, len(places) // 120)]:
        damaged = bytearray(saved)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            again = lstmfcn.load(path)
        except ValueError as error:
            assert str(path) in str(error)
            assert not start <= place < end or "CRC-32" in str(error)
            continue
        harmless.append(place)  # a date or another field that nobody reads
        assert not start <= place < end
        np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert len(harmless) < 30


def _changed(saved, path, value):
    """Return the file with one entry of its JSON replaced."""
    members = _members(io.BytesIO(saved))
    content = json.loads(members["classifier.json"])
    place = content
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    members["classifier.json"] = json.dumps(content)
    return _zip(members.items())


CONTENTS = [
    (["format"], 2, "use the version of lstmfcn that wrote it"),
    (["class"], "os.system", "is none of"),
    (["class"], "TimeSeriesClassifier", "is none of"),
    (["class"], "FCNClassifier", "does not describe a classifier"),
    (["class"], ["FCNClassifier"], "does not describe a classifier"),
    (["classes"], KeyError, "it has no 'classes'"),
    (["parameters", "n_cells"], -1, "'n_cells' parameter"),
    (["parameters", "callbacks"], ["os"], "which are never written"),
    (["parameters", "random_state"], "x", "'random_state' parameter"),
    (["parameters", "evil"], 1, "LSTMFCNClassifier has no parameter 'evil'"),
    (["parameters"], [], "does not describe a classifier"),
    (["architecture", "n_filters"], [4096], "weights, but the file holds"),
    (["architecture", "n_filters"], [4] * 10_000, "is not a sequence of 1 to 64 whole numbers"),
    (["architecture", "n_filters"], [10**30], "is not a sequence of 1 to 64 whole numbers"),
    (["architecture", "kernel_sizes"], [10**9], "is not a sequence of 1 to 64 whole numbers"),
    (["architecture", "views"], ["values", "values"], "is not a sequence out of 'values'"),
    (["architecture", "views"], ["values"], "weights, but the file holds"),
    (["architecture", "views"], "values", "'views' parameter"),
    (["architecture", "n_cells"], 10**12, "'n_cells' parameter"),
    (["architecture", "n_cells"], [2, 2], "must be a whole number"),
    (["architecture", "n_timepoints"], 10**12, "in one place and 10 in another"),
    (["architecture", "n_timepoints"], 10.0, "in one place and 10 in another"),
    (["architecture", "n_classes"], 3, "in one place and 2 in another"),
    (["architecture", "masked"], 1, "in one place and False in another"),
    (["architecture", "seed"], 2**70, "must be a whole number from 0"),
    (["architecture", "seed"], -1, "must be a whole number"),
    (["architecture", "dropout"], "0.5", "'dropout' parameter"),
    (["architecture", "recurrent_activation"], "lambda x: x", "'recurrent_activation' parameter"),
    (["architecture", "layer"], "Lambda", "LSTMFCNClassifier has no parameter 'layer'"),
    (["architecture"], "Lambda", "does not describe a classifier"),
    (["reader", "n_timepoints"], 2**40, "n_timepoints=1099511627776 must be a whole number from"),
    (["reader", "n_channels"], "1", "does not fit its series"),
    (["reader", "n_channels"], 2, "does not fit its series"),
    (["reader", "unequal_length"], "cut", "is not possible"),
    (["reader", "code"], 1, "one of its entries is of another kind than expected"),
    (["history_"], {"loss": ["a"]}, "is not a list of numbers"),
    (["history_"], [1], "does not describe a classifier"),
    (["feature_names"], {"a": 1}, "feature names are not a list of strings"),
    (["reader", "normalizer", "mean"], [0.0, 0.0], "does not fit its series"),
    (["reader", "normalizer", "scale"], [0.0], "does not fit its series"),
    (["reader", "normalizer", "scale"], [float("nan")], "does not fit its series"),
    (["reader", "normalizer", "kind"], "code", "does not fit its series"),
    (["reader", "normalizer", "scale"], [10**400], "does not fit its series"),
    (["reader", "normalizer", "scale"], [True], "does not fit its series"),
    (["architecture", "rocket"], 0, "weights, but the file holds"),
    (["architecture", "rocket"], True, "rocket=True must be a whole number"),
    (["architecture", "rocket"], 2**40, "rocket=1099511627776 must be a whole number"),
    (["reading"], {"window": "many"}, "its reading has 'window'"),
    (["reading"], {"drop": [1]}, "its reading has 'drop'"),
    (["reader", "normalizer", "scale"], 1.0, "one of its entries is of another kind than expected"),
    (["history_"], {"loss": {}}, "is not a list of numbers"),
    (["batch_size_"], 2**70, "batch_size_=1180591620717411303424 must be a whole number"),
    (["classes"], {"dtype": "|i1", "values": [1, 300]}, "its class labels are not "),
    (["classes"], ["class 0"], "one of its entries is of another kind than expected"),
    (["format"], "9" * 10_000, "is not format 9; use the version of lstmfcn that wrote it"),
    (["classes", "dtype"], "V8", "are not possible"),
    (["classes", "dtype"], "(1000000,1000000)f8", "are not possible"),
    (["classes", "dtype"], "<f8", "does not describe a classifier"),
    (["classes"], {"dtype": "U999999", "values": ["class 0"] * 10}, "are too many"),
    (["classes", "values"], ["class 1", "class 0"], "not sorted"),
    (["classes", "values"], ["class 0", "class 0"], "not sorted"),
    (["classes", "values"], ["class 0"], "not sorted"),
    (["classes", "values"], ["class 0", {}], "are numbers, strings or booleans"),
]


@pytest.mark.parametrize(("path", "value", "match"), CONTENTS)
def test_crafted_content_is_refused(saved, tmp_path, path, value, match):
    _refused(tmp_path, _changed(saved, path, value), match)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"[", "is damaged"),
        (b"[]", "does not describe"),
        (b"null", "does not describe"),
        (b"{}", "it has no 'format'"),
        (b'{"format": ' + b"9" * 5000 + b"}", "its JSON holds an integer of thousands of digits"),
        (b"[" * 100_000, "its JSON is nested too deeply"),
        (b"\xff", "its JSON is not UTF-8 text"),
        (b'{"format": 4,\n}', "it is no JSON from line 2, column 1 on"),
        (b"[" + b"[]," * 2**20 + b"[]]", "its JSON holds more than 1,048,576 values"),
    ],
)
def test_crafted_json_is_refused(saved, tmp_path, text, match):
    members = {**_members(io.BytesIO(saved)), "classifier.json": text}
    _refused(tmp_path, _zip(members.items()), match)


def test_huge_json_is_refused_unread(saved, tmp_path):
    members = {**_members(io.BytesIO(saved)), "classifier.json": b" " * (2**25 + 1)}
    _refused(tmp_path, _zip(members.items()), "its JSON takes more than 33,554,432 bytes")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda weights: b"", "weights, but the file holds 0"),
        (lambda weights: weights[:-4], "weights, but the file holds"),
        (lambda weights: weights[:-1], "is damaged"),
        (lambda weights: weights * 2, "weights, but the file holds"),
        (lambda weights: pickle.dumps(_Payload()) + bytes(4), "damaged|the file holds"),
        (lambda weights: np.float32(np.nan).tobytes() + weights[4:], "contain NaN or infinity"),
    ],
)
def test_crafted_weights_are_refused(saved, tmp_path, change, match):
    members = _members(io.BytesIO(saved))
    members["weights.f32"] = change(members["weights.f32"])
    _refused(tmp_path, _zip(members.items()), match)


def test_weights_that_no_training_leaves_are_refused(classifier, saved, tmp_path):
    clf, _ = classifier
    members = _members(io.BytesIO(saved))
    names = [variable.path for variable in clf.model_.weights]
    for name, value, match in (
        ("norm_1/moving_variance", -1e-4, "norm_1/moving_variance are variances below 0"),
        ("conv_1/kernel", 3e38, "the answer to a plausible series is NaN"),
        ("logits/kernel", 3e38, "the answer to a plausible series is NaN"),
    ):
        weights = clf.model_.get_weights()
        weights[names.index(name)][:] = value
        packed = b"".join(array.astype("<f4").tobytes() for array in weights)
        _refused(tmp_path, _zip({**members, "weights.f32": packed}.items()), match)


def test_weights_for_long_series_are_tried_on_short_ones(tmp_path):
    X, y = make_series(8, n_timepoints=100)
    clf = FCNClassifier(**TINY).fit(X, y)
    clf.save(tmp_path / "file")
    expected = clf.predict_proba(X)
    np.testing.assert_array_equal(lstmfcn.load(tmp_path / "file").predict_proba(X), expected)
    kernel = clf.model_.get_layer("conv_1").kernel
    kernel.assign(0.0 * kernel + 3e38)
    clf.save(tmp_path / "file")
    with pytest.raises(ValueError, match="the answer to a plausible series is NaN"):
        lstmfcn.load(tmp_path / "file")


@pytest.mark.parametrize(("n_timepoints", "n_filters"), [(2**22 + 1, 4), (2**20, 2048)])
def test_series_that_no_machine_trains_on_are_refused(tmp_path, n_timepoints, n_filters):
    X, y = make_series(8, n_timepoints=10)
    clf = FCNClassifier(n_filters=(n_filters,), kernel_sizes=(1,), n_epochs=1).fit(X, y)
    clf.save(tmp_path / "file")
    clf.network_.architecture["n_timepoints"] = n_timepoints
    sentence = (
        f"series of {n_timepoints:,} timepoints in a network that is {2 * n_filters:,} wide are "
        "too long for a file of lstmfcn; shorten the series"
    )
    with pytest.raises(ValueError, match=sentence):
        clf.save(tmp_path / "other")
    content = _changed((tmp_path / "file").read_bytes(), ["reader", "n_timepoints"], n_timepoints)
    content = _changed(content, ["architecture", "n_timepoints"], n_timepoints)
    _refused(tmp_path, content, sentence)


def test_what_load_would_not_read_is_not_saved(tmp_path):
    X, y = make_series(8, n_timepoints=10)
    clf = FCNClassifier(**TINY).fit(X, y)
    clf.history_["loss"] = [0.5] * (2**20 + 1)
    with pytest.raises(ValueError) as caught:
        clf.save(tmp_path / "file")
    assert str(caught.value) == (
        "load would not read this classifier's file: its JSON holds more than 1,048,576 values; "
        "empty history_, or use pickle."
    )
    assert list(tmp_path.iterdir()) == []


def test_parameters_that_load_would_refuse_are_not_saved(classifier, tmp_path):
    clf = copy.copy(classifier[0]).set_params(n_steps=-3)
    with pytest.raises(ValueError, match="The 'n_steps' parameter of LSTMFCNClassifier must be"):
        clf.save(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_holes_is_refused_unread(saved, tmp_path):
    path = tmp_path / "hollow.lstmfcn"
    path.write_bytes(saved)
    os.truncate(path, 2**40)
    with pytest.raises(ValueError) as caught:
        lstmfcn.load(path)
    assert str(caught.value) == (
        f"{path} is damaged: it claims to be long and holds next to nothing; pass a file written "
        "by classifier.save(path)."
    )


def test_a_zip_of_very_many_members_is_refused_unread(tmp_path):
    names = ["fusion.json", *(f"{i}.f32" for i in range(20_000))]
    _refused(tmp_path, _zip([(name, b"") for name in names]), "its list of members is too long")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for path, problem in (
        (tmp_path / "pipe", "is not a file"),
        ("/dev/zero", "is not a file"),
        (tmp_path / "loop", "is a link that leads back to itself"),
    ):
        with pytest.raises((OSError, ValueError)) as caught:
            lstmfcn.load(path)
        assert str(caught.value) == (
            f"{path} {problem}; pass a file written by classifier.save(path)."
        )


def test_exhausted_memory_is_a_sentence(classifier, tmp_path, monkeypatch):
    classifier[0].save(tmp_path / "file")

    def exhausted(*_):
        raise MemoryError

    for place in ("model_file.decode_json", "restoring.check_parameters"):
        with monkeypatch.context() as patch:
            patch.setattr(f"lstmfcn.{place}", exhausted)
            with pytest.raises(MemoryError, match="memory does not suffice to load"):
                lstmfcn.load(tmp_path / "file")
