"""Can a map be trusted? Deleting what it calls relevant must hurt more than deleting at random.

The series are noise with one short pattern that decides the class, at a known place. Attention
is held against gradient times input, against random timepoints, and against the truth.
"""

import sys

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
display = FaithfulnessDisplay(result).plot()
display.figure_.savefig(sys.argv[1] if len(sys.argv) > 1 else "faithfulness.png", dpi=130)
