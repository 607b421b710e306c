"""Does read_series find the series and the labels in each kind of file?"""

import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lstmfcn.datasets import read_series

X_EXPECTED = np.array([[0.5, 0.25, 1.0], [1.5, 2.5, -0.1]])
TSV = "1\t0.5\t0.25\t1\n2\t1.5\t2.5\t-0.1\n"
CSV = TSV.replace("\t", ",")
NO_LABELS = "0.5,0.25,1\n1.5,2.5,-0.1\n"
TS = "@classLabel true 1 2\n@data\n0.5,0.25,1:1\n1.5,2.5,-0.1:2\n"


@pytest.fixture
def write(tmp_path):
    """Write a text, bytes or an array to a file of a temporary folder and return its path."""

    def write_file(name, content):
        path = tmp_path / name
        if isinstance(content, np.ndarray):
            np.save(path, content, allow_pickle=content.dtype == object)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
        return path

    return write_file


def message(call, *args, error=ValueError, **kwargs):
    """Return the whole sentence that a call raises."""
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    assert type(raised.value) is error
    return str(raised.value)


def check(read, labels=(1, 2)):
    X, y = read
    assert X.dtype == np.float64
    assert_array_equal(X, X_EXPECTED)
    if labels is None:
        assert y is None
    else:
        assert y.tolist() == list(labels)


# Tables


@pytest.mark.parametrize(
    ("name", "text", "labels", "expected"),
    [
        ("x.tsv", TSV, "auto", (1, 2)),
        ("x.TSV", TSV, "first", (1, 2)),
        ("x.csv", CSV, "auto", (1, 2)),
        ("x.csv", CSV.replace("\n", "\r\n"), "auto", (1, 2)),
        ("x.csv", CSV.replace("1,0", "walk,0"), "auto", ("walk", "2")),
        ("x.csv", CSV.replace("1,0", '"sit, down",0'), "auto", ("sit, down", "2")),
        ("x.csv", NO_LABELS, "none", None),
        ("x.csv", "0.5,0.25,1,a\n1.5,2.5,-0.1,b\n", "last", ("a", "b")),
        ("x.tsv", "0.5\t0.25\t1\ta\n1.5\t2.5\t-0.1\tb\n", "last", ("a", "b")),
        # Headers: names, names without one for the label, or the column numbers of pandas.
        ("x.csv", "gait,t0,t1,t2\n" + CSV, "auto", (1, 2)),
        ("x.csv", ",t0,t1,t2\n" + CSV, "auto", (1, 2)),
        ("x.csv", "label,0,1,2\n" + CSV, "auto", (1, 2)),
        ("x.csv", "1,2,3,y\n0.5,0.25,1,a\n1.5,2.5,-0.1,b\n", "last", ("a", "b")),
        ("x.csv", "t0,t1,t2\n" + NO_LABELS, "none", None),
        ("x.csv", "0,1,2\n" + NO_LABELS, "none", None),
    ],
)
def test_tables(write, name, text, labels, expected):
    check(read_series(write(name, text), labels=labels), expected)


@pytest.mark.parametrize("first_label", ["7", "walk", "run"])
def test_a_series_that_counts_is_not_a_header(write, first_label):
    path = write("x.csv", f"{first_label},0,1,2\nwalk,3,4,5\n")
    X, y = read_series(path)
    assert_array_equal(X, [[0, 1, 2], [3, 4, 5]])
    assert y.tolist() == [first_label, "walk"]


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_the_expected_length_tells_whether_there_are_labels(write, ending):
    with_labels = TSV if ending == "tsv" else CSV
    without = NO_LABELS.replace(",", "\t") if ending == "tsv" else NO_LABELS
    check(read_series(write(f"with.{ending}", with_labels), n_timepoints=3))
    path = write(f"without.{ending}", without)
    check(read_series(path, n_timepoints=3), None)
    check(read_series(path, n_timepoints=99, labels="none"), None)
    # Without a known length, or with another one, the first column is the label.
    for n_timepoints in (None, 99):
        X, y = read_series(path, n_timepoints=n_timepoints)
        assert X.shape == (2, 2) and y.tolist() == ["0.5", "1.5"]


def test_empty_cells_at_the_end_mean_unequal_length(write):
    X, y = read_series(write("x.csv", "a,1,2,3\nb,4,,\n"))
    assert [series.tolist() for series in X] == [[[1, 2, 3]], [[4]]]
    assert y.tolist() == ["a", "b"]


def test_missing_values(write):
    path = write("x.csv", "a,1,,3\nb,4,5,6\n")
    assert message(read_series, path) == (
        "x.csv has missing values inside 1 of 2 series; "
        "pass missing='interpolate' to fill them linearly."
    )
    X, _ = read_series(path, missing="interpolate")
    assert_array_equal(X, [[1, 2, 3], [4, 5, 6]])


