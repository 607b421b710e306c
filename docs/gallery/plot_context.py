"""Where does the LSTM branch look in a gesture? The context that ALSTM-FCN's attention makes.

Grey are the test series of GunPoint, orange the same series times their attention, relative to
uniform attention: where the branch looks, they grow; elsewhere they vanish. It reads the mean of
the two.
"""

import sys

from lstmfcn import ALSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import ContextDisplay

X_train, y_train, X_test, y_test = load_ucr("GunPoint")
classifier = ALSTMFCNClassifier(n_epochs=100, random_state=0).fit(X_train, y_train)
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")

display = ContextDisplay.from_estimator(
    classifier, X_test, y_test, class_names={1: "gun", 2: "point"}
).plot()
display.figure_.savefig(sys.argv[1] if len(sys.argv) > 1 else "context.png", dpi=130)
