"""Does a feature store find, check and read clips, and say all that is wrong at once?"""

import io
import os
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from conftest import real_data
from numpy.testing import assert_array_equal

from lstmfcn.emotion import FeatureError, FeatureSet, FeatureStore

FRAMES = np.array([[0.5, -1.0], [2.0, 0.25], [3.0, 4.0]])
EXPECTED = "expected whole or floating-point numbers of shape (T, D) or (D,)"


@pytest.fixture
def folder(tmp_path):
    """An empty feature set."""
    path = tmp_path / "data" / "hubert_FRA"
    path.mkdir(parents=True)
    return path


def fill(folder, **clips):
    """Write clips, arrays or bytes, into a feature set."""
    for name, content in clips.items():
        path = folder / f"{name}.npy"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content, allow_pickle=np.asarray(content).dtype == object)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def with_header(text, values=b""):
    """Return a .npy of format 1.0 with any header."""
    data = text.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data + values


def problem(folder, name="bad"):
    """Return what is wrong with one clip."""
    with pytest.raises(FeatureError) as raised:
        FeatureSet(folder).read(name)
    assert list(raised.value.problems) == [name]
    assert raised.value.problems[name] in str(raised.value)
    return raised.value.problems[name]


# Finding feature sets


@pytest.mark.parametrize("ending", ["_UTT", "-UTT", "_FRA", "-FRA"])
def test_the_four_endings_are_found(tmp_path, ending):
    (tmp_path / f"eGeMAPS{ending}").mkdir()
    (tmp_path / "other_FRA").mkdir()
    store = FeatureStore(tmp_path)
    level = "utterance" if ending.endswith("UTT") else "frame"
    for found in (
        store.feature_set("eGeMAPS"),
        store.feature_set(f"eGeMAPS{ending}"),
        store.feature_set(f"eGeMAPS_{ending[1:]}"),
        store.feature_set(f"eGeMAPS-{ending[1:]}"),
        store.feature_set("eGeMAPS", level),
    ):
        assert (found.name, found.level) == (f"eGeMAPS{ending}", level)
    other = "frame" if level == "utterance" else "utterance"
    with pytest.raises(FileNotFoundError, match=f"no feature set 'eGeMAPS' of level '{other}'"):
        store.feature_set("eGeMAPS", other)


def test_two_levels_need_a_choice_and_the_underscore_comes_first(tmp_path):
    for name in ("x_UTT", "x-FRA", "y-UTT", "y_UTT", "plain"):
        (tmp_path / name).mkdir()
    store = FeatureStore(tmp_path)
    assert store.feature_sets == ["plain", "x-FRA", "x_UTT", "y-UTT", "y_UTT"]
    with pytest.raises(ValueError) as raised:
        store.feature_set("x")
    assert str(raised.value) == ("'x' is there as x_UTT and x-FRA; pass one of these names.")
    assert store.feature_set("x", "utterance").name == "x_UTT"
    assert store.feature_set("x", "frame").name == "x-FRA"
    assert store.feature_set("y").name == "y_UTT"
    assert store.feature_set("y-UTT").name == "y-UTT"
    assert store.feature_set("plain").level is None


def test_the_root_may_hold_a_folder_of_features(tmp_path):
    (tmp_path / "features" / "x_FRA").mkdir(parents=True)
    assert FeatureStore(tmp_path).feature_sets == ["x_FRA"]
    assert FeatureStore(str(tmp_path / "features")).feature_sets == ["x_FRA"]


def test_sentences_about_roots_and_names(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone does not exist; expected a folder of"):
        FeatureStore(tmp_path / "gone")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="file is a file; expected a folder of"):
        FeatureStore(tmp_path / "file")
    store = FeatureStore(tmp_path)
    with pytest.raises(FileNotFoundError, match="expected folders such as x_FRA"):
        store.feature_set("x")
    (tmp_path / "a_FRA").mkdir()
    with pytest.raises(FileNotFoundError) as raised:
        store.feature_set("x")
    assert str(raised.value) == f"there is no feature set 'x' in {tmp_path}; expected one of a_FRA."
    for level in ("frames", 1):
        with pytest.raises(ValueError, match=f"level={level!r} is unknown; choose one of 'utter"):
            store.feature_set("a", level)
    with pytest.raises(ValueError, match="n_threads=0 must be a whole number of at least 1"):
        FeatureStore(tmp_path, n_threads=0)


