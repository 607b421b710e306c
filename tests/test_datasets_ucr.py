"""Does load_ucr read every layout of the archive, and say what is wrong with the others?"""

import csv
import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lstmfcn.datasets import UCR_2018_NAMES, canonical_name, list_ucr, load_ucr, ucr_summary

# Two series of three timepoints per split.
TRAIN = "1\t0.5\t0.25\t1\n2\t1.5\t2.5\t-1e-1\n"
TEST = "2\t3\t4\t5\n1\t6\t7\t8\n"
TS_HEADER = """#A comment
%Another one

@ProblemName Toy
@timestamps FALSE
@univariate true
@classLabel true 1 2
@data
"""


def write(folder, train=TRAIN, test=TEST, name="Toy", suffix="tsv"):
    """Write the two files of a dataset into a folder and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, text in (("TRAIN", train), ("TEST", test)):
        (folder / f"{name}_{split}.{suffix}").write_bytes(
            text if isinstance(text, bytes) else text.encode()
        )
    return folder


def write_zip(path, top="UCRArchive_2018/", train=TRAIN, test=TEST):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{top}Toy/Toy_TRAIN.tsv", train)
        archive.writestr(f"{top}Toy/Toy_TEST.tsv", test)
    return path


def message(call, *args, error=ValueError, **kwargs):
    """Return the whole sentence that a call raises."""
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    assert type(raised.value) is error
    return str(raised.value)


def check_toy(splits):
    X_train, y_train, X_test, y_test = splits
    assert X_train.dtype == X_test.dtype == np.float64
    assert y_train.dtype == y_test.dtype == np.int64
    assert_array_equal(X_train, [[0.5, 0.25, 1], [1.5, 2.5, -0.1]])
    assert_array_equal(y_train, [1, 2])
    assert_array_equal(X_test, [[3, 4, 5], [6, 7, 8]])
    assert_array_equal(y_test, [2, 1])


# Names


def test_there_are_128_names_and_each_is_its_own():
    assert len(UCR_2018_NAMES) == len(set(UCR_2018_NAMES)) == 128
    assert [canonical_name(name) for name in UCR_2018_NAMES] == list(UCR_2018_NAMES)


def test_the_summary_has_the_size_of_each():
    fungi, gestures = ucr_summary()["Fungi"], ucr_summary()["GesturePebbleZ1"]
    assert (fungi.n_train, fungi.n_test, fungi.n_classes, fungi.n_timepoints) == (18, 186, 18, 201)
    assert gestures.n_timepoints is None and gestures.kind == "motion"


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ("50words", "FiftyWords"),
        ("CinC_ECG_torso", "CinCECGTorso"),
        ("CinCECGtorso", "CinCECGTorso"),
        ("Cricket_X", "CricketX"),
        ("Face (all)", "FaceAll"),
        ("Face (four)", "FaceFour"),
        ("FISH", "Fish"),
        ("Gun-Point", "GunPoint"),
        ("Gun_Point", "GunPoint"),
        ("Lighting2", "Lightning2"),
        ("Lighting7", "Lightning7"),
        ("MALLAT", "Mallat"),
        ("MixedShapes", "MixedShapesRegularTrain"),
        ("NonInvasiveFatalECG_Thorax1", "NonInvasiveFetalECGThorax1"),
        ("NonInvasiveFatalECG_Thorax2", "NonInvasiveFetalECGThorax2"),
        ("Olive Oil", "OliveOil"),
        ("SonyAIBORobot Surface", "SonyAIBORobotSurface1"),
        ("SonyAIBORobotSurfaceII", "SonyAIBORobotSurface2"),
        ("StarlightCurves", "StarLightCurves"),
        ("synthetic_control", "SyntheticControl"),
        ("Two_Patterns", "TwoPatterns"),
        ("uWaveGestureLibrary_X", "UWaveGestureLibraryX"),
        ("wafer", "Wafer"),
        ("Words Synonyms", "WordSynonyms"),
        ("yoga", "Yoga"),
    ],
)
def test_canonical_name_knows_old_names(old, name):
    assert canonical_name(old) == name


def test_canonical_name_of_an_unknown_name_has_the_nearest():
    assert message(canonical_name, "GunPiont") == (
        "'GunPiont' is not a dataset of the UCR 2018 archive; the nearest names are GunPoint and "
        "GunPointAgeSpan."
    )
    assert message(canonical_name, "???") == (
        "'???' is not a dataset of the UCR 2018 archive; no name there is near it."
    )
    assert message(canonical_name, None, error=TypeError) == (
        "name must be a dataset's name, such as 'GunPoint', but it is NoneType; pass a string."
    )


# Layouts


@pytest.mark.parametrize("inside", ["", "Toy", "UCRArchive_2018/Toy"])
def test_folder_layouts(tmp_path, inside):
    write(tmp_path / inside)
    check_toy(load_ucr("Toy", tmp_path))
    check_toy(load_ucr("Toy", str(tmp_path)))
    assert list_ucr(tmp_path) == ["Toy"]


@pytest.mark.parametrize("top", ["", "UCRArchive_2018/"])
def test_zip_layouts(tmp_path, top):
    path = write_zip(tmp_path / "archive.zip", top)
    check_toy(load_ucr("Toy", path))
    assert list_ucr(path) == ["Toy"]
    assert os.listdir(tmp_path) == ["archive.zip"]


@pytest.mark.parametrize("zipped", [False, True])
def test_the_original_comes_before_the_adjusted_copy(tmp_path, zipped):
    root = tmp_path / "UCRArchive_2018"
    write(root / "Missing_value_and_variable_length_datasets_adjusted" / "Toy", "1\t9\n", "1\t9\n")
    write(root / "Toy")
    write(tmp_path / "__MACOSX" / "Toy", "1\t9\n", "1\t9\n")
    archive = tmp_path
    if zipped:
        archive = tmp_path / "archive.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted(tmp_path.rglob("*.tsv")):
                file.write(path, path.relative_to(tmp_path).as_posix())
    check_toy(load_ucr("Toy", archive))


def test_a_whole_pair_is_taken_where_one_ending_has_only_one_file(tmp_path):
    write(tmp_path, TS_HEADER + "9,9:1\n", TS_HEADER + "9,9:1\n", suffix="ts")
    (tmp_path / "Toy_TRAIN.tsv").write_text(TRAIN)
    assert load_ucr("Toy", tmp_path)[0].shape == (1, 2)
    (tmp_path / "Toy_TEST.tsv").write_text(TEST)
    check_toy(load_ucr("Toy", tmp_path))


@pytest.mark.parametrize(
    ("stored", "asked"),
    [("Gun_Point", "GunPoint"), ("Lightning2", "Lighting2"), ("MixedShapes", "Mixed shapes")],
)
def test_a_dataset_is_found_by_any_of_its_names(tmp_path, stored, asked):
    write(tmp_path / stored, name=stored)
    check_toy(load_ucr(asked, tmp_path))
    assert list_ucr(tmp_path) == [stored]


def test_names_in_other_letters_are_told_apart(tmp_path):
    write(tmp_path / "天气", name="天气")
    check_toy(load_ucr("天气", tmp_path))
    for name in ("心电", "---"):
        with pytest.raises(ValueError, match="is not in"):
            load_ucr(name, tmp_path)


def test_an_exact_name_comes_first(tmp_path):
    write(tmp_path / "toy", "1\t9\n", "1\t9\n", name="to_y")
    write(tmp_path / "Toy")
    check_toy(load_ucr("Toy", tmp_path))
    assert load_ucr("to_y", tmp_path)[0] == 9


# Values


def test_line_ends_and_blank_lines_do_not_matter(tmp_path):
    write(tmp_path, b"\xef\xbb\xbf" + TRAIN.replace("\n", "\r\n\r\n").encode(), TEST.rstrip("\n"))
    check_toy(load_ucr("Toy", tmp_path))


@pytest.mark.parametrize(
    ("train_labels", "test_label", "expected"),
    [
        (["1", "-1"], "1", [1, -1]),
        (["1.0", "1.0000000e+01"], "2", [1, 10]),
        (["a", "b"], "walking", ["a", "b"]),
        (["1", "2"], "other", ["1", "2"]),
        (["0.5", "1"], "1", ["0.5", "1"]),
        (["1_0", "1"], "1", ["1_0", "1"]),
        (["inf", "1"], "1", ["inf", "1"]),
    ],
)
def test_labels_are_integers_where_all_are_and_share_one_dtype(
    tmp_path, train_labels, test_label, expected
):
    write(tmp_path, "".join(f"{label}\t0\t1\n" for label in train_labels), f"{test_label}\t0\t1\n")
    _, y_train, _, y_test = load_ucr("Toy", tmp_path)
    assert y_train.tolist() == expected
    assert y_train.dtype == y_test.dtype


def test_nan_at_the_end_means_unequal_length(tmp_path):
    write(tmp_path, "1\t1\t2\tNaN\n2\t3\tnan\t\n")
    X_train, _, X_test, _ = load_ucr("Toy", tmp_path)
    assert isinstance(X_train, list) and isinstance(X_test, list)
    assert [series.tolist() for series in X_train] == [[[1, 2]], [[3]]]
    assert [series.shape for series in X_test] == [(1, 3), (1, 3)]


def test_padding_of_all_series_alike_leaves_equal_length(tmp_path):
    write(tmp_path, "1\t1\t2\tNaN\n2\t3\t4\tNaN\n", "1\t5\t6\n")
    X_train, _, X_test, _ = load_ucr("Toy", tmp_path)
    assert_array_equal(X_train, [[1, 2], [3, 4]])
    assert_array_equal(X_test, [[5, 6]])


def test_splits_of_different_length_are_both_lists(tmp_path):
    write(tmp_path, test="1\t5\t6\n")
    X_train, _, X_test, _ = load_ucr("Toy", tmp_path)
    assert [series.shape for series in X_train + X_test] == [(1, 3), (1, 3), (1, 2)]


def test_missing_values_inside_are_filled_on_request(tmp_path):
    write(tmp_path, "1\tNaN\t2\tNaN\tNaN\t8\n2\t1\t2\t3\t4\t5\n", "1\t1\tNaN\t3\t4\t5\n")
    assert message(load_ucr, "Toy", tmp_path) == (
        "Toy has missing values inside 1 of 2 training and 1 of 1 test series; "
        "pass missing='interpolate' to fill them linearly."
    )
    X_train, _, X_test, _ = load_ucr("Toy", tmp_path, missing="interpolate")
    assert_array_equal(X_train, [[2, 2, 4, 6, 8], [1, 2, 3, 4, 5]])
    assert_array_equal(X_test, [[1, 2, 3, 4, 5]])


def test_sets_that_are_known_for_gaps_have_no_padding(tmp_path):
    write(tmp_path, "1\t1\t2\tNaN\n2\t3\t4\t5\n", name="DodgerLoopGame")
    assert message(load_ucr, "DodgerLoopGame", tmp_path) == (
        "DodgerLoopGame has missing values inside 1 of 2 training series; "
        "pass missing='interpolate' to fill them linearly."
    )
    X_train, *_ = load_ucr("DodgerLoopGame", tmp_path, missing="interpolate")
    assert_array_equal(X_train, [[1, 2, 2], [3, 4, 5]])


def test_ts_multivariate(tmp_path):
    header = "@UNIVARIATE false\n@Dimensions 2\n@classlabel TRUE sitting down up\n@DATA\n"
    write(
        tmp_path,
        header + "1,2,3:4,5,6:sitting down\n1, 2, 3 : 4, ?, 6 : up\n",
        header + "1,2,3:4,5,NaN:up\n",
        suffix="ts",
    )
    X_train, y_train, X_test, y_test = load_ucr("Toy", tmp_path, missing="interpolate")
    assert_array_equal(X_train, [[[1, 2, 3], [4, 5, 6]], [[1, 2, 3], [4, 5, 6]]])
    assert y_train.tolist() == ["sitting down", "up"] and y_test.tolist() == ["up"]
    # One channel still has a value at the last timepoint, so that the series does not end there.
    assert_array_equal(X_test, [[[1, 2, 3], [4, 5, 5]]])


def test_ts_unequal_length(tmp_path):
    header = "@classLabel true a b\n@data\n"
    write(tmp_path, header + "1,2:3,4:a\n5,?:6,?:b\n", header + "1,2,3:4,5,6:b\n", suffix="ts")
    X_train, _, X_test, _ = load_ucr("Toy", tmp_path)
    assert [series.tolist() for series in X_train] == [[[1, 2], [3, 4]], [[5], [6]]]
    assert [series.tolist() for series in X_test] == [[[1, 2, 3], [4, 5, 6]]]


def test_regression_sets_are_not_listed(tmp_path):
    write(tmp_path / "A", *["@targetLabel true\n@data\n1,2:0.5\n"] * 2, name="A", suffix="ts")
    write(tmp_path / "B", *["@targetLabel false\n@data\n1,2:0.5\n"] * 2, name="B", suffix="ts")
    write(tmp_path / "C", name="C")
    (tmp_path / "D_TRAIN.tsv").write_text(TRAIN)
    assert list_ucr(tmp_path) == ["B", "C"]


# Sentences

TSV_EXPECTED = (
    "expected a label and then the values of one series on every line, separated by tabs."
)


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        ("", f"Toy_TRAIN.tsv is empty; {TSV_EXPECTED}"),
        ("\n \n", f"Toy_TRAIN.tsv is empty; {TSV_EXPECTED}"),
        ("1,0.5,0.25\n", f"Toy_TRAIN.tsv line 1 has 1 column; {TSV_EXPECTED}"),
        (
            "1\t2\t3\n\n1\t2\n",
            "Toy_TRAIN.tsv line 3 has 2 columns, but line 1 has 3; the file may be cut off, or a "
            "shorter series needs NaN at its end.",
        ),
        (
            "1\t2\t3\n1\t2\tabc\n",
            "Toy_TRAIN.tsv line 2 column 3 holds 'abc'; expected a number, or NaN where a value "
            "is missing.",
        ),
        (
            "1\t2\t1_0\n",
            "Toy_TRAIN.tsv line 1 column 3 holds '1_0'; expected a number, or NaN where a value "
            "is missing.",
        ),
        (
            f"1\t{'x' * 50}\n",
            f"Toy_TRAIN.tsv line 1 column 2 holds '{'x' * 40}...'; expected a number, or NaN "
            "where a value is missing.",
        ),
        (
            "1\t2\t1e999\n",
            "Toy_TRAIN.tsv line 1 column 3 holds '1e999', which is infinite; expected a finite "
            "number, or NaN where a value is missing.",
        ),
        (
            "1\t2\t3\nNaN\t2\t3\n",
            "Toy_TRAIN.tsv line 2 has no label in column 1 (it holds 'NaN'); " + TSV_EXPECTED,
        ),
        (
            "1\t2\t3\n1\tNaN\t\n",
            "Toy_TRAIN.tsv line 2 has no values, only missing ones; remove this series.",
        ),
        (
            b"1\t2\xff",
            "Toy_TRAIN.tsv is not a text file (byte 3 is not UTF-8); expected numbers and labels "
            "as UTF-8 text.",
        ),
        (
            b"1\t2\0",
            "Toy_TRAIN.tsv is not a text file (it holds zero bytes); expected numbers and labels "
            "as UTF-8 text.",
        ),
    ],
)
def test_sentences_about_tsv_files(tmp_path, train, sentence):
    write(tmp_path, train)
    assert message(load_ucr, "Toy", tmp_path) == sentence


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        (
            "1\t2\t3\n",
            "Toy_TRAIN.ts line 1 holds '1\\t2\\t3' before any @data line; expected header lines "
            "that start with '@', then @data, then one series per line.",
        ),
        (
            "@problemName Toy\n",
            "Toy_TRAIN.ts has no @data line; expected the header of a .ts file (@problemName, "
            "@classLabel, ...), then @data, then one series per line.",
        ),
        (
            "@timeStamps true\n",
            "Toy_TRAIN.ts line 1 says '@timeStamps true', but series with timestamps are not "
            "supported; write evenly spaced values without timestamps and '@timeStamps false'.",
        ),
        (
            "@univariate maybe\n",
            "Toy_TRAIN.ts line 1 says '@univariate maybe'; expected true or false.",
        ),
        (
            "@dimensions none\n",
            "Toy_TRAIN.ts line 1 says '@dimensions none'; expected a whole number of at least 1.",
        ),
        (
            "@data\n1,2:a\n",
            "Toy_TRAIN.ts has no @classLabel line before @data; expected '@classLabel true' and "
            "the class names, or '@classLabel false'.",
        ),
        (
            "@classLabel true\n@data\n1,2:a\n",
            "Toy_TRAIN.ts line 1 says '@classLabel true' without class names; expected them "
            "after 'true', as in '@classLabel true a b'.",
        ),
        (
            "@classLabel false\n@data\n1,2\n",
            "Toy_TRAIN.ts says '@classLabel false', so it has no labels; expected class labels "
            "('@classLabel true' and the class names).",
        ),
        (
            "@targetLabel true\n@data\n1,2:0.5\n",
            "Toy_TRAIN.ts says '@targetLabel true', so it is a regression set; expected class "
            "labels ('@classLabel true' and the class names).",
        ),
        (
            TS_HEADER,
            "Toy_TRAIN.ts has no series after @data; expected one series per line; "
            "the file may be cut off.",
        ),
        (
            TS_HEADER + "1,2,3:1\n1,2",
            "Toy_TRAIN.ts line 10 ends without a colon and a label; expected the values, "
            "separated by commas, then ':' and the label; the file may be cut off.",
        ),
        (
            TS_HEADER + "1,2,3:3\n",
            "Toy_TRAIN.ts line 9 has the label '3', which the @classLabel line does not declare; "
            "expected 1, 2.",
        ),
        (
            TS_HEADER + "1,2,3:1,2,3:1\n",
            "Toy_TRAIN.ts line 9 has 2 dimensions, but the header's '@univariate true' has 1; "
            "the file may be cut off, or a colon is missing.",
        ),
        (
            "@classLabel true a b\n@data\n1:1:a\n1:a\n",
            "Toy_TRAIN.ts line 4 has 1 dimensions, but line 3 has 2; the file may be cut off, "
            "or a colon is missing.",
        ),
        (
            "@classLabel true a b\n@data\n1,2:1,2,3:a\n",
            "Toy_TRAIN.ts line 3 has dimensions of 2 and of 3 values; expected the same number "
            "in every dimension of one series.",
        ),
        (
            "@equalLength true\n@seriesLength 3\n@classLabel true a b\n@data\n1,2:a\n",
            "Toy_TRAIN.ts line 5 has 2 timepoints, but the header has 3 and the header says "
            "'@equalLength true'; the file may be cut off.",
        ),
        (
            "@equalLength true\n@classLabel true a b\n@data\n1,2:a\n1:b\n",
            "Toy_TRAIN.ts line 5 has 1 timepoints, but line 4 has 2 and the header says "
            "'@equalLength true'; the file may be cut off.",
        ),
        (
            TS_HEADER + "1,(2,3):1\n",
            "Toy_TRAIN.ts line 9 value 2 holds '(2'; expected a number, or NaN where a value is "
            "missing.",
        ),
        (
            "@classLabel true a b\n@data\n1,2:-inf,2:a\n",
            "Toy_TRAIN.ts line 3 dimension 2 value 1 holds '-inf', which is infinite; expected a "
            "finite number, or NaN where a value is missing.",
        ),
        (
            TS_HEADER + "?,?:1\n",
            "Toy_TRAIN.ts line 9 has no values, only missing ones; remove this series.",
        ),
        (
            "@classLabel true a b\n@data\n1,2:?,?:a\n",
            "Toy_TRAIN.ts line 3 has no values in channel 2 of 2, only missing ones; remove this "
            "series or this channel.",
        ),
    ],
)
def test_sentences_about_ts_files(tmp_path, train, sentence):
    write(tmp_path, train, TS_HEADER + "1,2,3:1\n", suffix="ts")
    assert message(load_ucr, "Toy", tmp_path) == sentence


def test_many_classes_are_not_all_printed(tmp_path):
    header = f"@classLabel true {' '.join(str(i) for i in range(1, 13))}\n@data\n"
    write(tmp_path, header + "1,2:99\n", header + "1,2:1\n", suffix="ts")
    assert message(load_ucr, "Toy", tmp_path) == (
        "Toy_TRAIN.ts line 3 has the label '99', which the @classLabel line does not declare; "
        "expected 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more."
    )


def test_splits_with_different_channels(tmp_path):
    header = "@classLabel true a b\n@data\n"
    write(tmp_path, header + "1,2:3,4:a\n", header + "1,2:a\n", suffix="ts")
    assert message(load_ucr, "Toy", tmp_path) == (
        "Toy has 2 channels in Toy_TRAIN.ts but 1 in Toy_TEST.ts; expected the same channels in "
        "both."
    )


def test_sentences_about_archives(tmp_path):
    gone = tmp_path / "gone"
    sentence = (
        f"The archive {gone} does not exist; pass the folder or the zip of UCRArchive_2018, or "
        "archive=None for the datasets that come with sktime. Nothing downloads by itself."
    )
    assert message(load_ucr, "Toy", gone, error=FileNotFoundError) == sentence
    assert message(list_ucr, gone, error=FileNotFoundError) == sentence

    empty = tmp_path / "empty"
    empty.mkdir()
    assert list_ucr(empty) == []
    assert message(load_ucr, "Toy", empty) == (
        f"{empty} holds no dataset; expected <Name>/<Name>_TRAIN.tsv and <Name>/<Name>_TEST.tsv "
        "(or .ts), as in UCRArchive_2018."
    )

    folder = write(tmp_path / "GunPoint", name="GunPoint")
    assert message(load_ucr, "GunPiont", folder) == (
        f"'GunPiont' is not in {folder}, which has 1; the nearest name is GunPoint."
    )
    (folder / "Adiac_TRAIN.tsv").write_text(TRAIN)
    assert message(load_ucr, "adiac", folder) == (
        f"adiac has Adiac_TRAIN.tsv in {folder} but not the file of the other split; expected a "
        "TRAIN and a TEST file with the same ending."
    )

    text = folder / "GunPoint_TRAIN.tsv"
    assert message(load_ucr, "GunPoint", text) == (
        f"{text} is not a readable zip file (File is not a zip file); expected a folder or a zip "
        "in the layout of UCRArchive_2018; download it again or unpack it and pass the folder."
    )


def test_sentences_about_arguments(tmp_path):
    assert message(load_ucr, 3, tmp_path, error=TypeError) == (
        "name must be a dataset's name, such as 'GunPoint', but it is int; pass a string."
    )
    assert message(load_ucr, "Toy", tmp_path, missing="drop") == (
        "missing='drop' is not known; pass 'error' to refuse missing values or 'interpolate' to "
        "fill them linearly."
    )
    path = write_zip(tmp_path / "archive.zip")
    assert message(load_ucr, "Toy", path, password=7, error=TypeError) == (
        "password must be a str or bytes, but it is int; pass password=None for an archive that "
        "is not encrypted."
    )


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_unpacks_to_very_much_is_refused_unread(tmp_path, method):
    path = tmp_path / "bomb.zip"
    n_bytes = 2**24 + 1
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("Toy_TRAIN.tsv", bytes(n_bytes))
        archive.writestr("Toy_TEST.tsv", TEST)
    assert message(load_ucr, "Toy", path) == (
        f"Toy_TRAIN.tsv in {path} would unpack to 16,777,217 bytes, more than 100 times what it "
        "has in the zip, which no file of series does; download the archive again, or unpack it "
        "and pass the folder."
    )
    # A length that is not true does not help.
    data = path.read_bytes()
    path.write_bytes(data.replace(n_bytes.to_bytes(4, "little"), (100).to_bytes(4, "little")))
    assert "Toy_TRAIN.tsv" in message(load_ucr, "Toy", path)


def test_other_methods_of_packing_are_read(tmp_path):
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(tmp_path / "archive.zip", "w", method) as archive:
            archive.writestr("Toy_TRAIN.tsv", TRAIN)
            archive.writestr("Toy_TEST.tsv", TEST)
        check_toy(load_ucr("Toy", tmp_path / "archive.zip"))


def test_what_is_no_file_is_not_waited_for(tmp_path):
    write(tmp_path / "archive")
    (tmp_path / "archive" / "Toy_TEST.tsv").unlink()
    os.mkfifo(tmp_path / "archive" / "Toy_TEST.tsv")
    assert message(load_ucr, "Toy", tmp_path / "archive") == (
        f"{tmp_path}/archive/Toy_TEST.tsv is not a file; expected a file in the layout of "
        "UCRArchive_2018."
    )
    os.mkfifo(tmp_path / "archive.zip")
    assert message(load_ucr, "Toy", tmp_path / "archive.zip").startswith(
        f"{tmp_path}/archive.zip is not a file; expected a folder or a zip in the layout"
    )


def test_a_damaged_zip_never_shows_a_traceback_of_zipfile(tmp_path):
    whole = write_zip(tmp_path / "whole.zip").read_bytes()
    path = tmp_path / "damaged.zip"
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 0x10
        for data in (whole[:position], bytes(flipped)):
            path.write_bytes(data)
            try:
                check_toy(load_ucr("Toy", path))
            except ValueError as error:
                assert str(error).endswith(".") and "damaged.zip" in str(error)

    start = whole.index(b"Toy_TRAIN.tsv") + len(b"Toy_TRAIN.tsv")
    path.write_bytes(whole[:start] + bytes([whole[start] ^ 0x06]) + whole[start + 1 :])
    sentence = message(load_ucr, "Toy", path)
    assert sentence.startswith(f"UCRArchive_2018/Toy/Toy_TRAIN.tsv in {path} is damaged (")
    assert sentence.endswith("); download the archive again.")


# Encryption


def encrypt(data, password, check_byte):
    """Encrypt as PKWARE's APPNOTE 6.1 says: three keys, stepped by every byte of plain text."""

    def crc32(byte, crc):
        return ~zlib.crc32(bytes([byte]), ~crc & 0xFFFFFFFF) & 0xFFFFFFFF

    keys = [0x12345678, 0x23456789, 0x34567890]

    def step(byte):
        keys[0] = crc32(byte, keys[0])
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc32(keys[1] >> 24, keys[2])

    for byte in password:
        step(byte)
    encrypted = bytearray()
    for byte in bytes(11) + bytes([check_byte]) + data:
        low = (keys[2] | 2) & 0xFFFF
        encrypted.append(byte ^ ((low * (low ^ 1)) >> 8) & 0xFF)
        step(byte)
    return bytes(encrypted)


