"""
My own arrays
=============

A classifier takes a NumPy array of shape (n_samples, n_timepoints), or (n_samples, n_channels,
n_timepoints). Labels may be words. It is saved to one file, and loaded without running code from
it.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import lstmfcn

rng = np.random.default_rng(0)
t = np.linspace(0, 1, 80)
shapes = {
    "square": (np.abs(t - 0.5) < 0.1) * 1.0,
    "triangle": np.clip(1 - 4 * np.abs(t - 0.5), 0, 1),
}
y = rng.choice(list(shapes), 150)
X = np.array([2 * np.roll(shapes[name], rng.integers(-20, 21)) for name in y])
X += rng.normal(0, 0.3, X.shape)

classifier = lstmfcn.LSTMFCNClassifier(n_epochs=30, random_state=0).fit(X[:90], y[:90])
print(f"accuracy: {classifier.score(X[90:], y[90:]):.3f}")

path = Path(tempfile.mkdtemp()) / "pulses.lstmfcn"
classifier.save(path)
again = lstmfcn.load(path)
probabilities = again.predict_proba(X[90:])  # columns as in again.classes_

figure, axes = plt.subplots(2, 3, figsize=(9, 4), sharey=True, layout="constrained")
for ax, series, row in zip(axes.flat, X[90:], probabilities, strict=False):
    ax.plot(series)
    ax.set_title(f"{again.classes_[row.argmax()]} {row.max():.2f}")
