"""
Which channel decided?
======================

The classes differ by one short pattern, which lies in one of three channels. ``gradient_map`` with
``per_channel=True`` gives each channel a map of its own. White frames mark the true pattern.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import planted_evidence

planted = planted_evidence(300, n_timepoints=100, n_channels=3, noise=0.3, random_state=0)
train, test = slice(0, 200), slice(200, 300)
classifier = LSTMFCNClassifier(n_epochs=40, random_state=0)
classifier.fit(planted.X[train], planted.y[train])
X, y, evidence = planted.X[test], planted.y[test], planted.evidence[test]
print(f"accuracy on new series: {classifier.score(X, y):.3f}")

maps = np.abs(classifier.gradient_map(X, per_channel=True))  # (100, 3 channels, 100 timepoints)
found = maps.reshape(len(X), -1).argmax(axis=1)
inside = evidence.reshape(len(X), -1)[range(len(X)), found]
print(f"strongest value inside the pattern: {inside.mean():.2f}")

figure, axes = plt.subplots(3, 1, figsize=(8, 5), sharex=True, layout="constrained")
for label, ax in enumerate(axes):
    series = np.flatnonzero(y == label)[0]
    image = ax.imshow(maps[series], aspect="auto", cmap="magma", interpolation="nearest")
    channel, places = np.nonzero(evidence[series])
    ax.add_patch(
        Rectangle(
            (places.min() - 0.5, channel[0] - 0.5), len(places), 1, fill=False, edgecolor="white"
        )
    )
    ax.set(yticks=range(3), ylabel="channel", title=f"class {label}")
axes[-1].set_xlabel("timepoint")
_ = figure.colorbar(image, ax=axes, label="|gradient x input|")