# Reading


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_floats_become_float32(folder, dtype, order):
    fill(folder, a=np.asarray(FRAMES.astype(dtype), order=order))
    frames = FeatureSet(folder).read("a")
    assert frames.dtype == np.float32 and frames.dtype.isnative
    assert_array_equal(frames, FRAMES)


@pytest.mark.parametrize(
    "stored, expected",
    [
        ((4,), (1, 4)),
        ((1, 4), (1, 4)),
        ((3, 4), (3, 4)),
        ((1, 3, 4), (3, 4)),
        ((3, 1, 4), (3, 4)),
        ((3, 4, 1, 1), (3, 4)),
        ((1, 1, 4), (1, 4)),
        ((5, 1), (5, 1)),  # five frames of one feature, which MERTools squeezes to one frame
        ((1,), (1, 1)),
    ],
)
def test_shapes(folder, stored, expected):
    values = np.arange(np.prod(stored), dtype=float).reshape(stored)
    fill(folder, a=values)
    frames = FeatureSet(folder).read("a")
    assert_array_equal(frames, values.reshape(expected))


def test_a_folder_of_frames_in_the_order_of_time(folder):
    for clip, names in {
        "padded": [f"frame_det_00_{i:06d}" for i in range(12)],
        "counted": [f"{i}" for i in range(12)],
    }.items():
        (folder / clip).mkdir()
        for i, name in enumerate(names):
            np.save(folder / clip / f"{name}.npy", np.full((2,) if i % 2 else (1, 2), i, "f2"))
        (folder / clip / "notes.txt").write_text("not a frame")
    features = FeatureSet(folder)
    for clip in features.clips:
        assert_array_equal(features.read(clip)[:, 0], np.arange(12))
    assert features.describe().n_frames == (12, 12, 12)


def test_a_file_wins_over_a_folder_and_other_entries_are_no_clips(folder):
    fill(folder, a=FRAMES)
    (folder / "a").mkdir()
    (folder / "README.txt").write_text("")
    (folder / "._a.npy").write_bytes(b"left by a Mac")
    (folder / ".cache").mkdir()
    features = FeatureSet(folder)
    assert features.clips == ("a",) and len(features) == 1 and "a" in features
    assert_array_equal(features.read("a"), FRAMES)


def test_sequences_are_lazy_and_in_order(folder):
    fill(folder, **{f"c{i}": np.full((i + 1, 2), i) * 1.0 for i in range(40)})
    names = [f"c{i}" for i in reversed(range(40))]
    sequences = FeatureStore(folder.parent, n_threads=3).feature_set("hubert").sequences(names)
    assert len(sequences) == 40 and sequences.names == tuple(names)
    assert [len(frames) for frames in sequences] == list(range(40, 0, -1))
    assert_array_equal(sequences[-1], [[0, 0]])
    assert sequences[2:4].names == ("c37", "c36")
    assert sequences[np.array([0, 39])].names == ("c39", "c0")
    assert sequences[np.arange(40) == 5].names == ("c34",)
    assert [len(frames) for frames in sequences[[39, 39]].load()] == [1, 1]
    # One that is read only when asked for: what changes on disk in between is seen.
    fill(folder, c0=FRAMES)
    assert len(sequences[39]) == 3
    with pytest.raises(IndexError):
        sequences[40]


def test_sequences_can_be_pickled_for_processes(folder):
    fill(folder, a=FRAMES)
    again = pickle.loads(pickle.dumps(FeatureSet(folder).sequences()))
    assert_array_equal(again[0], FRAMES)


def test_few_sequences_are_in_memory_at_a_time(folder):
    n_bytes = 200 * 64 * 4
    fill(folder, **{f"c{i:03d}": np.ones((200, 64), np.float32) for i in range(150)})
    sequences = FeatureStore(folder.parent, n_threads=2).feature_set("hubert").sequences()
    assert len(next(iter(sequences))) == 200
    tracemalloc.start()
    n_frames = sum(len(frames) for frames in sequences)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_frames == 150 * 200
    assert peak < 30 * n_bytes  # of 150


def test_iteration_may_be_left(folder):
    fill(folder, **{f"c{i}": FRAMES for i in range(50)})
    for frames in FeatureSet(folder).sequences():
        assert_array_equal(frames, FRAMES)
        break


