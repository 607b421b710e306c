"""Does read_series find the series and the labels in each kind of file?"""

import io
import os

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
        ("x.csv", ",t0,t1,t2\n" + CSV, "first", (1, 2)),
        ("x.csv", "label,0,1,2\n" + CSV, "auto", (1, 2)),
        ("x.tsv", '"gait"\t"t0"\t"t1"\t"t2"\n' + TSV.replace("1\t", '"1"\t', 1), "auto", (1, 2)),
        ("x.csv", "1,2,3,y\n0.5,0.25,1,a\n1.5,2.5,-0.1,b\n", "last", ("a", "b")),
        ("x.csv", "t0,t1,t2\n" + NO_LABELS, "none", None),
        ("x.csv", "0,1,2\n" + NO_LABELS, "none", None),
    ],
)
def test_tables(write, name, text, labels, expected):
    check(read_series(write(name, text), labels=labels), expected)


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        # Named anywhere, in any case; pandas' index and other columns of a label's name left out.
        ("x.csv", "t0,t1,t2,label\n0.5,0.25,1,a\n1.5,2.5,-0.1,b\n", {}),
        ("x.tsv", "t0\tt1\tt2\tCLASS\n0.5\t0.25\t1\ta\n1.5\t2.5\t-0.1\tb\n", {}),
        ("x.csv", ",Target,t0,t1,t2\n0,a,0.5,0.25,1\n1,b,1.5,2.5,-0.1\n", {}),
        ("x.csv", "Unnamed: 0,t0,t1,t2,y\n7,0.5,0.25,1,a\n9,1.5,2.5,-0.1,b\n", {}),
        ("x.csv", "id,gait,t0,t1,t2\n7,a,0.5,0.25,1\n9,b,1.5,2.5,-0.1\n", {}),
        (
            "x.csv",
            "label,t0,t1,t2,class\n3,0.5,0.25,1,a\n4,1.5,2.5,-0.1,b\n",
            {"label_column": "class"},
        ),
        # Columns named by numbers: positions, or times.
        ("x.csv", ",0,1,2,label\n0,0.5,0.25,1,a\n1,1.5,2.5,-0.1,b\n", {}),
        ("x.csv", "label,0.0,0.01,0.02\na,0.5,0.25,1\nb,1.5,2.5,-0.1\n", {}),
        # What the caller says.
        ("x.csv", "t0,t1,gait,t2\n0.5,0.25,a,1\n1.5,2.5,b,-0.1\n", {"label_column": "Gait"}),
        ("x.csv", "0.5,0.25,1,a\n1.5,2.5,-0.1,b\n", {"label_column": "last"}),
        ("x.csv", "a,0.5,0.25,1\nb,1.5,2.5,-0.1\n", {"label_column": "first"}),
    ],
)
def test_the_label_column(write, name, text, where):
    check(read_series(write(name, text), **where), ("a", "b"))


@pytest.mark.parametrize(
    "text", [",t0,t1,t2\n4,0.5,0.25,1\n8,1.5,2.5,-0.1\n", "0.5,0.25,1\n1.5,2.5,-0.1\n"]
)
def test_without_labels_an_index_is_left_out(write, text):
    check(read_series(write("x.csv", text), labels="none"), None)


def table(labels, at, n_values=3):
    """Return a .csv without a first line, with the labels before value ``at`` of each series."""
    rows = np.random.RandomState(0).uniform(size=(len(labels), n_values)).round(3).astype(str)
    lines = [[*row[:at], str(label), *row[at:]] for row, label in zip(rows, labels, strict=True)]
    return "\n".join(map(",".join, lines)) + "\n"


CSV_EXPECTED = (
    "expected a label and then the values of one series on every line, separated by commas."
)
SAY = "pass label_column=NAME, 'first' or 'last', or labels='none'."


