"""
Search for parameters
=====================

Every parameter of the constructor can be searched by scikit-learn's tools. The search sees only the
training split; the test split is scored once, at the end.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV

from lstmfcn import FCNClassifier
from lstmfcn.datasets import load_ucr

X_train, y_train, X_test, y_test = load_ucr("ArrowHead")
search = GridSearchCV(
    FCNClassifier(n_epochs=20, rocket=False, random_state=0),
    {"n_filters": [(4, 8, 4), (8, 16, 8), (32, 64, 32)]},
    cv=3,
)
search.fit(X_train, y_train)
print(f"best: {search.best_params_}")
print(f"accuracy on the test split: {search.score(X_test, y_test):.3f}")

figure, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
names = ["-".join(map(str, given["n_filters"])) for given in search.cv_results_["params"]]
ax.errorbar(
    search.cv_results_["mean_test_score"],
    names,
    xerr=search.cv_results_["std_test_score"],
    fmt="o",
    capsize=3,
)
_ = ax.set(xlabel="accuracy on held-out folds, and its deviation over three folds")