def test_listing_many_clips_opens_none(folder):
    (folder / "c0.npy").write_bytes(b"not even an array")
    for i in range(1, 20_000):
        os.link(folder / "c0.npy", folder / f"c{i}.npy")
    tracemalloc.start()
    features = FeatureStore(folder.parent).feature_set("hubert")
    assert len(features.clips) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 2**20  # 3 MB


# Missing clips


def test_missing_clips(folder):
    fill(folder, a=FRAMES, c=FRAMES)
    (folder / "empty").mkdir()
    features, asked = FeatureSet(folder), ["a", "b", "c", "empty"]
    with pytest.raises(FeatureError) as raised:
        features.sequences(asked)
    assert str(raised.value) == (
        "2 of 4 clips of hubert_FRA cannot be used; pass on_missing='drop' to leave out clips "
        "without features:\n"
        "  there is neither a file b.npy nor a folder b\n"
        "  the folder empty holds no .npy file"
    )
    assert list(raised.value.problems) == ["b", "empty"]
    assert features.sequences(asked, on_missing="drop").names == ("a", "c")
    zeros = features.sequences(asked, on_missing="zeros")
    assert zeros.names == tuple(asked)
    assert_array_equal(zeros[1], [[0, 0]])
    assert [frames.shape for frames in zeros] == [(3, 2), (1, 2), (3, 2), (1, 2)]
    assert [frames.shape for frames in zeros[[1]]] == [(1, 2)]


def test_zero_clips_left(folder):
    sentence = (
        "no clip is left to read from hubert_FRA, which has 0 clips; check that the names in the "
        "labels are the names of the files."
    )
    for clips, on_missing in ((["a"], "drop"), ([], "error"), (None, "error")):
        with pytest.raises(ValueError) as raised:
            FeatureSet(folder).sequences(clips, on_missing=on_missing)
        assert str(raised.value) == sentence
    with pytest.raises(ValueError, match="no clip to tell the number of features from"):
        FeatureSet(folder).sequences(["a"], on_missing="zeros")
    with pytest.raises(ValueError, match="on_missing='skip' is unknown"):
        FeatureSet(folder).sequences(["a"], on_missing="skip")
    with pytest.raises(TypeError, match="clips is the text 'abc'; pass a sequence of names"):
        FeatureSet(folder).sequences("abc")


# Hostile files


@pytest.mark.parametrize("dtype", ["int64", "<i2", ">i4", "u1"])
def test_whole_numbers_are_features(folder, dtype):
    fill(folder, a=np.array([[1, 2], [3, 250]]).astype(dtype))
    frames = FeatureSet(folder).read("a")
    assert frames.dtype == np.float32 and frames[:, 0].tolist() == [1, 3]


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"", "bad.npy is empty; expected an array that numpy.save wrote"),
        (b"text", "bad.npy is no .npy file; expected an array that numpy.save wrote"),
        (b"PK\x03\x04", "bad.npy is no .npy file; expected an array that numpy.save wrote"),
        (
            np.array([[1], [1, 2]], dtype=object),
            f"bad.npy holds Python objects, which are never unpickled; {EXPECTED}",
        ),
        (np.ones((3, 2), complex), f"bad.npy holds values of type complex128; {EXPECTED}"),
        (np.array(["a"]), f"bad.npy holds values of type <U1; {EXPECTED}"),
        (np.float32(1), f"bad.npy has the shape (); {EXPECTED}"),
        (np.ones((2, 3, 2)), f"bad.npy has the shape (2, 3, 2); {EXPECTED}"),
        (np.ones((0, 2)), f"bad.npy is an empty array, of shape (0, 2); {EXPECTED}, T and D >= 1"),
        (np.ones(0), f"bad.npy is an empty array, of shape (0,); {EXPECTED}, T and D >= 1"),
        (np.array([[1, 2], [1, np.nan]]), "bad.npy holds NaN in frame 1, feature 1"),
        (np.array([[1, -np.inf]], "f2"), "bad.npy holds infinity in frame 0, feature 1"),
        (
            np.array([[1e300, 1]]),
            "bad.npy holds the value 1e+300, too large for float32, in frame 0, feature 0",
        ),
        (np.ones((3, 4)), "bad.npy has 4 features per frame; most clips have 2"),
        (
            npy(FRAMES)[:-5],
            "bad.npy is cut off: it has 43 bytes of values where its header promises 48",
        ),
        (
            npy(FRAMES) * 2,
            "bad.npy is damaged: it has 224 bytes of values where its header promises 48",
        ),
        (
            with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 2)}"),
            "bad.npy is cut off: it has 0 bytes of values where its header promises 8000000000000",
        ),
    ],
)
def test_sentences_about_files(folder, content, sentence):
    fill(folder, a=FRAMES, b=FRAMES, c=FRAMES, bad=content)
    assert problem(folder) == sentence


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{",
        "(" * 5000,
        "[" * 9999,
        "__import__('os').system('true')",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 'no'}",
        "{'descr': '<f4', 'fortran_order': 7, 'shape': (1, 2)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': {}, 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': '<f4'}",
    ],
)
def test_hostile_headers(folder, header):
    fill(folder, a=FRAMES, bad=with_header(header, b"\0" * 8))
    assert problem(folder).startswith("bad.npy ")


