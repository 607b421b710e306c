"""
Several networks decide together
================================

Networks that start from other random weights make other errors; the mean of their logits makes
fewer. An ensemble has the methods of a single network, and its maps are the mean of its members'
maps.
"""

import matplotlib.pyplot as plt
import numpy as np

from lstmfcn import FCNClassifier, LSTMFCNEnsemble
from lstmfcn.datasets import load_ucr

X_train, y_train, X_test, y_test = load_ucr("OSULeaf")
ensemble = LSTMFCNEnsemble(
    FCNClassifier(n_filters=(16, 32, 16), n_epochs=20, rocket=False), n_estimators=4, random_state=0
).fit(X_train, y_train)
alone = [member.score(X_test, y_test) for member in ensemble.estimators_]
print(
    f"members: {np.round(alone, 3)}, accuracy of the ensemble: {ensemble.score(X_test, y_test):.3f}"
)

logits = [member.decision_function(X_test) for member in ensemble.estimators_]
together = [
    np.mean(ensemble.classes_[np.mean(logits[:n], axis=0).argmax(axis=1)] == y_test)
    for n in range(1, 5)
]
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.plot(range(1, 5), together, "o-", label="the first n together")
ax.plot(range(1, 5), alone, "x", label="member n alone")
ax.set(xlabel="n", ylabel="accuracy", xticks=range(1, 5))
_ = ax.legend()