@pytest.mark.parametrize(
    ("text", "where", "sentence"),
    [
        (
            table([0.0, 1.0, 2.0] * 4, 3),
            {},
            "the first column of x.csv does not look like labels: it holds '0.549' and has 11 "
            f"different ones for 12 series; {SAY}",
        ),
        (
            "t0,t1,t2,Y\n" + table(np.arange(8) / 4, 3),
            {},
            f"column 4 of x.csv does not look like labels: it holds '0.25'; {SAY}",
        ),
        (table([f"clip{i}" for i in range(6)] * 2, 0), {}, None),
        (
            table([f"clip{i}" for i in range(12)], 0),
            {},
            "the first column of x.csv does not look like labels: it has 12 different ones for 12 "
            f"series; {SAY}",
        ),
        # Who says where the labels are may have 18 classes of one series, but no measurements.
        (table(range(18, 0, -1), 0), {"label_column": "first"}, None),
        (
            table([0, 1] * 6, 0),
            {"label_column": "last"},
            "the last column of x.csv does not look like labels: it holds '0.603' and has 12 "
            f"different ones for 12 series; {SAY}",
        ),
        (
            "row," * 3 + "label\n" + table([0, 1] * 6, 3),
            {"label_column": "row"},
            "x.csv has 3 columns of the name label_column='row'; its columns are 'row', 'row', "
            "'row', 'label' (4 in all).",
        ),
        (
            "t0,t1,t2,gait\n" + table([0, 1] * 6, 3),
            {"label_column": "label"},
            "x.csv has no column of the name label_column='label'; its columns are 't0', 't1', "
            "'t2', 'gait' (4 in all).",
        ),
        (
            table([0, 1] * 6, 3),
            {"label_column": "label"},
            "x.csv has no first line that names its columns, but label_column='label' is a name; "
            "pass 'first' or 'last'.",
        ),
        (
            "1,0.5,2,3\n" + table([0, 1] * 6, 0),
            {"label_column": "1"},  # no position, and no name either
            "x.csv has no first line that names its columns, but label_column='1' is a name; pass "
            "'first' or 'last'.",
        ),
        (
            ",1,2,4\n" + table([0, 1] * 6, 0),
            {},
            f"x.csv line 1 has no label in column 1 (it holds ''); {CSV_EXPECTED}",
        ),
        (
            ",t0,t1,t2,gait\n" + table(range(3), 0, 4),
            {},
            "x.csv: the first column has no name; pass label_column='first' if it holds the "
            "labels, or labels='none' if it is an index of series without labels.",
        ),
        (
            "t0,t1,t2,t3,gait\n" + table([0, 1] * 6, 4, 4),
            {},
            "x.csv names no column 'label', 'class', 'target' or 'y'; say which one holds the "
            "labels with label_column=NAME, 'first' or 'last', or pass labels='none'.",
        ),
        (
            "subject,t0,t1,t2,t3,label\n" + table([0, 1] * 6, 5, 5),
            {},
            "x.csv has the column 'subject' among timepoints; pass drop=subject if it is none, "
            "id_column=subject if it names the series, or label_column=subject if it holds the "
            "labels.",
        ),
        (
            table(range(5), 0),
            {},
            "the first column of x.csv does not look like labels: it counts the series; pass "
            "label_column=NAME, 'first' or 'last', or labels='none'.",
        ),
        (
            "label,class,t0,t1\n" + table([0, 1] * 6, 3),
            {},
            "x.csv may have labels in 'label' and 'class'; choose one with label_column=NAME.",
        ),
        (
            table(["walk", "run"] * 6, 3),
            {},
            "x.csv line 1 ends in 'walk', but expected a number; if the labels are there, pass "
            "label_column='last'.",
        ),
        (
            "\n".join(f"{i},0.5,{i % 2}" for i in range(12)),
            {"label_column": "last"},
            "x.csv column 1 counts the series, so it is an index; remove it, or call it 'index' in "
            "a first line that names the columns.",
        ),
        (
            table([0, 1] * 6, 3),
            {"label_column": "last", "labels": "none"},
            "labels='none' and label_column='last' both say where the labels are; pass one of "
            "them.",
        ),
    ],
)
def test_labels_that_look_like_something_else(write, text, where, sentence):
    path = write("x.csv", text)
    if sentence is None:
        X, y = read_series(path, **where)
        assert X.shape == (len(y), 3)
    else:
        assert message(read_series, path, **where) == sentence


def test_the_archive_has_a_class_for_each_series(write):
    text = table(range(18, 0, -1), 0).replace(",", "\t")
    assert len(np.unique(read_series(write("Fungi_TRAIN.tsv", text))[1])) == 18
    assert message(read_series, write("own.tsv", text)) == (
        "the first column of own.tsv does not look like labels: it has 18 different ones for 18 "
        f"series; {SAY}"
    )


