"""Which part of a gesture decides? ALSTM-FCN's attention on GunPoint, one series per class.

An actor either draws a gun or points a finger; the series is the height of the hand. The picture
shows, for the test series of each class on which the model is surest, where the attention lies.
"""

import sys

import matplotlib.pyplot as plt

from lstmfcn import ALSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import MapDisplay

X_train, y_train, X_test, y_test = load_ucr("GunPoint")
classifier = ALSTMFCNClassifier(random_state=0).fit(X_train, y_train)
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")

probabilities = classifier.predict_proba(X_test)
names = {1: "gun", 2: "point"}
figure, axes = plt.subplots(2, 1, figsize=(8, 6), layout="constrained")
for column, (ax, label) in enumerate(zip(axes, classifier.classes_, strict=True)):
    surest = probabilities[:, column].argmax()
    display = MapDisplay.from_estimator(classifier, X_test, surest, class_names=names)
    display.title = f"{names[label]}: {display.title}"
    display.plot(ax)

figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "attention.png", dpi=130)
