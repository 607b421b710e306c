"""Is the table of any corpus read by its columns' names, and is what cannot be used refused?"""

import os

import numpy as np
import pytest
from conftest import refusal

from lstmfcn.emotion import load_corpus, load_labels


@pytest.fixture
def write(tmp_path):
    def write_table(text):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write_table


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("name,discrete", ["a1", "b.2"]),
        ("file,emotion", ["wavs/a1.wav", "wavs/b.2.WAV"]),
        ("Filename,Label", ["/data/x/a1.flac", "./b.2"]),
        ("emotion,file", ["C:\\x\\a1.ogg", "b.2.mp3"]),
    ],
)
def test_columns_have_many_names_and_clips_no_folder(write, header, names):
    order = 1 if header.startswith("emotion") else -1
    lines = [
        ",".join([name, label][::-order]) for name, label in zip(names, ["sad", "ok"], strict=True)
    ]
    table = load_labels(write("\n".join([header, *lines])), classes=None)
    assert table.names == ("a1", "b.2") and table.y.tolist() == ["sad", "ok"]


def test_columns_with_a_meaning_go_by_their_names_in_any_case(write):
    rows = "a.wav,sad,train,ann,10000.04,10002.46\nb.wav,ok,TEST,bob,0,1\nc.wav,ok,train,ann,0,1\n"
    track = load_corpus(write(f"File,Emotion,Split,Speaker,Start,End\n{rows}"))
    assert track.train.names == ("a_10000040-10002460", "c_0-1000")
    assert track.train.columns["start"].tolist() == ["10000.04", "0"]
    assert track.test.groups("Speaker").tolist() == track.test.groups("speaker").tolist() == ["bob"]


def test_a_named_column_of_labels(write):
    text = "file,mood,emotion\na.wav,calm,sad\nb.wav,tense,sad\n"
    table = load_labels(write(text), classes=None, label_column="mood")
    assert table.y.tolist() == ["calm", "tense"] and table.groups("emotion").tolist() == ["sad"] * 2
    assert table.columns["file"].tolist() == ["a.wav", "b.wav"]


def test_semicolons_are_read_and_names_that_are_not_there_told(write):
    text = "file;Gefühl;start\na.wav;Wut;1,5\nb.wav;Trauer;0\n"
    table = load_labels(write(text), classes=None, label_column="Gefühl")
    assert table.names == ("a_1500-", "b") and table.y.tolist() == ["Wut", "Trauer"]
    with pytest.raises(ValueError, match="is Datei, Gefühl; call the column of the recordings 'f"):
        load_labels(write("Datei;Gefühl\na.wav;Wut\n"), classes=None, label_column="Gefühl")


def test_classes_go_by_their_old_names_too(write):
    text = "file,emotion\na,sad\nb,excited\nc,happy\nd,bored\n"
    options = {"classes": ["happy", "excited", "sad"], "merge": {"excited": "happy"}}
    track = load_corpus(write(text), **options)
    assert track.train.classes == ("happy", "sad") and track.train.left_out == {"bored": 1}


def test_recordings_of_one_name_keep_their_folders(write):
    table = load_labels(write("file,emotion\n01/a.wav,sad\n02/a.wav,happy\n02/b.wav,happy\n"))
    assert table.names == ("01_a", "02_a", "02_b")


def test_parts_of_a_recording_as_audformat_writes_them(write):
    text = (
        "file,start,end,emotion\na.wav,0 days 00:00:00,0 days 00:00:01.500000,sad\n"
        "a.wav,0 days 00:00:01.500000,NaT,happy\nb.wav,0 days,NaT,sad\nc.wav,2,3.25,sad\n"
    )
    table = load_labels(write(text))
    assert table.names == ("a_0-1500", "a_1500-", "b", "c_2000-3250")
    assert table.columns["file"].tolist() == ["a.wav", "a.wav", "b.wav", "c.wav"]
    assert table.columns["start"].tolist() == ["0", "1.5", "0", "2"]
    assert table.columns["end"].tolist() == ["1.5", "", "", "3.25"]
    with pytest.raises(ValueError, match="line 2: the start 'soon' is no time"):
        load_labels(write("file,start,emotion\na.wav,soon,sad\n"))


def test_splits_classes_and_unlabelled_clips(write):
    text = (
        "file,emotion,split,speaker\na.wav,sad,train,1\nb.wav,excited,dev,1\nc.wav,happy,,2\n"
        "d.wav,sad,test,3\ne.wav,bored,train,1\nf.wav,bored,test,3\ng.wav,,,4\n"
        "h.wav,sad,unlabelled,4\n"
    )
    track = load_corpus(
        write(text), classes=["sad", "happy"], merge={"excited": "happy"}, group="speaker"
    )
    assert track.name == "semi" and track.train.names == ("a", "b", "c")
    assert track.train.y.tolist() == ["sad", "happy", "happy"] and track.test.names == ("d",)
    assert track.train.left_out == {"bored": 1} == track.test.left_out
    assert track.unlabelled.names == ("g", "h") and track.unlabelled.y is None
    assert track.train.codes.tolist() == [0, 1, 1]
    assert track.train[np.array([0])].groups("speaker").tolist() == ["1"]
    with pytest.raises(ValueError, match="1 speaker is both in train of labels"):
        load_corpus(write("file,emotion,split,speaker\na,x,train,1\nb,x,test,1\n"), group="speaker")


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (
            "file,emotion\na,sad\nb,sad\nc,happy\n",
            {"classes": ["sad", "joy"]},
            "labels.csv has no clip of joy; its labels are happy (1 clip), sad (2 clips). Correct "
            "classes=...",
        ),
        (
            "file,emotion\na,sad\nb,sad\n",
            {"merge": {"excited": "happy"}},
            "labels.csv has no clip of excited; its labels are sad (2 clips). Correct merge=...",
        ),
        (
            "file,emotion,split\na,sad,train\nb,sad,later\n",
            {},
            "labels.csv cannot be used as it is; correct or remove:\n  line 3: the split 'later' "
            "is unknown; expected train, dev or test",
        ),
        (
            "file,emotion\na,\n",
            {},
            "labels.csv has no clip with an emotion; label some of each class.",
        ),
        (
            "file,emotion,split\na,sad,test\nb,happy,test\n",
            {},
            "labels.csv has no labelled clip to train on; see its column split.",
        ),
    ],
)
def test_what_cannot_be_used(write, text, options, sentence):
    with pytest.raises(ValueError) as raised:
        load_corpus(write(text), **options)
    assert str(raised.value) == sentence


def test_a_pipe_is_not_waited_for_and_splits_are_no_table(tmp_path):
    os.mkfifo(tmp_path / "labels.csv")
    sentence = refusal(lambda: load_corpus(tmp_path / "labels.csv"))
    assert sentence == "labels.csv is not a file; expected a whole file of series or labels."
    (tmp_path / "label-6way.npz").touch()
    sentence = refusal(lambda: load_corpus(tmp_path / "label-6way.npz"))
    assert sentence.startswith("label-6way.npz has the splits of MER2024; name its folder as that")
