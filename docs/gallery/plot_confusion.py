"""Which classes are mistaken for each other, and what speaks for each? LSTM-FCN on GunPoint.

Left scikit-learn's confusion matrix, for the package has none of its own; right the mean series
that were given to each class, with what the convolutions contributed over time.
"""

import sys

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import MeanMapDisplay

X_train, y_train, X_test, y_test = load_ucr("GunPoint")
classifier = LSTMFCNClassifier(n_epochs=60, random_state=0).fit(X_train, y_train)
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")

names = {1: "gun", 2: "point"}
left, right = plt.figure(figsize=(12, 4), layout="constrained").subfigures(
    1, 2, width_ratios=[1, 2]
)
ConfusionMatrixDisplay.from_estimator(
    classifier,
    X_test,
    y_test,
    display_labels=[names[label] for label in classifier.classes_],
    cmap="Greys",
    colorbar=False,
    ax=left.subplots(),
)
MeanMapDisplay.from_estimator(
    classifier, X_test, method="class_activation_map", class_names=names
).plot(right)
plt.savefig(sys.argv[1] if len(sys.argv) > 1 else "confusion.png", dpi=130)
