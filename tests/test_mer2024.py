"""Are labels, tracks and scores those of MER2024, and is every hostile file refused?"""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from conftest import real_data
from numpy.testing import assert_array_equal
from sklearn.metrics import f1_score

from lstmfcn.emotion import (
    EMOTIONS,
    TRACKS,
    ClipTable,
    FeatureError,
    FeatureStore,
    check_splits,
    load_labels,
    load_track,
    load_unlabelled,
    mer_scores,
    select_features,
    write_submission,
)

CSV = "name,discrete,valence,speaker\na1,worried,-1.25,03\na2,neutral,,03\nb1,surprise,-10,08\n"
CORPUS = {
    "sample_00000000": {"emo": "happy", "val": 2.5},
    "sample_00000001": {"emo": "worried", "val": -10.0},
    "samplenew_00000002": {"emo": "sad", "val": ""},
}
NO_NAME = "no column 'name', 'file' or 'filename'"
NO_LABEL = "no column 'discrete', 'emotion' or 'label' in its first line"
RENAMED = "pass label_column=... where it has another name."


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")
        return path

    return write_file


def message(call, *args, error=ValueError, **kwargs):
    """Return the whole sentence that a call raises."""
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    assert type(raised.value) is error
    return str(raised.value)


def savez(**corpora):
    """Return MERTools' npz: 0-d object arrays, pickled."""
    file = io.BytesIO()
    np.savez_compressed(file, **{name: np.array(c, dtype=object) for name, c in corpora.items()})
    return file.getvalue()


