"""
A new class joins
=================

A model that knows two arrowheads meets a third kind. ``fine_tune`` with ``new_classes="add"`` keeps
the weights of the old classes, and learns the new one beside them.
"""

from sklearn.metrics import ConfusionMatrixDisplay

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import load_ucr

X_train, y_train, X_test, y_test = load_ucr("ArrowHead")
old = y_train != 2
classifier = LSTMFCNClassifier(n_epochs=40, random_state=0).fit(X_train[old], y_train[old])
print(
    f"classes: {classifier.classes_}, accuracy on all three: {classifier.score(X_test, y_test):.3f}"
)

classifier.fine_tune(X_train, y_train, new_classes="add", n_iterations=2, n_epochs=20)
print(f"classes: {classifier.classes_}, accuracy now: {classifier.score(X_test, y_test):.3f}")
_ = ConfusionMatrixDisplay.from_estimator(classifier, X_test, y_test, cmap="Greys", colorbar=False)