# .ts


def test_ts_has_its_own_labels(write):
    path = write("x.ts", TS)
    check(read_series(path))
    check(read_series(path, labels="none"), None)
    check(read_series(path, labels=write("y.txt", "up\ndown\n")), ("up", "down"))
    text = "@classLabel false\n@data\n0.5,0.25,1\n1.5,2.5,-0.1\n"
    check(read_series(write("plain.ts", text)), None)


def test_ts_targets_can_be_left_out(write):
    path = write("x.ts", "@targetLabel true\n@data\n0.5,0.25,1:0.1\n1.5,2.5,-0.1:0.2\n")
    check(read_series(path, labels="none"), None)


# .npy


def test_npy(write):
    check(read_series(write("x.npy", X_EXPECTED)), None)
    check(read_series(write("x.npy", X_EXPECTED[:, np.newaxis, :])), None)
    check(read_series(write("x.npy", np.c_[[1, 2], X_EXPECTED]), labels="first"))
    check(read_series(write("x.npy", np.c_[X_EXPECTED, [1, 2]]), labels="last"))
    check(
        read_series(write("x.npy", X_EXPECTED), labels=write("y.npy", np.array(["a", "b"]))), "ab"
    )

    panel = np.arange(12, dtype=np.int16).reshape(2, 2, 3)
    X, y = read_series(write("x.npy", panel))
    assert X.dtype == np.float64 and y is None
    assert_array_equal(X, panel)

    padded = np.array([[1, 2, np.nan], [3, 4, 5]], dtype=np.float32)
    X, _ = read_series(write("x.npy", padded))
    assert [series.tolist() for series in X] == [[[1, 2]], [[3, 4, 5]]]


# Label files


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("y.txt", "1\n2\n", (1, 2)),
        ("y.txt", "sit down\n2", ("sit down", "2")),
        ("y.csv", "a\nb\n", ("a", "b")),
        ("y.csv", "label\na\nb\n", ("a", "b")),
        ("y.npy", np.array([1, 2], dtype=np.uint8), (1, 2)),
        ("y.npy", np.array([1.0, 2.0]), (1, 2)),
        ("y.npy", np.array([True, False]), ("True", "False")),
        ("y.npy", np.array(["a", "b"]), ("a", "b")),
    ],
)
def test_label_files(write, name, content, expected):
    labels = write(name, content)
    check(read_series(write("x.csv", NO_LABELS), labels=labels), expected)
    check(read_series(write("x.csv", NO_LABELS), labels=str(labels)), expected)


# Sentences

CSV_EXPECTED = (
    "expected a label and then the values of one series on every line, separated by commas."
)
NPY_EXPECTED = "expected one numeric array that numpy.save wrote."
SHAPES = "(n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)"


