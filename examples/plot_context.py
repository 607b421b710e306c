"""
What does the LSTM branch read?
===============================

The LSTM branch of ALSTM-FCN reads a series through its attention. Grey are the test series of
GunPoint. Orange are the same series times their attention: they grow where the branch looks, and
vanish elsewhere. The branch reads the mean of the two, normalised and in coarser steps.
"""

from lstmfcn import ALSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import ContextDisplay

X_train, y_train, X_test, y_test = load_ucr("GunPoint")
classifier = ALSTMFCNClassifier(n_epochs=60, random_state=0).fit(X_train, y_train)
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")

ContextDisplay.from_estimator(classifier, X_test, y_test, class_names={1: "gun", 2: "point"}).plot()
