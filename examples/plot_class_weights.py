"""
Rare classes
============

One series in ten is of the rare class. A network that is trained on all alike misses many of these.
``class_weight="balanced"`` makes the rare class count as much as the frequent one: more of the rare
series are found, for some false alarms.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, balanced_accuracy_score

from lstmfcn import FCNClassifier
from lstmfcn.datasets import planted_evidence

planted = planted_evidence(1200, n_timepoints=60, n_classes=2, noise=1.2, random_state=0)
rng = np.random.default_rng(0)
keep = (planted.y == 0) | (rng.random(len(planted.y)) < 1 / 9)
X, y = planted.X[keep], np.where(planted.y[keep] == 1, "rare", "frequent")
train, test = slice(0, 250), slice(250, None)

figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
for ax, class_weight in zip(axes, (None, "balanced"), strict=True):
    classifier = FCNClassifier(
        n_epochs=15, rocket=False, class_weight=class_weight, random_state=0
    ).fit(X[train], y[train])
    predicted = classifier.predict(X[test])
    print(
        f"class_weight={class_weight!r}: accuracy {np.mean(predicted == y[test]):.3f}, "
        f"mean recall {balanced_accuracy_score(y[test], predicted):.3f}"
    )
    ConfusionMatrixDisplay.from_predictions(y[test], predicted, cmap="Greys", colorbar=False, ax=ax)
    ax.set_title(f"class_weight={class_weight!r}")
