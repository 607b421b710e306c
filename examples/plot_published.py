"""
Compare with published results
==============================

The package ships published accuracies with their sources. A new method can be compared with them on
the archive's default splits, without running the others. Here four published methods are
compared with each other.
"""

import numpy as np

from lstmfcn.datasets import UCR_2018_NAMES
from lstmfcn.evaluation import published_accuracy
from lstmfcn.plots import CriticalDifferenceDisplay, PairwiseDisplay

methods = ["InceptionTime", "HC2", "MiniROCKET", "middlehurst2024:ResNet"]
scores = {
    dataset: [published_accuracy(dataset, method) for method in methods]
    for dataset in UCR_2018_NAMES
}
complete = {name: row for name, row in scores.items() if None not in row}
matrix = np.array(list(complete.values()))  # (n_datasets, n_methods)
print(f"{len(complete)} datasets that all four have results on")
for method, mean in zip(methods, matrix.mean(axis=0), strict=True):
    print(f"mean accuracy of {method}: {mean:.3f}")
CriticalDifferenceDisplay.from_scores(matrix, methods).plot()

# %%
# Two of them, dataset by dataset.
PairwiseDisplay(matrix[:, 0], matrix[:, 1], methods[:2], datasets=list(complete)).plot()
