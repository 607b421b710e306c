"""
Features for another model
==========================

``transform`` gives what the last layer sees. In a pipeline the network is then a feature extractor
for any estimator of scikit-learn. The picture shows them in two dimensions.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lstmfcn import FCNClassifier
from lstmfcn.datasets import load_ucr

X_train, y_train, X_test, y_test = load_ucr("ArrowHead")
network = FCNClassifier(n_epochs=40, rocket=False, normalization="series", random_state=0)
pipeline = make_pipeline(network, StandardScaler(), LogisticRegression())
pipeline.fit(X_train, y_train)
print(f"accuracy of a linear model on the features: {pipeline.score(X_test, y_test):.3f}")

# %%
# The scaler stands *behind* the network, where a column is a feature. Before the network it would
# scale each timepoint by itself, and bend the series.
features = PCA(2).fit_transform(pipeline[:2].transform(X_test))
figure, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
for label in np.unique(y_test):
    ax.scatter(*features[y_test == label].T, label=f"class {label}", alpha=0.7)
ax.set(xlabel="first component", ylabel="second component")
_ = ax.legend()