@pytest.fixture
def encrypted_zip(tmp_path):
    """Write what zipfile cannot: stored members, encrypted with the password b"secret"."""
    path = tmp_path / "encrypted.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for split, text in (("TRAIN", TRAIN), ("TEST", TEST)):
            plain = text.encode()
            member = f"UCRArchive_2018/Toy/Toy_{split}.tsv"
            archive.writestr(member, encrypt(plain, b"secret", zlib.crc32(plain) >> 24))
            info = archive.getinfo(member)
            info.flag_bits |= 0x1
            info.CRC, info.file_size = zlib.crc32(plain), len(plain)
    # The directory at the end has flag, checksum and size; the members' own headers need the flag.
    data = bytearray(path.read_bytes())
    start = data.find(b"PK\x03\x04")
    while start >= 0:
        data[start + 6] |= 0x1
        start = data.find(b"PK\x03\x04", start + 1)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("password", ["secret", b"secret"])
def test_an_encrypted_zip_opens_with_its_password(encrypted_zip, password):
    check_toy(load_ucr("Toy", encrypted_zip, password=password))
    assert list_ucr(encrypted_zip) == ["Toy"]


def test_an_encrypted_zip_without_its_password(encrypted_zip):
    member = f"UCRArchive_2018/Toy/Toy_TRAIN.tsv in {encrypted_zip}"
    assert message(load_ucr, "Toy", encrypted_zip) == (
        f"{member} is encrypted, and no password came; pass password=... (the archive's authors "
        "publish it in their briefing document)."
    )
    # The format checks one byte only, so that about every 256th wrong password gets further.
    for password in ["wrong", "", *(str(i) for i in range(600))]:
        assert message(load_ucr, "Toy", encrypted_zip, password=password) == (
            f"{member} does not open with this password; check the password, and download the "
            "archive again if it is right."
        )


