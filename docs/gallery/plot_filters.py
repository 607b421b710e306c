"""What does the first layer look for? The filters of LSTM-FCN with the highest activations.

The series are noise with a burst of one, two or three periods, which is the class, between bursts
that say nothing. Left of each series the kernel; marked in it is the place where it answers most.
"""

import sys

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import planted_evidence
from lstmfcn.plots import FilterDisplay

planted = planted_evidence(300, n_timepoints=100, random_state=0)
train, test = slice(0, 200), slice(200, 300)
classifier = LSTMFCNClassifier(n_epochs=40, random_state=0)
classifier.fit(planted.X[train], planted.y[train])
print(f"accuracy on new series: {classifier.score(planted.X[test], planted.y[test]):.3f}")

names = {0: "one period", 1: "two periods", 2: "three periods"}
display = FilterDisplay.from_estimator(classifier, planted.X[test], class_names=names).plot()
display.figure_.savefig(sys.argv[1] if len(sys.argv) > 1 else "filters.png", dpi=130)
