"""
Can a map be trusted?
=====================

Delete what a map calls relevant. If the map is faithful, the probability falls faster than after
random deletions. The evidence of these series is known, so the truth is a curve, too.

*Gradient x input*, the plain rival, may win this test. It asks which small change moves the
probability most, and deletion is a change. A map that says where the evidence lies need not name
the timepoints to which the network is most sensitive. The second number printed looks at the place
alone.
"""

from lstmfcn import ALSTMFCNClassifier
from lstmfcn.datasets import planted_evidence
from lstmfcn.evaluation import faithfulness, pointing_game
from lstmfcn.plots import FaithfulnessDisplay

planted = planted_evidence(260, n_timepoints=100, random_state=0)
train, test = slice(0, 200), slice(200, 260)
classifier = ALSTMFCNClassifier(n_epochs=40, random_state=0)
classifier.fit(planted.X[train], planted.y[train])
X, windows = planted.X[test], planted.windows[test]
print(f"accuracy on new series: {classifier.score(X, planted.y[test]):.3f}")

attention = classifier.attention_map(X)
print(f"most attended timepoint in the pattern: {pointing_game(attention, windows).mean():.2f}")

result = faithfulness(
    classifier,
    X,
    {"attention": attention, "the truth": windows},
    baselines=["local_mean"],
    n_random=1,
    random_state=0,
)
FaithfulnessDisplay(result).plot()