# What comes with sktime


def test_bundled_datasets():
    pytest.importorskip("sktime", reason="archive=None reads the datasets that come with sktime")
    names = list_ucr()
    assert {"ArrowHead", "BasicMotions", "GunPoint", "JapaneseVowels", "PLAID"} <= set(names)
    assert "Tecator" not in names
    X_train, y_train, X_test, _ = load_ucr("PLAID")
    assert len(X_train) == len(X_test) == 537
    assert {series.shape[0] for series in X_train + X_test} == {1}
    assert sorted(set(y_train.tolist())) == list(range(11))
    assert message(load_ucr, "gunpointt") == (
        "'gunpointt' is not among the datasets that come with sktime; the nearest name is "
        "GunPoint. For others pass archive=... with the folder or the zip of UCRArchive_2018, "
        "as `lstmfcn download ucr` brings it; nothing downloads by itself."
    )


def test_without_sktime(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert message(load_ucr, "GunPoint", error=ImportError) == (
        "archive=None means the datasets that come with sktime, and no sktime with its datasets "
        "is installed; pip install sktime, or pass archive=... with the folder or the zip of "
        "UCRArchive_2018. Nothing downloads by itself."
    )


def test_reading_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from lstmfcn.datasets import load_ucr\n"
        "try:\n"
        "    load_ucr('GunPoint')\n"
        "except ImportError:\n"
        "    pass\n"
        "heavy = {'keras', 'tensorflow', 'sktime', 'pandas', 'sklearn', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# Real data


@pytest.fixture(scope="module")
def shared_data():
    fallback = Path(__file__).parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("LSTMFCN_DATA", fallback))
    if not folder.is_dir():
        pytest.skip(f"real data are neither in LSTMFCN_DATA nor in {fallback}")
    return folder


