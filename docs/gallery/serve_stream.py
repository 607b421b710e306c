"""What is going on right now? An exported model over a sliding window, one answer for each step.

The model is trained, exported to ONNX, and then served by onnxruntime alone, as on a device that
has neither TensorFlow nor training code.
"""

import tempfile
import time
from collections import deque
from pathlib import Path

import numpy as np
from sktime.datasets import load_basic_motions

from lstmfcn import LSTMFCNClassifier, OnnxClassifier

WINDOW, STEP = 100, 20

X_train, y_train = load_basic_motions(split="train", return_type="numpy3D")
X_test, y_test = load_basic_motions(split="test", return_type="numpy3D")
classifier = LSTMFCNClassifier(n_epochs=30, random_state=0).fit(X_train, y_train)
path = Path(tempfile.mkdtemp()) / "motions.onnx"
classifier.export(path)

served = OnnxClassifier(path)
stream = np.concatenate(X_test[::8], axis=1).T  # one timepoint of six values after the other
truth = np.repeat(y_test[::8], X_test.shape[2])
window, seconds, right = deque(maxlen=WINDOW), [], []
for t, values in enumerate(stream, 1):
    window.append(values)
    if len(window) == WINDOW and t % STEP == 0:
        began = time.perf_counter()
        probabilities = served.predict_proba(np.array(window).T[np.newaxis])[0]
        seconds.append(time.perf_counter() - began)
        answer = served.classes_[probabilities.argmax()]
        right.append(answer == truth[t - 1])
        print(f"t = {t:4d}  {answer:10s} {probabilities.max():.2f}   (really {truth[t - 1]})")
print(f"accuracy, though many windows hold two activities: {np.mean(right):.3f}")
print(f"median time of an answer: {1000 * np.median(seconds):.1f} ms")
