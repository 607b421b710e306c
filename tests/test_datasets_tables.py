"""Are tables read as people's programs write them, or refused with the remedy?"""

import csv
import re

import numpy as np
import pandas as pd
import pytest

from lstmfcn.datasets import read_recording, read_series

N, T = 12, 8
X = np.random.default_rng(0).normal(size=(N, T)).round(3)
Y = np.array(["walk", "run", "sit"] * (N // 3))
SERIES = pd.DataFrame(X, columns=[f"t{i}" for i in range(T)])
LABELLED = SERIES.assign(label=Y)[["label", *SERIES]]
SEMICOLONS = {"sep": ";", "decimal": ",", "index": False}
EVEN = [f"{0.02 * i:.2f}" for i in range(T)]


def with_more(text, ending):
    return "".join(f"{line}{ending}\n" for line in text.splitlines())


def headless(frame, **options):
    return frame.to_csv(index=False, header=False, **options)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + LABELLED.to_csv(index=False),
        LABELLED.to_csv(index=False, lineterminator="\r\n"),
        LABELLED.to_csv(index=False, quoting=csv.QUOTE_ALL),
        LABELLED.to_csv(index=False, sep="\t"),
        LABELLED.to_csv(),  # with pandas' index
        LABELLED.to_csv(**SEMICOLONS),
        LABELLED.to_csv(index=False, sep="\t", decimal=","),
        headless(LABELLED, sep=";", decimal=","),  # as many semicolons as commas
        headless(LABELLED, sep=";"),
        "sep=;\r\n" + LABELLED.to_csv(**SEMICOLONS),
        with_more(LABELLED.to_csv(index=False), ","),
        with_more(LABELLED.to_csv(**SEMICOLONS), ";;"),
        with_more(headless(LABELLED), ","),
        LABELLED.rename(columns=" {} ".format).to_csv(index=False),
        SERIES.assign(label=Y).to_csv(index=False),
        SERIES.assign(label=Y)[["t0", "label", *SERIES.columns[1:]]].to_csv(index=False),
        # First lines that name the columns by numbers, and labels by a new word.
        LABELLED.set_axis(["label", *range(T)], axis=1).to_csv(index=False),
        LABELLED.set_axis(["label", *EVEN], axis=1).to_csv(index=False),
        LABELLED.set_axis(["gait", *EVEN], axis=1).to_csv(index=False),
        LABELLED.set_axis(["gait", *EVEN], axis=1).to_csv(**SEMICOLONS),
        LABELLED.set_axis(["gait", *range(T)], axis=1).to_csv(index=False),
    ],
)
def test_as_programs_write_it(tmp_path, content):
    path = tmp_path / "x.csv"
    path.write_bytes(content.encode())
    found, labels = read_series(path)
    np.testing.assert_array_equal(found, X)
    assert labels.tolist() == Y.tolist()


def test_a_ramp_among_the_series_is_no_first_line(tmp_path):
    path = tmp_path / "x.csv"
    ramps = ["walk,0,1,2,3,4,5,6,7\n", "walk,0,2,4,6,8,10,12,14\n"]
    path.write_text("".join(ramps) + headless(LABELLED))
    found, labels = read_series(path)
    assert len(found) == N + 2 and labels[0] == "walk" and found[0].tolist() == [*range(T)]


def test_times_above_series_without_labels(tmp_path):
    path = tmp_path / "x.csv"
    SERIES.set_axis(EVEN, axis=1).to_csv(path, index=False)
    for options in ({"labels": "none"}, {"n_timepoints": T}):
        found, labels = read_series(path, **options)
        np.testing.assert_array_equal(found, X)
        assert labels is None


@pytest.mark.parametrize("missing", ["", "NA", "NaN", "<NA>", "n/a", "null", "?"])
def test_missing_values_by_any_name(tmp_path, missing):
    path = tmp_path / "x.csv"
    gaps = LABELLED.copy()
    gaps.loc[2, "t3"] = np.nan
    gaps.to_csv(path, index=False, na_rep=missing)
    with pytest.raises(ValueError, match="has missing values inside 1 of 12 series"):
        read_series(path)
    found, _ = read_series(path, missing="interpolate")
    assert found[2, 3] == pytest.approx((X[2, 2] + X[2, 4]) / 2)


@pytest.mark.parametrize(
    "frame, message",
    [
        (
            LABELLED.assign(date="2024-01-01"),
            "x.csv has the column 'date' among timepoints; pass drop=date if it is none",
        ),
        (
            pd.DataFrame({"Time (s)": EVEN, "accel": X[0], "label": Y[:T]}),
            "x.csv has the column 'Time (s)', as a recording with a row for each timepoint has; "
            "cut that into windows with window=..., or pass drop=Time (s).",
        ),
        (LABELLED.assign(label=[*Y[1:], ""]), "x.csv line 13 has no label in column 1"),
        (
            LABELLED.rename(columns={"label": "gait"})[[*SERIES, "gait"]].iloc[:, [0, 1, 8, 2, 3]],
            "x.csv names no column 'label', 'class', 'target' or 'y'; say which one holds",
        ),
        (
            LABELLED.assign(label=np.arange(N) * 1000003),
            "the first column of x.csv does not look like labels: it has 12 different ones",
        ),
    ],
)
def test_what_is_refused(tmp_path, frame, message):
    frame.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(ValueError, match=re.escape(message)):
        read_series(tmp_path / "x.csv")


