"""
Are the probabilities right?
============================

Of all series with a probability of 0.8, eight in ten should be of the class. Networks are often too
sure or, as here, not sure enough. scikit-learn's ``CalibratedClassifierCV`` mends that on held-out
folds.
"""

import matplotlib.pyplot as plt
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.metrics import log_loss

from lstmfcn import FCNClassifier
from lstmfcn.datasets import planted_evidence

planted = planted_evidence(1200, n_timepoints=60, n_classes=2, noise=1.2, random_state=0)
train, test = slice(0, 200), slice(200, None)
network = FCNClassifier(n_filters=(16, 32, 16), n_epochs=30, rocket=False, random_state=0)
models = {
    "network alone": network,
    "calibrated": CalibratedClassifierCV(network, method="sigmoid", cv=3, ensemble=False),
}
figure, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
for name, model in models.items():
    model.fit(planted.X[train], planted.y[train])
    probabilities = model.predict_proba(planted.X[test])
    print(
        f"{name}: accuracy: {model.score(planted.X[test], planted.y[test]):.3f}, "
        f"log loss {log_loss(planted.y[test], probabilities):.3f}"
    )
    CalibrationDisplay.from_predictions(
        planted.y[test], probabilities[:, 1], n_bins=8, strategy="quantile", name=name, ax=ax
    )
