"""
Trained, or only asked?
=======================

A classifier was trained; a language model was only asked. Which one is better? Both must be judged
on the same clips, with an interval and a paired test. Clips, features and answers are made up: the
asked model is right on 70 in 100, and sometimes answers with a word that is no class.
"""

import numpy as np

from lstmfcn import FCNClassifier
from lstmfcn.plots import ZeroShotDisplay
from lstmfcn.zero_shot import ZeroShotAnswers, ZeroShotTask, compare_to_zero_shot

vocabulary = ("angry", "happy", "sad")
rng = np.random.default_rng(0)
truth = rng.integers(0, 3, 240)
bumps = np.eye(3)[truth].repeat(10, axis=1)  # (240, 30): the class is the place of a bump
X, y = bumps + rng.normal(0, 1.4, bumps.shape), np.take(vocabulary, truth)
train, test = slice(0, 120), slice(120, 240)

said = np.where(rng.random(120) < 0.7, y[test], rng.choice([*vocabulary, "bored"], 120))
names = [f"clip-{i}" for i in range(120)]
answers = ZeroShotAnswers(
    ZeroShotTask("clips", vocabulary), "", names, y[test], [(word,) for word in said]
)

classifier = FCNClassifier(n_epochs=20, rocket=False, random_state=0).fit(X[train], y[train])
result = compare_to_zero_shot(classifier.predict(X[test]), names, answers)
scores = result.scores["accuracy"]
print(f"accuracy, trained: {scores['ours']:.3f}; asked: {scores['zero_shot']:.3f}")
print(
    f"difference {scores['difference']:+.3f}, 95 % interval {scores['low']:+.3f} to "
    f"{scores['high']:+.3f}; McNemar's p = {result.p_value:.2g}"
)
ZeroShotDisplay.from_comparison(result, metric="accuracy", names=("trained", "asked")).plot()
