"""
Where does the model look?
==========================

ALSTM-FCN's attention on GunPoint. An actor either draws a gun or points a finger; the series is the
height of the hand. The picture shows one test series for each class: the one on which the model is
surest. The colour is the attention that each timepoint gets.
"""

import matplotlib.pyplot as plt

from lstmfcn import ALSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import MapDisplay

X_train, y_train, X_test, y_test = load_ucr("GunPoint")
classifier = ALSTMFCNClassifier(n_epochs=100, random_state=0).fit(X_train, y_train)
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")

surest = classifier.predict_proba(X_test).argmax(axis=0)  # a series for each class
figure, axes = plt.subplots(2, 1, figsize=(8, 6), layout="constrained")
for ax, series in zip(axes, surest, strict=True):
    MapDisplay.from_estimator(classifier, X_test, series, class_names={1: "gun", 2: "point"}).plot(
        ax
    )