def npz_of_pickle(pickled, member="train_corpus.npy", compression=zipfile.ZIP_STORED):
    """Return an npz whose member holds any pickle behind the header of a 0-d object array."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(member, header.getvalue() + pickled)
    return file.getvalue()


def array_pickle(corpus, protocol=4):
    return pickle.dumps(np.array(corpus, dtype=object), protocol=protocol)


# CSV labels


def test_the_six_classes_in_order():
    assert EMOTIONS == ("neutral", "angry", "happy", "sad", "worried", "surprise")


@pytest.mark.parametrize(
    "text", [CSV, "\ufeff" + CSV, CSV.replace("\n", "\r\n"), CSV.replace(",03", " , 03 ")]
)
def test_csv(write, text):
    labels = load_labels(write("label.csv", text))
    assert labels.source == "label.csv" and len(labels) == 3
    assert labels.names == ("a1", "a2", "b1")
    assert labels.y.tolist() == ["worried", "neutral", "surprise"]
    assert labels.codes.tolist() == [4, 0, 5] and labels.codes.dtype == np.int64
    assert_array_equal(labels.valence, [-1.25, np.nan, np.nan])
    assert labels.groups("speaker").tolist() == ["03", "03", "08"]
    part = labels[np.array([False, True, True])]
    assert part.names == ("a2", "b1") and part.groups("speaker").tolist() == ["03", "08"]
    assert_array_equal(part.valence, [np.nan, np.nan])
    assert labels[1].names == ("a2",)


def test_csv_in_any_order_of_columns_and_with_an_index_of_pandas(write):
    labels = load_labels(write("x.csv", ",video,discrete,name\n0,v1,sad,a\n1,v2,happy,b\n"))
    assert labels.names == ("a", "b") and labels.valence is None
    assert list(labels.columns) == ["video"]


def test_other_classes(write):
    path = write("x.csv", "name,discrete\na,positive\nb,negative\n")
    assert load_labels(path, classes=None).classes == ("negative", "positive")
    labels = load_labels(path, classes=["positive", "negative"])
    assert labels.codes.tolist() == [0, 1]
    assert "the emotion 'positive' is unknown" in message(load_labels, path)
    assert message(load_labels, path, classes=["a", "a"]) == (
        "classes holds a, a; pass each emotion once, and at least one."
    )
    for classes in ("positive", [1, 2]):
        assert "is not a sequence of names" in message(
            load_labels, path, classes=classes, error=TypeError
        )


@pytest.mark.parametrize(
    "text, sentence",
    [
        (
            "",
            f"x.csv has {NO_NAME} and {NO_LABEL}, which is empty; {RENAMED}",
        ),
        (
            "name,mood\na,sad\n",
            f"x.csv has {NO_LABEL}, which is name, mood; {RENAMED}",
        ),
        (
            "name,label,emotion\na,sad,sad\n",
            "x.csv has the columns emotion and label; say which one has the emotions by "
            "label_column='emotion'.",
        ),
        (
            "a,sad\n",
            f"x.csv has {NO_NAME} and {NO_LABEL}, which is a, sad; {RENAMED}",
        ),
        ("name,discrete\n", "x.csv has no clips, only a header; expected one line per clip."),
        (
            "name,discrete,discrete\na,sad,sad\n",
            "x.csv has the column 'discrete' twice; rename one of them.",
        ),
        (
            "name,discrete\na,sad\nb,worry\n",
            "x.csv cannot be used as it is; correct or remove:\n  line 3: the emotion 'worry' is "
            "unknown; expected one of neutral, angry, happy, sad, worried, surprise",
        ),
        (
            "name,discrete,valence\na,sad,1\nb,,2\na,happy,3\n../c,sad,4\n,sad,5\nd,Sad,x\ne,sad\n"
            "f,sad,inf\n",
            "x.csv cannot be used as it is; correct or remove:\n"
            "  line 8: 2 columns; the header has 3\n"
            "  line 4: the name 'a' is in line 2 already\n"
            "  line 5: the name '../c' would leave the folder of the features\n"
            "  line 6: the name '' is empty\n"
            "  line 3: the emotion is empty\n"
            "  line 7: the emotion 'Sad' is unknown; expected one of neutral, angry, happy, sad, "
            "worried, surprise\n"
            "  line 7: the valence 'x' is no finite number\n"
            "  line 9: the valence 'inf' is no finite number",
        ),
    ],
)
def test_sentences_about_csv(write, text, sentence):
    assert message(load_labels, write("x.csv", text)) == sentence


def test_sentences_about_files(write, tmp_path):
    assert message(load_labels, tmp_path / "gone.csv", error=FileNotFoundError) == (
        f"{tmp_path / 'gone.csv'} does not exist; expected a file with labels."
    )
    assert message(load_labels, tmp_path) == (
        f"{tmp_path} is a folder; expected a file with labels."
    )
    binary = write("x.csv", b"\xff\xfe\x00name")
    assert "is not a text file" in message(load_labels, binary)
    many = "name,discrete\n" + "".join(f"c{i},worry\n" for i in range(80))
    assert message(load_labels, write("x.csv", many)).endswith("\n  ... and 30 more")


def test_no_such_group(write):
    labels = load_labels(write("label.csv", CSV))
    assert message(labels.groups, "video") == (
        "label.csv has no column 'video' to group by; besides name and labels it has speaker."
    )


def test_unlabelled(write):
    clips = load_unlabelled(write("u.csv", "name,speaker\na,03\nb,08\n"))
    assert clips.names == ("a", "b") and clips.y is None
    assert clips.codes.tolist() == [-1, -1]  # scikit-learn's mark of unlabelled samples
    assert clips.groups("speaker").tolist() == ["03", "08"]
    assert load_unlabelled(write("u.csv", CSV)).y is None
    assert "is in line 2 already" in message(load_unlabelled, write("u.csv", "name\na\na\n"))


# The npz of MERTools


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_npz(write, protocol):
    for content in (
        savez(train_corpus=CORPUS, test1_corpus={"x": {"emo": "neutral"}}),
        npz_of_pickle(array_pickle(CORPUS, protocol)),
        npz_of_pickle(array_pickle(CORPUS, protocol).replace(b"numpy._core", b"numpy.core", 1))
        if protocol == 3  # as numpy 1 wrote it; later protocols count the bytes of names
        else npz_of_pickle(array_pickle(CORPUS, protocol)),
    ):
        labels = load_labels(write("label-6way.npz", content))
        assert labels.names == tuple(CORPUS)  # in the order of the dict
        assert labels.y.tolist() == ["happy", "worried", "sad"]
        assert_array_equal(labels.valence, [2.5, np.nan, np.nan])


def test_npz_without_valence_and_with_placeholders(write):
    unlabelled = {f"samplenew3_{i:08d}": {"emo": "neutral"} for i in range(5)}
    train = {"a": {"emo": "sad"}}
    path = write("label-6way.npz", savez(train_corpus=train, test1_corpus=unlabelled))
    assert load_labels(path).valence is None
    clips = load_unlabelled(path)
    assert clips.names == tuple(unlabelled) and clips.y is None
    with pytest.warns(UserWarning, match="test1_corpus is 'neutral', which MERTools puts in"):
        load_labels(path, split="test1")
    assert message(load_labels, path, split="test2") == (
        "label-6way.npz has no test2_corpus; its splits are train, test1."
    )


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile_pickles(marker):
    """Return pickles that would do harm if loaded, and what their refusal says."""
    command = f"touch {marker}"
    nested = {"a": {"emo": Evil(os.system, command)}}
    memo = b"\x80\x04N" + b"r" + struct.pack("<I", 2**31 - 1) + b"."
    numpys = b"\x80\x04cnumpy\nndarray\n"
    return {
        "os.system": (array_pickle({"a": Evil(os.system, command)}), "asks for posix.system"),
        "nested": (array_pickle(nested), "asks for posix.system"),
        "eval": (array_pickle(Evil(eval, f"__import__('os').system({command!r})")), "asks for"),
        "open": (array_pickle(Evil(open, str(marker), "w")), "asks for"),
        "not numpy's three": (b"\x80\x04cnumpy\nload\n\x8c\x01x\x85R.", "asks for numpy.load"),
        "numpy's own exec": (b"\x80\x04cnumpy.testing\nrundocs\n)R.", "asks for numpy.testing"),
        "attribute of numpy": (b"\x80\x04cnumpy\nf2py.os.system\n.", "asks for numpy.f2py"),
        "inst": (b"(S'touch x'\nios\nsystem\n.", "holds the instruction"),
        "newobj": (numpys + b")\x81.", "holds the instruction NEWOBJ"),
        "extension": (b"\x80\x04\x82\x01.", "holds the instruction EXT1"),
        "persistent": (b"\x80\x04Pid\n.", "holds the instruction PERSID"),
        "large bytearray": (b"\x80\x05\x96" + b"\xff" * 7 + b"\x0f" + b".", "is damaged"),
        "large memo": (memo, "is damaged"),
        # The real ndarray would take the memory: 2**40 values.
        "large array": (numpys + b"\x8a\x06" + b"\0" * 5 + b"\x01\x85R.", "is damaged"),
        "build on a global": (numpys + b"}\x8c\x01a\x8c\x01bsb.", "is damaged"),
        "cut off": (array_pickle(CORPUS)[:-20], "is damaged"),
        "empty": (b"", "is damaged"),
        "no array": (pickle.dumps(CORPUS, protocol=4), "is damaged"),
        "deep": (b"\x80\x04" + b"(" * 100_000 + b".", "is damaged"),
    }


@pytest.mark.parametrize("name", hostile_pickles("x"))
def test_hostile_pickles_are_refused_and_nothing_runs(write, tmp_path, name):
    marker = tmp_path / "was-run"
    pickled, reason = hostile_pickles(marker)[name]
    path = write("label-6way.npz", npz_of_pickle(pickled))
    sentence = message(load_labels, path)
    assert sentence.startswith("label-6way.npz: train_corpus ") and reason in sentence
    assert sentence.endswith(
        "; expected MERTools' dict of clip to {'emo': text, 'val': number}, and nothing in it was "
        "run."
    )
    assert message(load_unlabelled, path, split="train") == sentence
    assert not marker.exists()


def test_refusing_changes_nothing_for_the_next_file(write):
    """A BUILD on a global would leave its marks on that global, were it a shared one."""
    build = b"\x80\x04cnumpy\ndtype\n}\x8c\x0c__setstate__\x8c\x01bsb."
    assert "is damaged" in message(load_labels, write("bad.npz", npz_of_pickle(build)))
    assert len(load_labels(write("good.npz", savez(train_corpus=CORPUS)))) == 3
    assert np.dtype("f4").itemsize == 4


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "is no npz or is damaged"),
        (b"PK\x03\x04 cut off", "is no npz or is damaged"),
        (savez(train_corpus=CORPUS)[:-30], "is no npz or is damaged"),
        (savez(other=CORPUS), "has no train_corpus; its splits are none."),
        (npz_of_pickle(b"", "x.npy"), "has no train_corpus; its splits are none."),
        (savez(train_corpus=[1, 2]), "is an array of type object and shape (2,)"),
        (savez(train_corpus={1: {"emo": "sad"}}), "holds something else"),
        (savez(train_corpus={"a": "sad"}), "holds something else"),
        (savez(train_corpus={}), "holds no clips"),
        (savez(train_corpus={"a": {}}), "clip 'a': the emotion None is not text"),
        (savez(train_corpus={"a": {"emo": 3}}), "clip 'a': the emotion 3 is not text"),
        (savez(train_corpus={"a": {"emo": "worry"}}), "clip 'a': the emotion 'worry' is unknown"),
        (savez(train_corpus={"../a": {"emo": "sad"}}), "would leave the folder of the features"),
        (savez(train_corpus={"a": {"emo": "sad", "val": []}}), "the valence [] is no finite"),
    ],
)
def test_sentences_about_npz(write, content, reason):
    sentence = message(load_labels, write("label-6way.npz", content))
    assert reason in sentence and "label-6way.npz" in sentence


def test_an_npz_of_numbers_is_no_corpus(write):
    file = io.BytesIO()
    np.savez(file, train_corpus=np.ones(3))
    assert "is an array of type float64 and shape (3,)" in message(
        load_labels, write("label-6way.npz", file.getvalue())
    )


def test_a_bomb_is_not_unpacked(write, monkeypatch):
    monkeypatch.setattr("lstmfcn.emotion.label_npz.LARGEST_CORPUS", 10_000)
    bomb = npz_of_pickle(b"\0" * 10**7, compression=zipfile.ZIP_DEFLATED)
    assert "is larger than 10,000 bytes" in message(load_labels, write("x.npz", bomb))


def test_an_npz_that_unpacks_in_one_step_is_refused(write):
    bomb = npz_of_pickle(b"\0" * 10**6, compression=zipfile.ZIP_BZIP2)
    assert "compressed by a method that numpy does not use" in message(
        load_labels, write("x.npz", bomb)
    )


def test_a_pickle_of_very_many_objects_is_refused(write, monkeypatch):
    monkeypatch.setattr("lstmfcn.emotion.label_npz.MOST_INSTRUCTIONS", 1000)
    bomb = npz_of_pickle(b"\x80\x04" + b"}" * 10_000 + b".")
    assert "has more than 1,000 instructions" in message(load_labels, write("x.npz", bomb))


def test_an_npz_that_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "label-6way.npz")
    assert message(load_labels, tmp_path / "label-6way.npz") == (
        "label-6way.npz is not a file; expected MERTools' label-6way.npz, or a CSV file with the "
        "columns name and discrete."
    )


def test_an_npz_as_large_as_mer2024s(write):
    corpus = {f"samplenew3_{i:08d}": {"emo": "neutral"} for i in range(115_595)}
    path = write("label-6way.npz", savez(test1_corpus=corpus))
    assert len(load_unlabelled(path)) == 115_595


# Splits and tracks


def test_a_group_in_both_splits(write):
    train = load_labels(write("train.csv", "name,discrete,speaker\na,sad,03\nb,sad,08\nc,sad,09\n"))
    test = load_labels(write("test.csv", "name,discrete,speaker\nd,sad,08\ne,sad,09\nf,sad,13\n"))
    check_splits(train, test)
    assert message(check_splits, train, test, group="speaker") == (
        "2 speakers are both in train.csv and in test.csv: 08, 09; put each speaker into one of "
        "them."
    )
    assert message(check_splits, train, train) == (
        "3 clips are both in train.csv and in train.csv: a, b, c; put each clip into one of them."
    )
    assert "has no column 'video'" in message(check_splits, train, test, group="video")


@pytest.fixture
def layout(write, tmp_path):
    """A data set with the files of all tracks."""
    for name, rows in {
        "label-train.csv": "a,sad,1\nb,happy,1\nc,angry,2\n",
        "label-train-semi.csv": "a,sad,1\n",
        "label-test.csv": "x,sad,3\n",
        "label-test-noise.csv": "x_noise,sad,3\n",
    }.items():
        write(name, "name,discrete,speaker\n" + rows)
    write("unlabeled-semi.csv", "name,speaker\na,1\nb,1\nc,2\n")
    write("check-openset.csv", "name,openset\nb,\"['happy']\"\n")
    write("openset-synonym.zip", b"")
    return tmp_path


def test_tracks(layout):
    assert set(TRACKS) == {"full", "semi", "noise", "ov"}
    full = load_track(layout, "full", group="speaker")
    assert full.train.names == ("a", "b", "c") and full.test.names == ("x",)
    assert full.unlabelled is None
    semi = load_track(layout, "semi", group="speaker")
    assert semi.train.names == ("a",) and semi.test.names == ("x",)
    assert semi.unlabelled.names == ("b", "c")  # the labelled one is left out
    assert load_track(layout, "noise").test.names == ("x_noise",)
    ov = load_track(layout, "ov")
    assert ov.train.names == ("a", "c")  # what is scored is not trained on
    assert ov.test is None and ov.ground_truth == layout / "check-openset.csv"
    assert ov.synonyms == layout / "openset-synonym.zip"


def test_the_layout_of_mer2024_itself(write, tmp_path):
    write("label-disdim.csv", "name,discrete,valence\na,sad,-1\nb,happy,2\n")
    unlabelled = {"c": {"emo": "neutral"}, "a": {"emo": "neutral"}, "d": {"emo": "neutral"}}
    write("label-6way.npz", savez(train_corpus={"z": {"emo": "sad"}}, test1_corpus=unlabelled))
    semi = load_track(tmp_path, "semi")
    assert semi.train.names == ("a", "b") and semi.test is None
    assert semi.unlabelled.names == ("c", "d")
    write("test1_name_convert_label.csv", "name,discrete\nc,sad\n")
    assert load_track(tmp_path, "semi").test.names == ("c",)  # among the unlabelled, as published
    (tmp_path / "label-disdim.csv").unlink()
    assert load_track(tmp_path, "noise").train.names == ("z",)


def test_sentences_about_tracks(layout, write, tmp_path):
    assert message(load_track, layout, "MER-SEMI") == (
        "track='MER-SEMI' is unknown; choose one of 'full', 'semi', 'noise', 'ov'."
    )
    assert message(load_track, layout / "gone", "full", error=FileNotFoundError) == (
        f"{layout / 'gone'} is no folder; expected the folder of a data set."
    )
    write("unlabeled-semi.csv", "name,speaker\nb,3\n")
    assert "1 speaker is both in unlabeled-semi.csv and in label-test.csv: 3" in message(
        load_track, layout, "semi", group="speaker"
    )
    (layout / "unlabeled-semi.csv").unlink()
    assert message(load_track, layout, "semi", error=FileNotFoundError) == (
        f"{layout} has no unlabelled clips of track 'semi'; expected one of the files "
        "unlabeled-semi.csv, label-6way.npz."
    )
    write("label-test.csv", "name,discrete,speaker\na,sad,1\n")
    assert "1 clip is both in" in message(load_track, layout, "full")
    write("check-openset.csv", "name,openset\na,[]\nb,[]\nc,[]\n")
    assert "leaves no clip to train on" in message(load_track, layout, "ov")


# Labels and features


@pytest.fixture
def store(tmp_path):
    for name, clips in {"audio_FRA": "abc", "video-FRA": "bcd"}.items():
        (tmp_path / "features" / name).mkdir(parents=True)
        for i, clip in enumerate(clips):
            np.save(tmp_path / "features" / name / f"{clip}.npy", np.ones((i + 1, 2)))
    return FeatureStore(tmp_path)


def table(*names):
    return ClipTable("labels.csv", names, np.array(["sad"] * len(names)), EMOTIONS)


def test_clips_of_several_feature_sets(store):
    kept, found = select_features(table("b", "c"), store, ["audio", "video"])
    assert kept.names == ("b", "c") and list(found) == ["audio_FRA", "video-FRA"]
    assert [frames.shape for frames in found["audio_FRA"]] == [(2, 2), (3, 2)]
    assert [frames.shape for frames in found["video-FRA"]] == [(1, 2), (2, 2)]

    kept, found = select_features(
        table("a", "b", "d"), store, ["audio", "video"], on_missing="drop"
    )
    assert kept.names == ("b",) == found["audio_FRA"].names == found["video-FRA"].names
    kept, found = select_features(table("a", "d"), store, ["audio", "video"], on_missing="zeros")
    assert kept.names == ("a", "d")
    assert not found["video-FRA"][0].any() and not found["audio_FRA"][1].any()


def test_labels_without_features_are_told_at_once(store):
    np.save(store.root / "audio_FRA" / "b.npy", np.full((2, 2), np.nan))
    with pytest.raises(FeatureError) as raised:
        select_features(table("a", "b", "d"), store, ["audio", "video"])
    assert raised.value.problems == {
        "a": "there is neither a file a.npy nor a folder a",
        "b": "b.npy holds NaN in frame 0, feature 0",
        "d": "there is neither a file d.npy nor a folder d",
    }
    assert "clips of audio_FRA" in str(raised.value) and "clips of video-FRA" in str(raised.value)
    assert "no clip is left to read from audio_FRA" in message(
        select_features, table("x"), store, "audio", on_missing="drop"
    )
    assert "features is empty" in message(select_features, table("a"), store, [])
    assert message(select_features, table("a"), store, ["audio", "audio_FRA"]) == (
        "the feature set audio_FRA is named twice; name each one once."
    )


# Scores


def test_the_golden_confusion_matrix():
    """MER-NOISE as Emotion-LLaMA's authors scored it, their issue 37."""
    names = ["angry", "happy", "neutral", "sad", "surprise", "worried"]
    confusion = [
        [224, 0, 5, 2, 4, 1],
        [1, 213, 16, 0, 2, 1],
        [23, 24, 128, 17, 11, 29],
        [3, 2, 5, 284, 0, 1],
        [6, 1, 2, 0, 42, 4],
        [2, 0, 6, 2, 3, 106],
    ]
    y_true = [name for name, row in zip(names, confusion, strict=True) for _ in range(sum(row))]
    y_pred = [name for row in confusion for name, n in zip(names, row, strict=True)
              for _ in range(n)]  # fmt: skip
    scores = mer_scores(y_true, y_pred)
    assert scores["accuracy"] == pytest.approx(0.8521367521367521, abs=1e-15)
    assert scores["weighted_f1"] == pytest.approx(0.8458065521840188, abs=1e-12)
    assert list(scores["per_class_recall"]) == list(EMOTIONS)
    assert scores["per_class_recall"]["neutral"] == pytest.approx(128 / 232)
    assert scores["valence_mse"] is None and scores["combined"] is None


