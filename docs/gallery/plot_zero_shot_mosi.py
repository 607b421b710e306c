"""Is a trained LSTM-FCN better than GPT-4V, which was only asked, on the same clips?

CMU-MOSI's features and GPT-4V's released answers do not come with this package: they are looked
for in the folders ``mosi`` and ``gpt4v`` under LSTMFCN_DATA. Ten epochs, to be quick; the record
at the defaults is in the README, made by benchmarks/zero_shot_mosi.py.
"""

import os
import sys
from pathlib import Path

import numpy as np

from lstmfcn import LSTMFCNClassifier
from lstmfcn.emotion import FeatureStore, SequencePreprocessor, load_labels, select_features
from lstmfcn.plots import ZeroShotDisplay
from lstmfcn.zero_shot import compare_to_zero_shot, load_zero_shot, shared_samples

data = Path(os.environ.get("LSTMFCN_DATA", "../shared/data"))
store = FeatureStore(data / "mosi")
modalities = ["text_FRA", "audio_FRA", "video_FRA"]
train, train_clips = select_features(
    load_labels(data / "mosi/label-train.csv", classes=None), store, modalities
)
test, test_clips = select_features(
    load_labels(data / "mosi/label-test.csv", classes=None), store, modalities
)
scalers = {name: SequencePreprocessor("mertools").fit(train_clips[name]) for name in modalities}
X_train, X_test = (
    np.concatenate([scalers[name].transform(clips[name]) for name in modalities], axis=1)
    for clips in (train_clips, test_clips)
)  # (n_clips, 273 channels, 10 utterances)

classifier = LSTMFCNClassifier(n_epochs=10, random_state=0).fit(X_train, train.y)
predicted = dict(zip(test.names, classifier.predict(X_test), strict=True))

# Only clips of test videos are fair: the features of the others saw their labels.
answers = load_zero_shot(data / "gpt4v", "cmumosi")
names, y_true = shared_samples(data / "mosi/label-test.csv", answers)
result = compare_to_zero_shot([predicted[n] for n in names], names, answers, y_true=y_true)
scores = result.scores["accuracy"]
print(f"accuracy on {result.n} clips: {scores['ours']:.3f}; GPT-4V: {scores['zero_shot']:.3f}")
print(
    f"difference {scores['difference']:+.3f}, 95 % interval {scores['low']:+.3f} to "
    f"{scores['high']:+.3f}; McNemar's p = {result.p_value:.2g}"
)

display = ZeroShotDisplay.from_comparison(
    result, metric="accuracy", names=("LSTM-FCN", "GPT-4V")
).plot()
display.figure_.savefig(sys.argv[1] if len(sys.argv) > 1 else "zero-shot.png", dpi=130)