def test_any_cut_and_any_changed_byte_is_a_sentence_or_numbers(folder):
    whole = npy(FRAMES)
    fill(folder, a=FRAMES)
    for n_bytes in range(len(whole)):
        fill(folder, bad=whole[:n_bytes])
        assert problem(folder).startswith("bad.npy is ")
    generator = np.random.RandomState(0)
    for _ in range(300):
        data = bytearray(whole)
        data[generator.randint(128)] = generator.randint(256)
        fill(folder, bad=bytes(data))
        try:
            assert FeatureSet(folder).read("bad").dtype == np.float32
        except FeatureError as error:
            assert "bad.npy" in str(error)


def test_a_longer_header_than_numpy_parses(folder):
    long = b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little")
    fill(folder, a=FRAMES, bad=long)
    assert problem(folder) == "bad.npy is damaged: its header is none that numpy.save writes"


def test_nothing_is_unpickled(folder, tmp_path):
    marker = tmp_path / "was-run"

    class Touch:
        def __reduce__(self):
            return os.system, (f"touch {marker}",)

    fill(folder, a=FRAMES, bad=np.array([Touch()], dtype=object))
    (folder / "worse.npy").write_bytes(pickle.dumps(Touch()))
    assert "never unpickled" in problem(folder)
    assert problem(folder, "worse").startswith("worse.npy is no .npy file")
    assert FeatureSet(folder).describe().problems.keys() == {"bad", "worse"}
    assert not marker.exists()


@pytest.mark.parametrize(
    "frames, sentence",
    [
        ([np.ones(2), np.ones((2, 2))], "bad/1.npy holds 2 frames; expected one, of shape (D,)"),
        ([np.ones(2), np.ones(3)], "bad/1.npy has 3 features per frame; most clips have 2"),
        ([np.ones(2), np.array([1, np.nan])], "bad/1.npy holds NaN in frame 0, feature 1"),
        ([], "the folder bad holds no .npy file"),
    ],
)
def test_sentences_about_folders_of_frames(folder, frames, sentence):
    fill(folder, a=FRAMES, b=FRAMES)
    (folder / "bad").mkdir()
    for i, frame in enumerate(frames):
        np.save(folder / "bad" / f"{i}.npy", frame)
    assert problem(folder) == sentence


def test_a_pipe_or_a_folder_is_no_file(folder):
    fill(folder, a=FRAMES)
    os.mkfifo(folder / "bad.npy")
    assert problem(folder) == "bad.npy is not a file"
    (folder / "worse.npy").mkdir()
    assert problem(folder, "worse") == "worse.npy is not a file"