def test_scores_by_hand():
    y_true, y_pred = ["sad", "sad", "sad", "happy"], ["sad", "sad", "angry", "sad"]
    # F1 of sad: P = 2/3, R = 2/3; of happy, never predicted: 0; angry has no support.
    scores = mer_scores(
        y_true, y_pred, valence_true=[1, -2, np.nan, -10], valence_pred=[2, 0, 9, 9]
    )
    assert scores["weighted_f1"] == pytest.approx(0.75 * 2 / 3)
    assert scores["accuracy"] == 0.5
    assert scores["valence_mse"] == (1 + 4) / 2  # the clips without valence do not count
    assert scores["combined"] == pytest.approx(0.5 - 0.25 * 2.5)
    assert scores["per_class_recall"] == {
        "neutral": None, "angry": None, "happy": 0.0, "sad": pytest.approx(2 / 3),
        "worried": None, "surprise": None,
    }  # fmt: skip
    none = mer_scores(y_true, y_pred, valence_true=[np.nan] * 4, valence_pred=[0] * 4)
    assert none["valence_mse"] is None and none["combined"] is None


def test_the_published_combined_scores_of_mer2023():
    """WAF .7757 with MSE .82 and .6982 with 1.12 (arXiv:2304.08981) make .5707 and .4182."""
    scores = mer_scores(["sad"], ["sad"], valence_true=[0.0], valence_pred=[np.sqrt(0.82)])
    assert scores["combined"] + 0.7757 - 1 == pytest.approx(0.5707)
    scores = mer_scores(["sad"], ["sad"], valence_true=[0.0], valence_pred=[np.sqrt(1.12)])
    assert scores["combined"] + 0.6982 - 1 == pytest.approx(0.4182)


