"""
My own CSV file
===============

A row for each series, a column with the label. ``label_column`` names the column. In the shell it
is ``lstmfcn fit demand.csv --label-column season --out model.lstmfcn``.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import load_ucr, read_series
from lstmfcn.plots import MeanMapDisplay

# A file such as a colleague might send: days of power demand, and the season.
X, y, *_ = load_ucr("ItalyPowerDemand")
frame = pd.DataFrame(X, columns=[f"{hour}:00" for hour in range(24)])
frame["season"] = np.where(y == 1, "winter", "summer")
path = Path(tempfile.mkdtemp()) / "demand.csv"
frame.to_csv(path, index=False)
print(frame.iloc[:2, [0, 1, 2, -1]])

X, y = read_series(path, label_column="season")
print(X.shape, np.unique(y))
classifier = LSTMFCNClassifier(n_epochs=30, random_state=0).fit(X[:40], y[:40])
print(f"accuracy on the other days: {classifier.score(X[40:], y[40:]):.3f}")
MeanMapDisplay.from_estimator(classifier, X, method="class_activation_map").plot()
