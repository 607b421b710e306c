"""Does a table of one's own become series: columns chosen or left out, recordings, windows?"""

import numpy as np
import pytest
from conftest import refusal

from lstmfcn.datasets import read_recording, read_series, windows


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_recording_has_a_row_for_each_timepoint(tmp_path):
    path = write(
        tmp_path / "log.csv",
        "timestamp;ax;person;ay;activity",
        "2024-01-01 00:00;1.5;anna;-2;walk",
        "2024-01-01 00:01;;anna;3;",
        "2024-01-01 00:02;4;ben;nan;run",
    )
    found = read_recording(path, label_column="activity", group_column="Person")
    np.testing.assert_array_equal(found.values, [[1.5, np.nan, 4.0], [-2.0, 3.0, np.nan]])
    assert found.labels == ["walk", "", "run"] and found.groups == ["anna", "anna", "ben"]
    assert found.channels == ("ax", "ay") and found.left_out == ("timestamp",)


def test_labels_are_found_by_their_name_or_place(tmp_path):
    path = write(tmp_path / "log.tsv", "x\ty\tz", "1\twalk\t2")
    assert read_recording(path).labels == ["walk"]
    assert read_recording(path, label_column="first", drop=["y"]).labels == ["1"]
    assert read_recording(path, label_column="last", drop=["y"]).channels == ("x",)
    assert read_recording(path, label_column="none", drop=["y"]).labels is None


def test_windows_of_a_recording_keep_people_apart(tmp_path):
    rows = [f"{t},{'ab'[t >= 50]},{t % 7},{'walk' if t % 100 < 70 else 'run'}" for t in range(200)]
    path = write(tmp_path / "log.csv", "time,who,x,class", *rows)
    found = read_recording(path, group_column="who")
    X, y, groups, starts = windows(found.values, 10, labels=found.labels, groups=found.groups)
    assert X.shape == (20, 1, 10) and set(y) == {"walk", "run"}
    assert (groups == np.where(starts < 50, "a", "b")).all()


@pytest.mark.parametrize(
    ("lines", "options", "sentence"),
    [
        (["1,2", "3,4"], {}, "has no first line that names its columns; add one."),
        (["x,label"], {}, "has no rows behind the names of its columns."),
        (["x,y,label", "1,2,3"], {}, "may have labels in 'y' and 'label'; choose"),
        (["x,z", "1,walk"], {}, "line 2 holds 'walk' in the column 'z'; expected a number; if"),
        (["x,z", "1,inf"], {}, "line 2 holds 'inf' in the column 'z'"),
        (["x,z", "1,1_0"], {}, "line 2 holds '1_0' in the column 'z'"),
        (["x,z", "1"], {}, "line 2 has 1 columns, but the first line names 2"),
        (["x,z", "1,2"], {"group_column": "who"}, "no column of the name group_column='who'"),
        (["x,z", "1,2"], {"drop": ["who"]}, "no column of the name drop='who'"),
        (["x,X", "1,2"], {"drop": ["xx"]}, "its columns are 'x', 'X'"),
        (["time,label", "1,2"], {}, "has no column with values beside time, label."),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, lines, options, sentence):
    path = write(tmp_path / "log.csv", *lines)
    assert sentence in refusal(lambda: read_recording(path, **options))


def test_a_table_of_series_with_groups_and_columns_that_are_no_values(tmp_path):
    path = write(
        tmp_path / "series.csv",
        "person;t0;weight;t1;kind;t2",
        "anna;1;70.5;2;a;3",
        "ben;4;80.1;5;b;6",
    )
    X, y, groups = read_series(path, label_column="kind", group_column="person", drop=["weight"])
    assert X.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert y.tolist() == ["a", "b"] and groups.tolist() == ["anna", "ben"]
    X, y = read_series(path, labels="none", drop=["weight", "kind", "person"])
    assert X.shape == (2, 3) and y is None
    X, y = read_series(path, label_column="first", drop=["weight", "kind"])
    assert y.tolist() == ["anna", "ben"]


def test_columns_that_are_not_there_are_refused(tmp_path):
    path = write(tmp_path / "series.csv", "label,t0,t1", "a,1,2", "b,3,4")
    for options in ({"drop": ["t7"]}, {"group_column": "t7"}):
        assert "has no column of the name" in refusal(lambda o=options: read_series(path, **o))
    np.save(tmp_path / "series.npy", np.zeros((2, 3)))
    refused = refusal(lambda: read_series(tmp_path / "series.npy", drop=["a"]))
    assert refused == "group_column, id_column and drop are for tables, but series.npy is none."
    both = {"label_column": "first", "drop": ["label"]}
    assert "labels in a column that is dropped" in refusal(lambda: read_series(path, **both))


@pytest.mark.parametrize("nothing", ["", "NaN", "?", "<NA>"])
def test_a_missing_label_is_no_class(tmp_path, nothing):
    path = tmp_path / "log.csv"
    labels = ["1"] * 4 + [nothing] * 4 + ["2"] * 4
    path.write_text("x,label\n" + "".join(f"{i % 5},{label}\n" for i, label in enumerate(labels)))
    recording = read_recording(path)
    assert recording.labels == ["1"] * 4 + [""] * 4 + ["2"] * 4


def test_an_axis_is_no_label_and_a_temperature_no_time(tmp_path):
    found = read_recording(write(tmp_path / "a.csv", "time,x,y,z", "0,1,2.5,3", "1,4,5.5,7"))
    assert found.channels == ("x", "y", "z") and found.labels is None
    found = read_recording(write(tmp_path / "b.csv", "x,y", "1,walk", "4,run"))
    assert found.channels == ("x",) and found.labels == ["walk", "run"]
    found = read_recording(write(tmp_path / "c.csv", "date,T,RH", "1/1,20,40", "2/1,19,41"))
    assert found.channels == ("T", "RH") and found.left_out == ("date",)
