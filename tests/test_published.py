"""Are the published accuracies the publishers', and are only comparable ones compared?"""

import csv

import numpy as np
import pytest
from conftest import real_data

from lstmfcn.datasets import canonical_name, ucr_summary
from lstmfcn.evaluation import score_table
from lstmfcn.evaluation.published import (
    SOURCES,
    published_accuracy,
    published_methods,
    with_published,
)


def rows_of(name):
    folder = real_data()
    if folder is None:
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds published/")
    with open(folder / "published" / name, newline="") as file:
        return list(csv.reader(file))


def ours(datasets, **fields):
    return [
        {"dataset": d, "model": "ours", "accuracy": 0.5, "n_classes": 2, "resample": 0, **fields}
        for d in datasets
    ]


@pytest.mark.parametrize(
    ("dataset", "method", "accuracy"),
    [
        ("ArrowHead", "LSTM-FCN", 0.89714),
        ("Gun_Point", "LSTM-FCN", 1.0),
        ("GunPoint", "ALSTM-FCN", 1.0),
        ("ItalyPowerDemand", "karim2018:ALSTM-FCN", 0.95918),
        ("Trace", "LSTM-FCN", None),
        ("Trace", "HC2", 1.0),
        ("Strawberry", "ALSTM-FCN", None),
        ("BasicMotions", "LSTM-FCN", None),
        ("Crop", "LSTM-FCN", None),
        ("PLAID", "fawaz2019:ResNet", None),
        ("ACSF1", "HC2", 0.91),
    ],
)
def test_published_accuracy(dataset, method, accuracy):
    assert published_accuracy(dataset, method) == accuracy


def test_unknown_and_ambiguous_methods():
    with pytest.raises(ValueError, match="method='LSTM' is unknown; choose one of karim2018:1-NN"):
        published_accuracy("GunPoint", "LSTM")
    with pytest.raises(
        ValueError,
        match=r"^method='ResNet' was published more than once; choose one of karim2018:ResNet, "
        r"fawaz2019:ResNet, middlehurst2024:ResNet\.$",
    ):
        published_accuracy("GunPoint", "ResNet")


@pytest.mark.parametrize(
    ("method", "mean"),
    [
        ("HC2", 0.872),
        ("MR-Hydra", 0.869),
        ("MultiROCKET", 0.867),
        ("InceptionTime", 0.860),
        ("ROCKET", 0.860),
        ("LSTM-FCN", 0.859),
        ("MiniROCKET", 0.858),
        ("LITETime", 0.849),
        ("ALSTM-FCN", 0.841),
        ("fawaz2019:FCN", 0.817),
    ],
)
def test_means_on_the_70_sets_with_unchanged_splits(method, mean):
    comparable = [name for name in ucr_summary() if published_accuracy(name) is not None]
    accuracies = [published_accuracy(name, method) for name in comparable]
    assert len(comparable) == 70
    assert np.mean(accuracies) == pytest.approx(mean, abs=6e-4)  # printed to three digits


def test_every_source_says_what_it_is():
    for name, source in SOURCES.items():
        assert "arXiv" in source.citation, name
        assert "split" in source.protocol, name
        assert all(canonical_name(dataset) == dataset for dataset in source.not_comparable), name


def test_karims_table_is_the_authors():
    head, *rows = rows_of("karim2018-training-loss.csv")
    compared = 0
    for name, *values in rows:
        for method, value in zip(head[1:], values, strict=True):
            left_out = canonical_name(name) in SOURCES["karim2018"].not_comparable
            expected = None if left_out else float(value)
            assert published_accuracy(name, f"karim2018:{method}") == expected
            compared += expected is not None
    assert compared == 70 * 14


def test_middlehursts_table_is_resample_0():
    files = {
        "MultiROCKET": "MR",
        "Time-CNN": "CNN",
        "1-NN DTW": "1NN-DTW",
        "1-NN DTW-D": "1NN-DTW-D",
        "WEASEL 2.0": "WEASEL-2",
    }
    multivariate = {"InceptionTime": "InceptionT"}
    compared = {"tsml-eval": 0, "tsml-eval-multivariate": 0}
    rows_of("tsml-eval/HC2.csv")  # or there is no real data
    for method in published_methods():
        source, _, name = method.partition(":")
        if source != "middlehurst2024":
            continue
        for folder in compared:
            names = {**files, **(multivariate if folder.endswith("multivariate") else {})}
            path = f"{folder}/{names.get(name, name)}.csv"
            if not (real_data() / "published" / path).exists():
                continue
            head, *rows = rows_of(path)
            assert head[1] == "0"
            for dataset, accuracy, *_ in rows:
                if dataset in ucr_summary() or folder.endswith("multivariate"):
                    assert published_accuracy(dataset, method) == pytest.approx(
                        float(accuracy), abs=1e-6
                    )
                    compared[folder] += 1
    assert compared == {"tsml-eval": 112 * 16, "tsml-eval-multivariate": 7 * 26 + 3 * 20}


def test_fawazs_table_is_the_mean_of_five():
    head, *rows = rows_of("dl4tsc-ucr128.csv")
    runs = {}
    for row in rows:
        row = dict(zip(head, row, strict=True))
        runs.setdefault((row["classifier_name"], row["dataset_name"]), []).append(row)
    for ours, theirs in (
        ("FCN", "fcn"),
        ("ResNet", "resnet"),
        ("MLP", "mlp"),
        ("TWIESN", "twiesn"),
    ):
        for dataset in ucr_summary():
            published = published_accuracy(dataset, f"fawaz2019:{ours}")
            five = [float(row["accuracy"]) for row in runs[theirs, dataset]]
            if published is not None:
                assert len(five) == 5
                assert published == pytest.approx(np.mean(five), abs=1e-6)


def test_side_by_side_leaves_out_what_is_not_comparable_and_says_why():
    records = ours(["GunPoint", "FordA", "Trace", "PLAID", "Crop", "mine"])
    records += ours(["GunPoint", "ArrowHead"], resample=1, accuracy=0.9)
    table, left_out = with_published(records, ["LSTM-FCN", "HC2"])
    assert table.datasets == ["GunPoint"]
    assert table.models == ["ours", "LSTM-FCN (karim2018)", "HC2 (middlehurst2024)"]
    assert table.scores.tolist() == [[0.5, 1.0, 1.0]]
    assert left_out == {
        "FordA": "published on the train/test split of 2015 (karim2018)",
        "Trace": "the published run is broken (accuracy .25) (karim2018)",
        "PLAID": "not in the published table (karim2018); published on a version of equal lengths "
        "(middlehurst2024)",
        "Crop": "not in the published table (karim2018)",
        "mine": "not in the published table (karim2018); not in the published table "
        "(middlehurst2024)",
    }


def test_side_by_side_needs_something_in_common():
    with pytest.raises(
        ValueError,
        match=r"^no dataset has comparable published results: mine: not in the published table "
        r"\(middlehurst2024\)\.$",
    ):
        with_published(ours(["mine"]), ["HC2"])
    with pytest.raises(ValueError, match=r"^no result is on a default split, as published"):
        with_published(ours(["GunPoint"], resample=3), ["HC2"])
    with pytest.raises(ValueError, match=r"methods='HC2' must be a list of names, such as \['HC2'"):
        with_published(ours(["GunPoint"]), "HC2")


def test_a_table_is_short_to_read_and_a_data_frame():
    table = score_table(ours(["GunPoint", "Trace"]))
    assert repr(table) == "<ScoreTable of accuracy, 2 datasets x 1 models: ours>"
    assert table.to_pandas().loc["Trace", "ours"] == 0.5