def savez(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "labels", "sentence"),
    [
        (
            "x.xlsx",
            "",
            "auto",
            "x.xlsx has the ending '.xlsx', which is not known; expected one of .tsv, .csv, .ts, "
            ".npy.",
        ),
        (
            "x",
            "",
            "auto",
            "x has the ending '', which is not known; expected one of .tsv, .csv, .ts, .npy.",
        ),
        ("x.csv", "", "auto", f"x.csv is empty; {CSV_EXPECTED}"),
        ("x.csv", "1;2;3\n4;5;6\n", "auto", f"x.csv line 1 has 1 column; {CSV_EXPECTED}"),
        (
            "x.csv",
            "a,1,2\nb,3\n",
            "auto",
            "x.csv line 2 has 2 columns, but line 1 has 3; the file may be cut off, or a shorter "
            "series needs NaN at its end.",
        ),
        (
            "x.csv",
            "y,t0,t1\na,1,2\nb,3,oops\n",
            "auto",
            "x.csv line 3 column 3 holds 'oops'; expected a number, or NaN where a value is "
            "missing.",
        ),
        (
            "x.csv",
            "a,1,2\nb,3,oops\n",
            "none",
            "x.csv line 1 column 1 holds 'a'; expected a number, or NaN where a value is missing.",
        ),
        (
            "x.csv",
            "1,2,a\n3,4,\n",
            "last",
            "x.csv line 2 has no label in column 3 (it holds ''); expected the values of one "
            "series and then its label on every line, separated by commas.",
        ),
        (
            "x.csv",
            'a,"' + "1" * 200_000,
            "auto",
            "x.csv line 1 is not comma-separated text (field larger than field limit (131072)); "
            "expected values separated by commas.",
        ),
        (
            "x.tsv",
            "inf\t1\n",
            "none",
            "x.tsv line 1 column 1 holds 'inf', which is infinite; expected a finite number, or "
            "NaN where a value is missing.",
        ),
        (
            "x.ts",
            TS,
            "first",
            "labels='first' is for tables, but x.ts is a .ts file, which has its own place for "
            "labels; pass 'auto', 'none' or a label file.",
        ),
        ("x.npy", "text", "auto", f"x.npy is no .npy file; {NPY_EXPECTED}"),
        ("x.npy", b"", "auto", f"x.npy is no .npy file; {NPY_EXPECTED}"),
        (
            "x.npy",
            savez(a=np.ones(3)),
            "auto",
            f"x.npy is a zip of arrays, as numpy.savez writes; {NPY_EXPECTED}",
        ),
        (
            "x.npy",
            np.array([[1], [1, 2]], dtype=object),
            "auto",
            f"x.npy holds Python objects; {NPY_EXPECTED}",
        ),
        (
            "x.npy",
            np.array([["a", "b"]]),
            "auto",
            f"x.npy holds an array of dtype <U1; expected numbers, of shape {SHAPES}.",
        ),
        (
            "x.npy",
            np.ones(3),
            "auto",
            f"x.npy holds an array of shape (3,); expected {SHAPES}.",
        ),
        (
            "x.npy",
            np.ones((0, 3)),
            "auto",
            f"x.npy holds an array of shape (0, 3); expected {SHAPES}.",
        ),
        (
            "x.npy",
            np.ones((2, 2, 3)),
            "last",
            "labels='last' needs a label column, but x.npy holds an array of shape (2, 2, 3); "
            "pass labels='none' or a label file.",
        ),
        (
            "x.npy",
            np.array([[np.nan, 1.0]]),
            "first",
            "x.npy has no label for series 0 (it holds nan); expected a number or a text.",
        ),
        (
            "x.npy",
            np.array([[1.0, 2.0], [np.inf, 1.0]]),
            "auto",
            "x.npy holds an infinite value in series 1; expected finite numbers, or NaN where a "
            "value is missing.",
        ),
        (
            "x.npy",
            np.array([[1.0, 2.0], [np.nan, np.nan]]),
            "auto",
            "x.npy series 1 has no values, only missing ones; remove this series.",
        ),
    ],
)
def test_sentences_about_series_files(write, name, content, labels, sentence):
    assert message(read_series, write(name, content), labels=labels) == sentence


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "y.txt",
            "a\nb\nc\n",
            "y.txt has 3 labels, but x.csv has 2 series; expected one label per series, in the "
            "same order.",
        ),
        ("y.txt", "a\n\n b\n", "y.txt line 2 is blank; expected one label per line."),
        ("y.csv", "a,b\n", "y.csv line 1 has 2 columns; expected one label per line."),
        (
            "y.npy",
            np.ones((2, 1)),
            "y.npy holds an array of shape (2, 1) and dtype float64; expected labels of shape "
            "(n_samples,), numbers or text.",
        ),
        (
            "y.npy",
            np.array([1.0, np.nan]),
            "y.npy has no label for series 1 (it holds nan); expected a number or a text.",
        ),
        (
            "y.json",
            "[]",
            "y.json has the ending '.json', which is not known for labels; expected one of .txt, "
            ".csv, .npy.",
        ),
    ],
)
def test_sentences_about_label_files(write, name, content, sentence):
    series = write("x.csv", NO_LABELS)
    assert message(read_series, series, labels=write(name, content)) == sentence


def test_a_cut_off_npy(write):
    whole = write("x.npy", X_EXPECTED).read_bytes()
    for n_bytes in range(len(whole)):
        sentence = message(read_series, write("x.npy", whole[:n_bytes]))
        assert sentence.startswith(("x.npy is no .npy file; ", "x.npy is damaged ("))
        assert sentence.endswith(NPY_EXPECTED)


def test_sentences_about_paths(write, tmp_path):
    gone = tmp_path / "gone.csv"
    assert message(read_series, gone, error=FileNotFoundError) == (
        f"{gone} does not exist; expected a file with series."
    )
    assert message(read_series, tmp_path) == f"{tmp_path} is a folder; expected a file with series."
    series = write("x.csv", NO_LABELS)
    assert message(read_series, series, labels="frist", error=FileNotFoundError) == (
        "labels='frist' is neither 'auto', 'first', 'last' or 'none' nor a file that exists."
    )
    assert message(read_series, series, labels=tmp_path) == (
        f"{tmp_path} is a folder; expected a file with labels."
    )
    assert message(read_series, series, labels=None, error=TypeError) == (
        "labels must be 'auto', 'first', 'last', 'none' or the path of a label file, but it is "
        "NoneType."
    )
    assert message(read_series, series, missing="drop") == (
        "missing='drop' is not known; pass 'error' to refuse missing values or 'interpolate' to "
        "fill them linearly."
    )