@pytest.fixture(scope="module")
def ucr_zip(shared_data):
    path = shared_data / "ucr" / "ucr2018-subset.zip"
    if not path.exists():
        pytest.skip(f"{path} does not exist")
    return path


def test_every_published_name_resolves(shared_data):
    published = shared_data / "published"
    if not published.is_dir():
        pytest.skip(f"{published} does not exist")
    for file, column, n_names in (
        ("karim2018-training-loss.csv", "Dataset", 85),
        ("ucr2018-summary.csv", "dataset", 128),
        ("dl4tsc-ucr128.csv", "dataset_name", 128),
    ):
        with open(published / file, newline="") as lines:
            names = {row[column] for row in csv.DictReader(lines)}
        assert len({canonical_name(name) for name in names}) == len(names) == n_names


@pytest.mark.parametrize(
    ("name", "n_train", "n_test", "n_timepoints", "n_classes"),
    [
        ("Gun_Point", 50, 150, 150, 2),
        ("FaceFour", 24, 88, 350, 4),
        ("CBF", 30, 900, 128, 3),
        ("Adiac", 390, 391, 176, 37),
        ("Fungi", 18, 186, 201, 18),
        ("HouseTwenty", 40, 119, 2000, 2),
    ],
)
def test_sizes_of_real_datasets(ucr_zip, name, n_train, n_test, n_timepoints, n_classes):
    X_train, y_train, X_test, y_test = load_ucr(name, ucr_zip)
    assert X_train.shape == (n_train, n_timepoints) and y_train.shape == (n_train,)
    assert X_test.shape == (n_test, n_timepoints) and y_test.shape == (n_test,)
    assert len(np.unique(y_train)) == len(np.unique(y_test)) == n_classes
    assert y_train.dtype == np.int64


