"""
People the model has never seen
===============================

A long log becomes windows with ``lstmfcn.datasets.windows``. ``GroupKFold`` keeps each person on
one side of a split: windows of the same person are alike, and a random split would flatter the
model.

BasicMotions (accelerometer and gyroscope of a wrist, four activities) ships as short series. Here
they are joined into one long log per person, with the interval of each activity.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GroupKFold, cross_val_score

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import load_ucr, windows

X_short, y_short, *_ = load_ucr("BasicMotions")  # (40, 6 channels, 100 timepoints)
person_of = np.arange(len(X_short)) % 4

parts = []
for person in range(4):
    mine = np.flatnonzero(person_of == person)
    log = np.concatenate(X_short[mine], axis=1)  # (6, 1000): channels first
    intervals = [(100 * k, 100 * (k + 1), y_short[i]) for k, i in enumerate(mine)]
    parts.append(windows(log, 50, 25, labels=intervals, groups=f"person {person}"))

X, y, groups = (
    np.concatenate([getattr(part, name) for part in parts]) for name in ("X", "y", "groups")
)
print(f"{len(X)} windows of {X.shape[1]} channels and {X.shape[2]} timepoints")

classifier = LSTMFCNClassifier(n_epochs=10, random_state=0)
scores = cross_val_score(classifier, X, y, groups=groups, cv=GroupKFold(4))
print(f"accuracy on people that were not trained on: {scores.mean():.3f}, each {scores.round(3)}")

# %%
# The last log, with the activity in colour.
figure, ax = plt.subplots(figsize=(9, 3), layout="constrained")
ax.plot(log[0], color="black", linewidth=0.6)
colours = dict(zip(sorted(set(y)), ("#0072B2", "#D55E00", "#009E73", "#E69F00"), strict=True))
for start, stop, label in intervals:
    ax.axvspan(start, stop, color=colours[label], alpha=0.3, linewidth=0)
for label, colour in colours.items():
    ax.axvspan(0, 0, color=colour, alpha=0.3, label=label)
ax.set(xlabel="timepoint", ylabel="first channel", xlim=(0, log.shape[1]))
_ = ax.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.25))
