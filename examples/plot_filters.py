"""
What does the first layer look for?
===================================

The class is the number of periods in a short burst: one, two or three. Bursts with more
periods, in every series, tell nothing of the class. Left is each of the most active kernels; right
is the series that excites it most. The mark is the place of the highest activation.
"""

from lstmfcn import LSTMFCNClassifier
from lstmfcn.datasets import planted_evidence
from lstmfcn.plots import FilterDisplay

planted = planted_evidence(300, n_timepoints=100, random_state=0)
train, test = slice(0, 200), slice(200, 300)
classifier = LSTMFCNClassifier(n_epochs=40, random_state=0)
classifier.fit(planted.X[train], planted.y[train])
print(f"accuracy on new series: {classifier.score(planted.X[test], planted.y[test]):.3f}")

names = {0: "one period", 1: "two periods", 2: "three periods"}
FilterDisplay.from_estimator(classifier, planted.X[test], class_names=names).plot()