def test_the_weighted_f1_is_scikit_learns():
    generator = np.random.RandomState(0)
    y_true, y_pred = generator.choice(EMOTIONS, size=(2, 50))
    expected = f1_score(y_true, y_pred, average="weighted")
    assert mer_scores(y_true, y_pred)["weighted_f1"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "arguments, valence, sentence",
    [
        ((["sad"], ["Sad"]), (None, None), "y_pred holds Sad, first in row 0; expected neutral, "),
        (([0], [0]), (None, None), "y_true holds 0, first in row 0"),
        (([], []), (None, None), r"y_true has the shape \(0,\); pass one emotion for each"),
        ((["sad"], ["sad", "sad"]), (None, None), "2 predictions for 1 samples"),
        ((["sad"], ["sad"]), ([1], None), "only the true valence was passed; pass both or none"),
        ((["sad"], ["sad"]), (None, [1]), "only the predicted valence was passed"),
        ((["sad"], ["sad"]), ([1], [np.nan]), "valence_pred is nan in row 0; pass finite numbers"),
        ((["sad"], ["sad"]), ([1], [1, 2]), r"valence_pred has the shape \(2,\); pass 1 numbers"),
        ((["sad"], ["sad"]), ([np.inf], [1]), "valence_true has the shape .* or infinite values"),
    ],
)
def test_sentences_about_scores(arguments, valence, sentence):
    with pytest.raises(ValueError, match=sentence):
        mer_scores(*arguments, valence_true=valence[0], valence_pred=valence[1])


