"""How much do CMU-MOSI's features tell a linear classifier, with and without leaked labels?

    python benchmarks/mosi_linear.py --data FOLDER

FOLDER holds ``mosi`` in MER2024's layout. The features of the training videos come from networks
that were trained on the labels of these videos. The test videos had no part in this training. So
the same classifier is trained on training videos and, with whole videos held out, on test videos.
This script reads labels of test clips to describe the data; nothing is chosen by them. The record
is ``benchmarks/results/mosi-linear.csv``.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from lstmfcn.emotion import FeatureStore, load_track, select_features
from lstmfcn.emotion.context import in_context
from lstmfcn.files import write_csv

RECORD = Path(__file__).resolve().parent / "results" / "mosi-linear.csv"
MODALITIES = ("text_FRA", "audio_FRA", "video_FRA")
MODALITY_SETS = {"text": MODALITIES[:1], "text, audio, video": MODALITIES}
CONTEXT = (4, 4)  # utterances before and after
N_FOLDS = 10
PENALTIES = {"logisticregression__C": [1e-4, 1e-3, 1e-2, 1e-1, 1.0]}
COLUMNS = ("modalities", "reads", "held_out_training", "test", "held_out_test")


def vectors(sequences, table, names, *, with_neighbours):
    """Return the utterance's features, and the mean of its neighbours': (n_clips, n_features)."""
    found = in_context(sequences, table, CONTEXT)
    parts = [np.stack([frames[-1] for frames in found[name]]) for name in names]
    if with_neighbours:
        for name in names:
            alone = np.zeros((1, found[name][0].shape[1]))
            before_and_after = [x[:-1] if len(x) > 1 else alone for x in found[name]]
            parts.append(np.stack([x.mean(axis=0) for x in before_and_after]))
    return np.concatenate(parts, axis=1)


def fitted(X, y, videos):
    """Fit a logistic regression; its penalty is chosen by cross-validation over training videos."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    return GridSearchCV(model, PENALTIES, cv=GroupKFold(5)).fit(X, y, groups=videos)


def held_out(X, y, videos):
    """Return the accuracy on held-out videos, all folds together."""
    right = np.zeros(len(y), bool)
    for train, scored in GroupKFold(N_FOLDS).split(X, y, videos):
        model = fitted(X[train], y[train], videos[train])
        right[scored] = model.predict(X[scored]) == y[scored]
    return right.mean()


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with mosi")
    arguments = parser.parse_args(argv)
    root = Path(arguments.data) / "mosi"
    track = load_track(root, "full", classes=None, group="video")
    tables = {"train": track.train, "test": track.test}
    sequences = {
        part: select_features(table, FeatureStore(root), MODALITIES)[1]
        for part, table in tables.items()
    }
    videos = {part: table.groups("video") for part, table in tables.items()}
    plan = [(what, near) for what in MODALITY_SETS for near in (False, True)]
    rows = []
    for what, near in tqdm(plan, unit="run"):
        X = {
            part: vectors(sequences[part], table, MODALITY_SETS[what], with_neighbours=near)
            for part, table in tables.items()
        }
        y = {part: table.y for part, table in tables.items()}
        model = fitted(X["train"], y["train"], videos["train"])
        found = (
            held_out(X["train"], y["train"], videos["train"]),
            model.score(X["test"], y["test"]),
            held_out(X["test"], y["test"], videos["test"]),
        )
        reads = "four before and four after, too" if near else "the utterance"
        rows.append((what, reads, *(round(float(value), 6) for value in found)))
    write_csv(RECORD, COLUMNS, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
