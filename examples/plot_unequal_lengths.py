"""
Series of unequal length
========================

A list of arrays of shape (n_channels, n_timepoints_i) is read as it is. JapaneseVowels has 12
channels, and 7 to 29 timepoints in each utterance; the nine classes are speakers. By default
shorter series get a mask, so that what is missing counts nowhere.
"""

import matplotlib.pyplot as plt
import numpy as np

from lstmfcn import FCNClassifier
from lstmfcn.datasets import load_ucr

X_train, y_train, X_test, y_test = load_ucr("JapaneseVowels")  # lists of (12, 7 to 29)

for how in ("pad", "resample"):
    classifier = FCNClassifier(unequal_length=how, n_epochs=10, random_state=0)
    classifier.fit(X_train, y_train)
    print(f"accuracy, unequal_length={how!r}: {classifier.score(X_test, y_test):.3f}")

# %%
# The shortest and the longest test series.
lengths = [series.shape[1] for series in X_test]
figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharex=True, sharey=True, layout="constrained")
for ax, i in zip(axes, (np.argmin(lengths), np.argmax(lengths)), strict=True):
    ax.pcolormesh(X_test[i], cmap="RdBu")
    predicted = classifier.predict([X_test[i]])[0]
    ax.set(title=f"{lengths[i]} timepoints, speaker {predicted}", xlabel="timepoint")
_ = axes[0].set_ylabel("channel")
