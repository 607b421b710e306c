"""
Which branch decided?
=====================

``explain`` takes each logit apart, without remainder: a bias, the LSTM branch, and the convolutions
at each timepoint. Shown is the test series of GunPoint with the lowest winning probability.
"""

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import DecompositionDisplay

X_train, y_train, X_test, y_test = load_ucr("GunPoint")
classifier = LSTMFCNClassifier(n_epochs=60, random_state=0).fit(X_train, y_train)
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")

share = classifier.explain(X_test).summary()["lstm_share"]
print(f"part of the LSTM branch in the decisions: {share:.2f}")

hardest = classifier.predict_proba(X_test).max(axis=1).argmin()
DecompositionDisplay.from_estimator(
    classifier, X_test, hardest, class_names={1: "gun", 2: "point"}
).plot()