@pytest.mark.parametrize("name", ["y.txt", "y.npy"])
def test_a_label_file_of_measurements(write, name):
    values = np.linspace(0, 1, 12)
    content = values if name == "y.npy" else "\n".join(map(str, values))
    series = write("x.npy", np.random.RandomState(0).normal(size=(12, 5)))
    assert message(read_series, series, labels=write(name, content)) == (
        f"{name} does not look like labels: it holds '{values[1]}' and has 12 different ones for "
        f"12 series; {SAY}"
    )


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("00", "01", "10"), ["00", "01", "10"]),
        (("1", "01", "001"), ["1", "01", "001"]),
        (("0", "-1", "10"), [0, -1, 10]),
        (("0.0", "1.0", "2.0000000e+00"), [0, 1, 2]),
        (("1E2", "1E3", "1E2"), ["1E2", "1E3", "1E2"]),
        (("True", "False", "True"), ["True", "False", "True"]),
        (("1", "\u0661", "2"), ["1", "\u0661", "2"]),  # float() takes the digits of all scripts
    ],
)
def test_labels_come_back_as_they_were(write, labels, expected):
    text = "".join(f"{label},0.5,2\n" for label in labels).encode()
    assert read_series(write("x.csv", text))[1].tolist() == expected
    as_text = np.array([str(label) for label in expected])
    _, y = read_series(write("x.csv", text), classes=np.unique(as_text))
    assert y.tolist() == as_text.tolist()


def test_labels_as_the_classes_of_a_model(write):
    path = write("x.csv", table([1, 2, 1], 0))
    for classes in (np.array([1.0, 2.0]), np.array([1, 2, 3], np.int8), np.array(["1", "2"])):
        _, y = read_series(path, classes=classes)
        assert y.dtype == classes.dtype and y.tolist() == classes[[0, 1, 0]].tolist()
    _, y = read_series(path, classes=np.array([1, 5]))
    assert y.tolist() == ["1", "2", "1"]
    each = write("each.csv", table(range(12), 0))
    _, y = read_series(each, classes=np.arange(20))  # all are known: not doubted
    assert y.tolist() == list(range(12))
    assert message(read_series, path, classes=np.array(["walk", "run"])) == (
        "the first column of x.csv does not look like labels: it holds '1', which is no class of "
        f"the model; {SAY}"
    )


@pytest.mark.parametrize("first_label", ["7", "walk", "run"])
def test_a_series_that_counts_is_not_a_header(write, first_label):
    path = write("x.csv", f"{first_label},0,1,2\nwalk,3,4,5\n")
    X, y = read_series(path)
    assert_array_equal(X, [[0, 1, 2], [3, 4, 5]])
    assert y.tolist() == [first_label, "walk"]


@pytest.mark.parametrize("numbers", ["4000,3998,3996", "0.00,0.01,0.01"])
def test_numbers_beside_the_name_of_a_label_are_a_header(write, numbers):
    text = f"class,{numbers}\na,1,2,3\nb,4,5,6\n"
    X, y = read_series(write("x.csv", text))
    assert X.shape == (2, 3) and y.tolist() == ["a", "b"]


def test_a_class_may_be_called_as_a_column_of_labels(write):
    rows = "y,1.0,2.5,3.7\nn,4,5,6\nY,3,2,1\nn,1,1,2\n"
    X, y = read_series(write("x.csv", rows))
    assert X.shape == (4, 3) and y.tolist() == ["y", "n", "Y", "n"]
    labels = write("labels.csv", "y\nn\ny\nn\n")
    y = read_series(write("values.csv", NO_LABELS * 2), labels=labels)[1]
    assert y.tolist() == ["y", "n", "y", "n"]


def test_a_first_series_in_equal_steps_is_a_line_of_times_and_said_to_be(write):
    path = write("x.csv", "10.0,10.1,10.2,10.3\n1,5,2,7\n3,1,4,1\n")
    for how in ({"labels": "none"}, {"n_timepoints": 4}):
        with pytest.warns(UserWarning, match="the first line, from '10.0' to '10.3', grows in"):
            assert read_series(path, **how)[0].shape == (2, 4)


