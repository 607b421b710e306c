"""
Clear cases and confusing ones
==============================

The class activation map says what the convolutions add to a class at each timepoint. For each
gesture of GunPoint the gallery shows the two most typical test series and the two hardest ones.
Orange and red parts speak for the predicted class; blue, hollow parts speak against it.
"""

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import GalleryDisplay

X_train, y_train, X_test, y_test = load_ucr("GunPoint")
classifier = LSTMFCNClassifier(n_epochs=60, random_state=0).fit(X_train, y_train)
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")

GalleryDisplay.from_estimator(
    classifier,
    X_test,
    y_test,
    method="class_activation_map",
    class_names={1: "gun", 2: "point"},
).plot()
