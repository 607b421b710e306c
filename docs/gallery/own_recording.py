"""How good is a model on people it has never seen? A long recording, windows, GroupKFold.

BasicMotions (accelerometer and gyroscope of a wrist, four activities) comes as short series. Here
they are put together again to what a person has at home: one long log per person, with intervals.
"""

import numpy as np
from sklearn.model_selection import GroupKFold, cross_val_score
from sktime.datasets import load_basic_motions

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import windows

X_short, y_short = load_basic_motions(return_type="numpy3D")  # (80, 6, 100)
person_of = np.arange(len(X_short)) % 4

parts = []
for person in range(4):
    mine = np.flatnonzero(person_of == person)
    log = np.concatenate(X_short[mine], axis=1)  # (6, 2000): channels first
    intervals = [(100 * k, 100 * (k + 1), y_short[i]) for k, i in enumerate(mine)]
    parts.append(windows(log, 50, 25, labels=intervals, groups=person))

X, y, groups = (
    np.concatenate([getattr(part, name) for part in parts]) for name in parts[0]._fields[:3]
)
print(
    f"{len(X)} windows of {X.shape[1]} channels and {X.shape[2]} timepoints, {len(set(y))} classes"
)

classifier = LSTMFCNClassifier(n_epochs=20, random_state=0)
scores = cross_val_score(classifier, X, y, groups=groups, cv=GroupKFold(4))
print(f"accuracy on people that were not trained on: {scores.mean():.3f}, each {scores.round(3)}")
