"""How do I use my own arrays, of unequal length and with names for classes?

Three kinds of pulses, 60 to 100 timepoints long, in noise. A classifier takes them as a list of
arrays of shape (n_channels, n_timepoints), cross-validates like any scikit-learn estimator, is
saved, loaded, and continues to learn with ``fine_tune``.
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import lstmfcn
from lstmfcn.plots import HistoryDisplay

rng = np.random.default_rng(0)
kinds = {
    "square": lambda t: (t > 0.4) * (t < 0.6) * 1.0,
    "triangle": lambda t: np.clip(1 - np.abs(t - 0.5) / 0.2, 0, None),
    "double": lambda t: np.exp(-(((t - 0.35) / 0.05) ** 2)) + np.exp(-(((t - 0.65) / 0.05) ** 2)),
}


def make_pulses(n_samples):
    """Return a list of series of shape (1, 60 to 100) and their kinds."""
    names = rng.choice(list(kinds), n_samples)
    lengths = rng.integers(60, 101, n_samples)
    series = [
        (2 * kinds[name](np.linspace(0, 1, n)) + rng.normal(0, 0.3, n))[np.newaxis]
        for name, n in zip(names, lengths, strict=True)
    ]
    return series, names


X_train, y_train = make_pulses(90)
X_test, y_test = make_pulses(60)
classifier = lstmfcn.LSTMFCNClassifier(
    n_epochs=40,
    batch_size=16,
    n_filters=(32, 64, 32),
    validation_fraction=0.2,
    random_state=0,
)
classifier.fit(X_train, y_train)
print(f"accuracy: {classifier.score(X_test, y_test):.3f}")

with tempfile.TemporaryDirectory() as folder:
    classifier.save(Path(folder) / "pulses.lstmfcn")
    again = lstmfcn.load(Path(folder) / "pulses.lstmfcn")
again.fine_tune(X_train, y_train, n_iterations=2, n_epochs=5)
print(f"after fine-tuning: {again.score(X_test, y_test):.3f}")

display = HistoryDisplay.from_estimator(classifier).plot()
display.figure_.savefig(sys.argv[1] if len(sys.argv) > 1 else "history.png", dpi=130)
plt.close("all")
