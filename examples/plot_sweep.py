"""
Several models on several datasets
==================================

``sweep`` trains and tests each model on each dataset, and keeps every run in a folder. Called again
it does only what is missing. The diagram joins models whose difference may be chance.

Three quick models on four small datasets: enough to show the way, too few for a claim.
"""

import tempfile

from lstmfcn.evaluation import Model, Results, score_table, sweep
from lstmfcn.plots import CriticalDifferenceDisplay

models = [
    Model("FCN (10 epochs)", "FCNClassifier", {"n_epochs": 10, "rocket": False}),
    Model("1-NN", "sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": 1}),
    Model("ridge", "sklearn.linear_model:RidgeClassifierCV"),
]
datasets = ["ArrowHead", "GunPoint", "ItalyPowerDemand", "UnitTest"]
folder = tempfile.mkdtemp()
done = sweep(datasets, models, folder, jobs=1, verbose=0)
print(f"{len(done.done)} runs done, {len(done.failed)} failed")
again = sweep(datasets, models, folder, jobs=1, verbose=0)
print(f"called again: {len(again.done)} runs done, {again.skipped} were there")

table = score_table(Results(folder).records())
print(table.to_pandas().round(3))
print(f"mean accuracy of {table.models[0]}: {table.scores[:, 0].mean():.3f}")
CriticalDifferenceDisplay.from_scores(table.scores, table.models).plot()
