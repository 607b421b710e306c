"""Which branch decided, and where? One decision of LSTM-FCN on GunPoint, taken apart exactly.

Each logit is the sum of a bias, the LSTM branch and the convolutions. Shown is the test series
that the model finds hardest, the one of the lowest winning probability.
"""

import sys

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import DecompositionDisplay

X_train, y_train, X_test, y_test = load_ucr("GunPoint")
classifier = LSTMFCNClassifier(occlusion=0.3, n_epochs=150, random_state=0).fit(X_train, y_train)
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")

share = classifier.explain(X_test).summary()["lstm_share"]
print(f"part of the LSTM branch in the decisions: {share:.2f}")

hardest = classifier.predict_proba(X_test).max(axis=1).argmin()
display = DecompositionDisplay.from_estimator(
    classifier, X_test, hardest, class_names={1: "gun", 2: "point"}
)
display.title = f"test series {hardest}: {display.title}"
display.plot()
display.figure_.savefig(sys.argv[1] if len(sys.argv) > 1 else "decision.png", dpi=130)
