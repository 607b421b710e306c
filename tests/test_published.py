"""Are the published accuracies the authors'?"""

import csv

import pytest
from conftest import real_data

from lstmfcn.datasets.names import canonical_name
from lstmfcn.evaluation.published import NOT_COMPARABLE, published_accuracy


@pytest.mark.parametrize(
    ("dataset", "method", "accuracy"),
    [
        ("ArrowHead", "LSTM-FCN", 0.89714),
        ("Gun_Point", "LSTM-FCN", 1.0),
        ("GunPoint", "ALSTM-FCN", 1.0),
        ("ItalyPowerDemand", "ALSTM-FCN", 0.95918),
        ("Trace", "LSTM-FCN", None),
        ("Strawberry", "ALSTM-FCN", None),
        ("BasicMotions", "LSTM-FCN", None),
        ("Crop", "LSTM-FCN", None),
    ],
)
def test_published_accuracy(dataset, method, accuracy):
    assert published_accuracy(dataset, method) == accuracy


def test_published_accuracy_refuses_an_unknown_method():
    with pytest.raises(ValueError, match="method='LSTM' is unknown; choose one of 1-NN DTW,"):
        published_accuracy("GunPoint", "LSTM")


def test_published_table_is_the_authors():
    folder = real_data()
    if folder is None:
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds published/")
    with open(folder / "published" / "karim2018-training-loss.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 85
    compared = 0
    for row in rows:
        name = row.pop("Dataset")
        for method, value in row.items():
            expected = None if canonical_name(name) in NOT_COMPARABLE else float(value)
            assert published_accuracy(name, method) == expected
            compared += expected is not None
    assert compared == 70 * 14