def test_points_and_commas_in_one_table_are_refused(tmp_path):
    (tmp_path / "x.csv").write_text("label;t0;t1\na;1,5;2.5\nb;1,0;2,0\n")
    with pytest.raises(ValueError, match="line 2 column 2 holds '1,5'; expected a number"):
        read_series(tmp_path / "x.csv")


def test_values_behind_the_last_name_are_refused(tmp_path):
    text = LABELLED.to_csv(index=False).splitlines()
    (tmp_path / "x.csv").write_text("\n".join([f"{text[0]},", *(f"{row},5" for row in text[1:])]))
    with pytest.raises(ValueError, match="line 2 has 10 columns"):
        read_series(tmp_path / "x.csv")


# Recordings, a row for each timepoint

M = 40
VALUES = np.sin(np.arange(M)).round(4)
CLOCK = pd.date_range("2024-01-01", periods=M, freq="20ms").astype(str)
LOG = pd.DataFrame({"accel": VALUES, "label": np.repeat(["walk", "run"], M // 2)})


@pytest.mark.parametrize("clock", ["t", "Time (s)", "timestamp", "time_ms", "Date", "DateTime UTC"])
@pytest.mark.parametrize("options", [{"index": False}, SEMICOLONS])
def test_a_clock_is_no_channel(tmp_path, clock, options):
    path = tmp_path / "log.csv"
    times = CLOCK if "Date" in clock else np.arange(M) * 0.02
    LOG.assign(**{clock: times}).to_csv(path, **options)
    found = read_recording(path)
    assert found.channels == ("accel",) and found.left_out == (clock,)
    np.testing.assert_array_equal(found.values, [VALUES])
    assert found.labels == LOG["label"].tolist()


def test_an_index_without_a_name_is_told(tmp_path):
    LOG.set_index(CLOCK).to_csv(tmp_path / "log.csv")
    assert read_recording(tmp_path / "log.csv").left_out == ("column 1",)


def test_what_only_grows_is_refused_unless_it_is_dropped(tmp_path):
    path = tmp_path / "log.csv"
    LOG.assign(ticks=np.arange(M) ** 2).to_csv(path, index=False)
    with pytest.raises(ValueError, match="has the column 'ticks', which only grows, as a time or"):
        read_recording(path)
    assert read_recording(path, drop=["ticks"]).channels == ("accel",)
    who = np.repeat(["a", "b"], M // 2)
    LOG.assign(ticks=np.arange(M) % (M // 2), who=who).to_csv(path, index=False)
    with pytest.raises(ValueError, match="has the column 'ticks', which only grows"):
        read_recording(path, group_column="who")


@pytest.mark.parametrize(
    "text, message",
    [
        (LOG.to_csv(index=False, header=False), "has no first line that names its columns"),
        ("accel,,label\n1,2,walk\n", "log.csv column 2 has no name; give it one."),
        (
            LOG.rename(columns={"label": "gait"}).to_csv(index=False),
            "line 2 holds 'walk' in the column 'gait'; expected a number; if that is no channel, "
            "pass drop=gait, or label_column=gait if it holds the labels.",
        ),
    ],
)
def test_recordings_that_are_refused(tmp_path, text, message):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        read_recording(tmp_path / "log.csv")


@pytest.mark.parametrize("times", [CLOCK, np.arange(M) * 0.02])
def test_a_clock_that_jumps_is_told_unless_groups_are_apart(tmp_path, times):
    path = tmp_path / "log.csv"
    log = LOG.assign(time=times, who=np.repeat(["a", "b"], [20, M - 20]))
    log[:20].to_csv(path, index=False)
    read_recording(path, group_column="who")  # even: no warning, which would be an error
    parts = pd.concat([log[:8], log[24:]])  # 16 steps are left out
    parts.to_csv(path, index=False)
    before, after = parts["time"].iloc[7:9]
    sentence = f"the time in 'time' jumps in 1 place, first between {before} and {after}; windows"
    with pytest.warns(UserWarning, match=re.escape(sentence)):
        read_recording(path, drop=["who"])
    read_recording(path, group_column="who")
    pd.concat([log[20:], log[:20]]).to_csv(path, index=False)  # it goes back
    with pytest.warns(UserWarning, match="jumps in 1 place"):
        read_recording(path, drop=["who"])


def test_thousands_are_no_decimals(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("label\tt0\tt1\nup\t1,234\t987\ndown\t2,001\t3,500\n")
    with pytest.raises(ValueError, match=r"a.tsv has '1,234' beside 987, so its commas may"):
        read_series(path)
    path.write_text("label\tt0\tt1\nup\t1,234\t0,987\ndown\t2,001\t3,500\n")
    assert read_series(path)[0][0].tolist() == [1.234, 0.987]


@pytest.mark.parametrize("values", [np.arange(72).reshape(12, 6), np.arange(72).reshape(12, 6) / 7])
def test_a_table_without_labels_beside_other_columns(tmp_path, values):
    frame = pd.DataFrame(values).assign(who="a")
    frame.to_csv(tmp_path / "x.csv", index=False)
    X, y, groups = read_series(tmp_path / "x.csv", group_column="who", n_timepoints=6)
    assert X.shape == (12, 6) and y is None and set(groups) == {"a"}