def test_known_classes_in_the_first_column_are_labels_whatever_the_length(write):
    path = write("x.csv", CSV)
    X, y = read_series(path, n_timepoints=4, classes=np.array([1, 2]))
    assert X.shape == (2, 3) and y.tolist() == [1, 2]
    X, y = read_series(path, n_timepoints=4, classes=np.array([1, 3]))
    assert X.shape == (2, 4) and y is None


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_the_expected_length_tells_whether_there_are_labels(write, ending):
    with_labels = TSV if ending == "tsv" else CSV
    without = NO_LABELS.replace(",", "\t") if ending == "tsv" else NO_LABELS
    check(read_series(write(f"with.{ending}", with_labels), n_timepoints=3))
    path = write(f"without.{ending}", without)
    check(read_series(path, n_timepoints=3), None)
    check(read_series(path, n_timepoints=99, labels="none"), None)
    # Without a known length, or with another one, the first column is the label: if it can be.
    for n_timepoints in (None, 99):
        assert message(read_series, path, n_timepoints=n_timepoints) == (
            f"the first column of without.{ending} does not look like labels: it holds '0.5'; pass "
            "label_column=NAME, 'first' or 'last', or labels='none'."
        )
    X, y = read_series(path, label_column="first")
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
        ("x.csv", "1 2 3\n4 5 6\n", "auto", f"x.csv line 1 has 1 column; {CSV_EXPECTED}"),
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
            "x.csv line 1 has a cell of more than 131,072 characters; expected values separated by "
            "commas; a quote may not be closed.",
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
            "label_column='first' is for tables, but x.ts is a .ts file, which has its own place "
            "for labels; pass labels='auto', 'none' or a label file.",
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
            "label_column='last' needs a table, but x.npy holds an array of shape (2, 2, 3); "
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


@pytest.mark.parametrize(
    "header",
    [
        "x.y" * 3000,
        "[" * 3000,
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999, 3)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 3)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3)}",
        "{'descr': '\u00e9', 'fortran_order': False, 'shape': (1, 3)}" + " " * 30_000,
    ],
)
def test_a_header_that_no_npy_has(write, header):
    data = header.encode()
    data = b"\x93NUMPY\x01\0" + len(data).to_bytes(2, "little") + data + bytes(24)
    assert message(read_series, write("x.npy", data)) == (
        f"x.npy is damaged or cut off; {NPY_EXPECTED}"
    )


def test_counts_of_very_many_digits(write):
    says = f"'@seriesLength {'9' * 26}...'"
    for count in ("9" * 5000, "9" * 400):
        path = write("x.ts", f"@classLabel true 1 2\n@seriesLength {count}\n@data\n1,2:1\n")
        assert message(read_series, path) == (
            f"x.ts line 2 says {says}; expected a whole number of at least 1."
        )


@pytest.mark.parametrize("name", ["x.csv", "x.ts", "x.npy"])
def test_a_file_of_holes_is_not_read(write, name):
    path = write(name, b"\x93NUMPY\x01\0")
    with open(path, "r+b") as file:
        file.truncate(2**34)
    assert message(read_series, path) == (
        f"{name} is damaged: it claims to be long and holds next to nothing; expected a whole file "
        "of series or labels."
    )


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    for name in ("pipe.csv", "device.csv"):
        assert (
            message(read_series, tmp_path / name)
            == f"{name} is not a file; expected a whole file of series or labels."
        )
    assert message(read_series, tmp_path / "loop.csv", error=OSError) == (
        f"{tmp_path}/loop.csv is a link that leads back to itself; expected a file with series."
    )
    assert message(read_series, "x" * 8000, error=OSError) == (
        f"{'x' * 150}...{'x' * 150} is too long for the name of a file; expected a file with "
        "series."
    )
    assert message(read_series, "a\0b.csv") == (
        "'a\\x00b.csv' holds a character that no file name can hold; expected a file with series."
    )
    assert message(read_series, 5, error=TypeError) == (
        "expected the path of a file with series, but it is int."
    )


def test_a_cut_off_npy(write):
    whole = write("x.npy", X_EXPECTED).read_bytes()
    for n_bytes in range(len(whole)):
        sentence = message(read_series, write("x.npy", whole[:n_bytes]))
        assert sentence.startswith(("x.npy is no .npy file; ", "x.npy is damaged or cut off; "))
        assert sentence.endswith(NPY_EXPECTED)


def test_sentences_about_paths(write, tmp_path):
    gone = tmp_path / "gone.csv"
    assert message(read_series, gone, error=FileNotFoundError) == (
        f"there is no file {gone}; expected a file with series."
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
