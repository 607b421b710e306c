"""What did the convolutions see, in clear cases and in confusing ones? LSTM-FCN on GunPoint.

For each gesture the two test series that are most typical of it and the two that the model finds
hardest. Orange and red parts speak for the class that was predicted; blue, hollow ones against it.
"""

import sys

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import load_ucr
from lstmfcn.plots import GalleryDisplay

X_train, y_train, X_test, y_test = load_ucr("GunPoint")
classifier = LSTMFCNClassifier(n_epochs=60, random_state=0).fit(X_train, y_train)
print(f"accuracy on the test split: {classifier.score(X_test, y_test):.3f}")

display = GalleryDisplay.from_estimator(
    classifier,
    X_test,
    y_test,
    method="class_activation_map",
    class_names={1: "gun", 2: "point"},
).plot()
display.figure_.savefig(sys.argv[1] if len(sys.argv) > 1 else "activation-maps.png", dpi=130)