# Submission


def test_a_submission_can_be_read_again(tmp_path):
    path = tmp_path / "answer.csv"
    names = ["sample_1", 'with "quotes"', "with, comma", "\u4f8b"]
    y = np.array(["worried", "surprise", "neutral", "sad"])
    write_submission(path, names, y, [0.1, -1.5, 0, 1e-17])
    again = load_labels(path)
    assert again.names == tuple(names) and again.y.tolist() == y.tolist()
    assert_array_equal(again.valence, [0.1, -1.5, 0, 1e-17])
    assert b"\r" not in path.read_bytes()
    write_submission(path, names, y)
    assert path.read_text(encoding="utf-8").splitlines()[:2] == [
        "name,discrete",
        "sample_1,worried",
    ]


def test_a_refused_submission_leaves_the_old_file(tmp_path):
    path = tmp_path / "answer.csv"
    write_submission(path, ["a"], ["sad"])
    before = path.read_bytes()
    for arguments, sentence in (
        ((["a", "b"], ["sad"]), "there are 2 names and 1 emotions; pass one per clip."),
        ((["a", "a"], ["sad", "sad"]), "row 1: the name 'a' is in row 0 already"),
        ((["../a"], ["sad"]), "would leave the folder"),
        ((["a"], ["worry"]), "y holds worry, first in row 0"),
        ((["a"], ["sad"], [np.nan]), "valence is nan in row 0; pass finite numbers."),
        ((["a"], ["sad"], [1, 2]), "valence has the shape (2,); pass 1 numbers."),
    ):
        assert sentence in message(write_submission, path, *arguments)
        assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["answer.csv"]
    with pytest.raises(FileNotFoundError, match="does not exist; create it first"):
        write_submission(tmp_path / "gone" / "answer.csv", ["a"], ["sad"])


