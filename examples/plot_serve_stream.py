"""
One answer for each step of a stream
====================================

A model is trained, exported to ONNX, and served by onnxruntime alone: a device needs neither
TensorFlow nor training code. A window slides over the recording, and every 20 timepoints the model
answers. Needs ``lstmfcn[onnx]``.
"""

import tempfile
import time
from collections import deque
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from lstmfcn import LSTMFCNClassifier, OnnxClassifier
from lstmfcn.datasets import load_ucr

WINDOW, STEP = 100, 20

X_train, y_train, X_test, y_test = load_ucr("BasicMotions")
classifier = LSTMFCNClassifier(n_epochs=20, random_state=0).fit(X_train, y_train)
path = Path(tempfile.mkdtemp()) / "motions.onnx"
classifier.export(path)

served = OnnxClassifier(path)
stream = np.concatenate(X_test[::8], axis=1).T  # one timepoint of six values after the other
truth = np.repeat(y_test[::8], X_test.shape[2])
window, times, answers, seconds = deque(maxlen=WINDOW), [], [], []
for t, values in enumerate(stream, 1):
    window.append(values)
    if len(window) == WINDOW and t % STEP == 0:
        began = time.perf_counter()
        answers.append(served.predict_proba(np.array(window).T[np.newaxis])[0])
        seconds.append(time.perf_counter() - began)
        times.append(t)
predicted = served.classes_[np.argmax(answers, axis=1)]
right = np.mean(predicted == truth[np.array(times) - 1])
print(f"accuracy, though many windows hold two activities: {right:.3f}")
print(f"median time of an answer: {1000 * np.median(seconds):.1f} ms")

# %%
# Lines are probabilities, and the coloured bar below them is the truth.
figure, ax = plt.subplots(figsize=(9, 3.5), layout="constrained")
for label, line in zip(served.classes_, np.transpose(answers), strict=True):
    (drawn,) = ax.plot(times, line, label=label)
    ax.fill_between(range(len(truth)), -0.15, -0.05, where=truth == label, color=drawn.get_color())
ax.set(xlabel="timepoint", ylabel="probability", yticks=[0, 0.5, 1])
_ = ax.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.2))
