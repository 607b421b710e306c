"""
How did the training go?
========================

``history_`` holds loss and accuracy of each epoch. ``validation_fraction`` holds out a part of the
training set and measures it. ``patience`` ends the training when its loss stops falling.
"""

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import HistoryDisplay

X_train, y_train, X_test, y_test = load_ucr("ItalyPowerDemand")
classifier = LSTMFCNClassifier(
    n_epochs=200, validation_fraction=0.3, patience=20, random_state=0
).fit(X_train, y_train)
print(f"stopped after {len(classifier.history_['loss'])} of 200 epochs")
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")
HistoryDisplay.from_estimator(classifier).plot()
