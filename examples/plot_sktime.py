"""
Inside sktime
=============

``SktimeClassifier`` holds one of the classifiers and takes sktime's data types. It runs behind
sktime's transformers; here an imputer fills what is missing. ``FitInTransform`` lets it see the new
series instead of the training series.
"""

import numpy as np
from sktime.datasets import load_basic_motions
from sktime.transformations.compose import FitInTransform
from sktime.transformations.impute import Imputer

from lstmfcn import ALSTMFCNClassifier
from lstmfcn.plots import MapDisplay
from lstmfcn.sktime import SktimeClassifier

X_train, y_train = load_basic_motions(split="train", return_type="numpy3D")
X_test, y_test = load_basic_motions(split="test", return_type="numpy3D")
X_train[np.random.default_rng(0).random(X_train.shape) < 0.02] = np.nan  # lost packets

network = ALSTMFCNClassifier(n_epochs=20, rocket=False)
pipeline = FitInTransform(Imputer("linear")) * SktimeClassifier(network, random_state=0)
pipeline.fit(X_train, y_train)
print(f"accuracy on the test split: {np.mean(pipeline.predict(X_test) == y_test):.3f}")

fitted = pipeline.classifier_.estimator_
MapDisplay.from_estimator(fitted, X_test, 0).plot()
