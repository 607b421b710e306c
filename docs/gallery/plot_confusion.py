"""
Which classes are mistaken for each other?
==========================================

Left stands scikit-learn's confusion matrix: the classifiers are scikit-learn estimators. Right
stands the mean series of each predicted class, with the mean activation map over time.
"""

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import MeanMapDisplay

X_train, y_train, X_test, y_test = load_ucr("ArrowHead")
classifier = LSTMFCNClassifier(n_epochs=60, random_state=0).fit(X_train, y_train)
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")

names = {0: "Avonlea", 1: "Clovis", 2: "mix"}
left, right = plt.figure(figsize=(14, 4), layout="constrained").subfigures(
    1, 2, width_ratios=[1, 3]
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
_ = MeanMapDisplay.from_estimator(
    classifier, X_test, method="class_activation_map", class_names=names
).plot(right)