def test_a_real_dataset_is_what_numpy_reads(ucr_zip):
    X_train, y_train, *_ = load_ucr("GunPoint", ucr_zip)
    with zipfile.ZipFile(ucr_zip) as archive:
        with archive.open("UCRArchive_2018/GunPoint/GunPoint_TRAIN.tsv") as file:
            table = np.loadtxt(file, delimiter="\t")
    assert_array_equal(y_train, table[:, 0])
    assert_array_equal(X_train, table[:, 1:])


def test_the_bundled_copy_of_a_dataset_is_the_same(ucr_zip):
    pytest.importorskip("sktime", reason="archive=None reads the datasets that come with sktime")
    for ours, bundled in zip(load_ucr("OSULeaf", ucr_zip), load_ucr("OSULeaf"), strict=True):
        assert_array_equal(ours, bundled)


def test_all_real_datasets_load_or_say_why(ucr_zip):
    names = list_ucr(ucr_zip)
    assert len(names) == 38 and set(names) <= set(UCR_2018_NAMES)
    unequal, refused = [], {}
    for name in names:
        try:
            X_train, y_train, X_test, y_test = load_ucr(name, ucr_zip)
        except ValueError as error:
            refused[name] = str(error)
            continue
        assert len(X_train) == len(y_train) and len(X_test) == len(y_test)
        if isinstance(X_train, list):
            unequal.append(name)
    assert unequal == ["GesturePebbleZ1", "PickupGestureWiimoteZ"]
    assert refused == {
        "DodgerLoopDay": "DodgerLoopDay has missing values inside 11 of 78 training and 3 of 80 "
        "test series; pass missing='interpolate' to fill them linearly."
    }
    X_train, *_ = load_ucr("DodgerLoopDay", ucr_zip, missing="interpolate")
    assert X_train.shape == (78, 288) and np.isfinite(X_train).all()