# Real data


def data(name):
    root = real_data()
    if root is None or not (root / name).is_dir():
        pytest.skip(f"no real data: set LSTMFCN_DATA to the folder that holds {name}/")
    return root / name


@pytest.mark.parametrize(
    "track, n_train, n_unlabelled, n_test",
    [("full", 189, None, 150), ("semi", 46, 143, 150), ("noise", 189, None, 150)],
)
def test_the_tracks_of_emodb(track, n_train, n_unlabelled, n_test):
    root = data("emodb")
    found = load_track(root, track, group="speaker")
    assert (len(found.train), len(found.test)) == (n_train, n_test)
    assert n_unlabelled is None or len(found.unlabelled) == n_unlabelled
    assert set(found.train.y.tolist()) == {"angry", "happy", "neutral", "sad"}
    store = FeatureStore(root)
    for part in filter(None, (found.train, found.unlabelled, found.test)):
        kept, sequences = select_features(part, store, ["eGeMAPS_FRA", "logmel40", "eGeMAPS_UTT"])
        assert len(kept) == len(part) and len(sequences) == 3
    if track == "noise":
        assert set(found.test.groups("snr_db").tolist()) <= {"5", "6", "7", "8", "9", "10"}


def test_the_splits_of_mosi():
    root = data("mosi")
    track = load_track(root, "full", classes=("negative", "positive"), group="video")
    assert (len(track.train), len(track.test)) == (1447, 752)
    assert len(set(track.train.groups("video"))) == 62
    assert len(set(track.test.groups("video"))) == 31
    kept, found = select_features(track.test, FeatureStore(root), ["text", "audio", "video"])
    assert len(kept) == 752
    assert [found[f"{name}_FRA"].n_features for name in ("text", "audio", "video")] == [
        100,
        73,
        100,
    ]
