"""
How much noise does a model stand?
==================================

A classifier of emotions is trained on clean clips and used beside noise. ``RobustnessDisplay``
scores it on clips that lose more and more of their frames. ``AugmentedClassifier`` trains on copies
with cuts and noise, and falls more slowly.

The clips are made up: 20 features over 60 frames, four emotions. In each emotion all features
move, with sizes and speeds of its own.
"""

import numpy as np

from lstmfcn import FCNClassifier
from lstmfcn.meta import AugmentedClassifier
from lstmfcn.plots import RobustnessDisplay

EMOTIONS = ("angry", "happy", "neutral", "sad")
rng = np.random.default_rng(0)
voices = rng.normal(size=(4, 20, 1)) * np.sin(np.linspace(0, 6, 60) * rng.uniform(1, 3, (4, 20, 1)))


def make_clips(n_clips):
    """Return clips (n_clips, 20 features, 60 frames), and their emotions."""
    emotion = rng.integers(0, 4, n_clips)
    return voices[emotion] + rng.normal(0, 2.0, (n_clips, 20, 60)), np.take(EMOTIONS, emotion)


X_train, y_train = make_clips(120)
X_test, y_test = make_clips(200)
network = FCNClassifier(n_epochs=10, rocket=False, random_state=0)
models = {
    "trained on clean clips": network,
    "trained on copies, too": AugmentedClassifier(network, n_copies=2, random_state=0),
}
for name, model in models.items():
    model.fit(X_train, y_train)
    print(f"{name}: accuracy on clean clips: {model.score(X_test, y_test):.3f}")

RobustnessDisplay.from_estimators(
    models, X_test, y_test, "frames", [0.0, 0.2, 0.4, 0.6, 0.8], n_draws=3
).plot()