def test_a_link_to_itself_and_a_file_of_holes_are_sentences(folder):
    fill(folder, a=FRAMES, b=FRAMES)
    (folder / "bad.npy").symlink_to("bad.npy")
    (folder / "frames").mkdir()
    (folder / "frames" / "0.npy").symlink_to("0.npy")
    (folder.parent / "loop_FRA").symlink_to("loop_FRA")
    n = 2**33
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({n // 2}, 2)}}"
    (folder / "hollow.npy").write_bytes(with_header(header))
    os.truncate(folder / "hollow.npy", len(with_header(header)) + 8 * n)
    assert problem(folder) == "bad.npy is a link that leads back to itself"
    assert problem(folder, "frames") == "frames/0.npy is a link that leads back to itself"
    assert problem(folder, "hollow") == (
        "hollow.npy is damaged: it claims to be long and holds next to nothing"
    )
    (folder / "loop").symlink_to("loop")
    assert FeatureSet(folder).clips == ("a", "b", "bad", "frames", "hollow")
    with pytest.raises(FileNotFoundError, match="there is no feature set 'loop' in"):
        FeatureStore(folder.parent).feature_set("loop")


def test_exhausted_memory_is_a_sentence(folder, monkeypatch):
    fill(folder, a=FRAMES, bad=FRAMES)
    features = FeatureSet(folder)
    assert features.n_features == 2

    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr("lstmfcn.features.npy.np.frombuffer", exhausted)
    with pytest.raises(FeatureError, match=r"bad\.npy does not fit into memory, with 48 bytes"):
        features.read("bad")


def test_nothing_outside_the_root_is_read(folder, tmp_path):
    fill(tmp_path, secret=FRAMES)
    fill(folder, a=FRAMES)
    features, store = FeatureSet(folder), FeatureStore(folder.parent)
    for name in ("../../secret", "..", ".", "/etc/passwd", "a/../a", "..\\secret", "a\0", "", 7):
        with pytest.raises(FeatureError, match="cannot be used") as raised:
            features.sequences(["a", name])
        assert list(raised.value.problems) == [name]
        with pytest.raises(FeatureError):
            features.read(name)
        with pytest.raises(ValueError, match="pass a folder's name"):
            store.feature_set(name)
    with pytest.raises(FeatureError, match="would leave the folder of the features"):
        features.sequences(["a", "../../secret"], on_missing="drop")

    (folder / "bad.npy").symlink_to(tmp_path / "secret.npy")
    (folder / "frames").mkdir()
    (folder / "frames" / "0.npy").symlink_to(tmp_path / "secret.npy")
    (tmp_path / "elsewhere").mkdir()
    fill(tmp_path / "elsewhere", a=FRAMES)
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder.parent / "outside_FRA").symlink_to(tmp_path / "elsewhere")
    target = tmp_path / "secret.npy"
    assert problem(folder) == f"bad.npy is a link to {target}, outside the root"
    assert problem(folder, "frames") == f"frames/0.npy is a link to {target}, outside the root"
    assert "linked is a link to" in problem(folder, "linked")
    assert set(features.describe().problems) == set()  # listed before these were there
    assert set(FeatureSet(folder).describe().problems) == {"bad", "frames", "linked"}
    with pytest.raises(ValueError, match="outside_FRA is a link to"):
        store.feature_set("outside")


def test_links_within_the_root_are_followed(folder):
    other = folder.parent / "shared"
    other.mkdir()
    fill(other, a=FRAMES)
    (folder / "a.npy").symlink_to(other / "a.npy")
    (folder.parent / "alias_FRA").symlink_to(other)
    assert_array_equal(FeatureSet(folder).read("a"), FRAMES)
    assert_array_equal(FeatureStore(folder.parent).feature_set("alias").read("a"), FRAMES)


def test_all_problems_are_told_at_once(folder):
    fill(folder, **{f"c{i:04d}": FRAMES for i in range(2000)})
    # The first clip is a wrong one: the usual number of features is that of most clips.
    fill(folder, a=np.ones((3, 5)), c0700=npy(FRAMES)[:-1], c1500=FRAMES * np.nan)
    features = FeatureSet(folder)
    asked = [*features.clips, "gone"]
    with pytest.raises(FeatureError) as raised:
        features.sequences(asked)
    assert str(raised.value) == (
        "4 of 2002 clips of hubert_FRA cannot be used; replace these files or leave the clips out, "
        "and pass on_missing='drop' to leave out clips without features:\n"
        "  a.npy has 5 features per frame; most clips have 2\n"
        "  c0700.npy is cut off: it has 47 bytes of values where its header promises 48\n"
        "  c1500.npy holds NaN in frame 0, feature 0\n"
        "  there is neither a file gone.npy nor a folder gone"
    )
    # Without the missing and the cut off one the others are found in reading, again all of them.
    sequences = features.sequences(asked, on_missing="drop")
    assert "c0700" not in sequences.names and set(sequences.problems()) == {"a", "c1500"}
    for read in (sequences.load, lambda: [len(frames) for frames in sequences]):
        with pytest.raises(FeatureError, match="2 of 2000 clips of hubert_FRA") as raised:
            read()
        assert set(raised.value.problems) == {"a", "c1500"}
    with pytest.raises(FeatureError, match="1 of 1 clips"):
        sequences[0]
    described = features.describe()
    assert set(described.problems) == {"a", "c0700"}  # a header does not tell of NaN
    assert (described.n_clips, described.n_features) == (2001, 2)


def test_a_long_message_is_cut_but_the_error_has_everything(folder):
    fill(folder, a=FRAMES)
    with pytest.raises(FeatureError) as raised:
        FeatureSet(folder).sequences([f"gone{i}" for i in range(1000)])
    assert len(raised.value.problems) == 1000
    assert str(raised.value).endswith("\n  ... and 950 more")
    again = pickle.loads(pickle.dumps(raised.value))
    assert str(again) == str(raised.value) and again.problems == raised.value.problems


def test_a_file_that_may_not_be_read(folder, monkeypatch):
    fill(folder, a=FRAMES, bad=FRAMES)
    real_open = open

    def refuse(path, *args):
        if str(path).endswith("bad.npy"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, *args)

    monkeypatch.setattr("builtins.open", refuse)
    assert problem(folder) == "bad.npy cannot be read (Permission denied)"


# Summaries


def test_describe(tmp_path):
    for name in ("a_FRA", "b-UTT", "c_FRA"):
        (tmp_path / name).mkdir()
    fill(tmp_path / "a_FRA", x=np.ones((4, 3), "f2"), y=np.ones((7, 3)), z=np.ones((5, 3), "f2"))
    fill(tmp_path / "b-UTT", x=np.ones(6, "f4"), y=b"no array")
    described = FeatureStore(tmp_path).describe()
    assert str(described) == (
        "feature set  level      clips  D  dtype             T (min, median, max)  unusable\n"
        "a_FRA        frame          3  3  float16, float64  4, 5, 7                      0\n"
        "b-UTT        utterance      2  6  float32           1, 1, 1                      1\n"
        "c_FRA        frame          0  -  -                 -                            0"
    )
    assert repr(described) == str(described)
    assert described[0].n_frames == (4, 5, 7) and described[2].n_features is None
    assert described[1].problems == {"y": "y.npy is no .npy file; expected an array that "
                                          "numpy.save wrote"}  # fmt: skip


def test_importing_the_data_layer_leaves_keras_out():
    code = (
        "import sys, lstmfcn.emotion as emotion\n"
        "names = [n for n in emotion.__all__ if not n.endswith('FusionClassifier')]\n"
        "assert len(names) > 20 and all(getattr(emotion, name) for name in names)\n"
        "print(sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_public_name():
    import lstmfcn.emotion

    assert "FeatureStore" in dir(lstmfcn.emotion)
    with pytest.raises(AttributeError, match=r"'lstmfcn\.emotion' has no attribute 'Feature'"):
        _ = lstmfcn.emotion.Feature


# Real data


@pytest.mark.parametrize(
    "data, name, n_clips, n_features, dtype, n_frames",
    [
        ("emodb", "eGeMAPS_FRA", 489, 25, "float32", (70, 127, 447)),
        ("emodb", "eGeMAPS_UTT", 489, 88, "float32", (1, 1, 1)),
        ("emodb", "logmel40", 489, 40, "float16", (72, 130, 449)),
        ("mosi", "text", 2199, 100, "float16", (1, 10, 10)),
        ("mosi", "audio", 2199, 73, "float16", (1, 10, 10)),
    ],
)
def test_real_feature_sets(data, name, n_clips, n_features, dtype, n_frames):
    root = real_data()
    if root is None or not (root / data).is_dir():
        pytest.skip(f"no real data: set LSTMFCN_DATA to the folder that holds {data}/")
    features = FeatureStore(root / data).feature_set(name)
    described = features.describe()
    assert (described.n_clips, described.n_features) == (n_clips, n_features)
    assert (described.dtype, described.n_frames) == (dtype, n_frames)
    assert described.problems == {}
    sequences = features.sequences()
    clip = sequences.names[17]
    stored = np.load(features.folder / f"{clip}.npy").astype(np.float32)
    assert_array_equal(sequences[17], stored.reshape(-1, n_features))
    largest = max(np.abs(frames).max() for frames in sequences)
    if name == "audio":
        assert largest == 376
