"""What does a folder of results say about each model: records of seeds, predictions, scores?"""

import csv
import re
from dataclasses import dataclass

import numpy as np

from lstmfcn.emotion.mer2024 import TRACKS
from lstmfcn.emotion.prediction_files import read_scored
from lstmfcn.emotion.recipe import EmotionRecipe, short_name
from lstmfcn.emotion.splits import OWN_SPLITS
from lstmfcn.evaluation.class_scores import CLASS_METRICS, ClassScores, score_classes

# The name of a corpus, a colon, the track, and perhaps the test clips in brackets.
DATASET = re.compile(rf"(.*:(?:{'|'.join(TRACKS)}))(?: \((.*)\))?")


@dataclass(frozen=True, eq=False)
class Scored:
    """A model on test clips: the records of its seeds, and the predictions of all seeds together.

    Attributes
    ----------
    corpus, track, test, model : str
    records : list of dict
    recipe : EmotionRecipe
    folder : Path
        Of the model's tables and pictures.
    clips : ScoredClips or None
    group : str or None
        What tells speakers apart.
    scores : ClassScores or None
    """

    corpus: str
    track: str
    test: str
    model: str
    records: list
    recipe: EmotionRecipe
    folder: object
    clips: object
    group: str | None
    scores: ClassScores | None

    @property
    def title(self):
        """The model and its test clips, in words."""
        return f"{self.model}, {self.test}"

    @property
    def has_folds(self):
        """Whether each clip was held out once."""
        return "fold" in self.test or self.test.startswith("leave one")


def read_results(results):
    """Return what a folder of results holds, best UAR first on the same clips: list of Scored."""
    groups = {}
    for record in results.records():
        groups.setdefault((record["dataset"], record["model"]), []).append(record)
    scored = [_read(results, *key, records) for key, records in groups.items()]
    order = list(dict.fromkeys((one.corpus, one.track) for one in scored))

    def place(one):  # a track's own test clips come first
        return (
            order.index((one.corpus, one.track)),
            one.test not in OWN_SPLITS,
            one.test,
            -_uar(one),
        )

    return sorted(scored, key=place)


def seeds_together(results):
    """Return a sentence for each file of predictions of several seeds: what it scores.

    A table has the mean of the seeds' scores. The file has their mean probabilities, which decide
    together; both numbers are right, and they differ.
    """
    return [
        f"{one.title}: {len(one.records)} seeds together, as in {one.clips.source}: "
        + ", ".join(
            f"{title} {one.scores.scores[name]['value']:.4f}"
            for name, title in CLASS_METRICS.items()
        )
        for one in read_results(results)
        if one.scores is not None and len(one.records) > 1
    ]


def _uar(one):
    values = [record.get("balanced_accuracy") or record["accuracy"] for record in one.records]
    return float(np.mean(values))


def _read(results, dataset, model, records):
    """Return the Scored of one model on one dataset of the records."""
    base, test = DATASET.fullmatch(dataset).groups()
    corpus, _, track = base.rpartition(":")
    test = test or {"noise": "noisy", "ov": "open vocabulary"}.get(track, "test")
    place = results.folder / f"{corpus}-{track}".replace(" ", "_")
    folder = place / short_name(model.replace(" ", "_"))
    suffix = "" if test in OWN_SPLITS else f"-{test.replace(' ', '-')}"
    path, clips, group, scores = folder / f"predictions{suffix}.csv", None, None, None
    if track != "ov" and path.exists():
        clips, group = _read_clips(path)
        if len(set(clips.y_true.tolist())) > 1:
            known = {"probabilities": clips.probabilities, "classes": clips.classes}
            scores = score_classes(clips.y_true, clips.y_pred, groups=clips.groups, **known)
    recipe = EmotionRecipe.from_json(records[0]["parameters"])
    return Scored(corpus, track, test, model, records, recipe, folder, clips, group, scores)


def _read_clips(path):
    """Return the ScoredClips of a file, and the column of their speakers."""
    with open(path, encoding="utf-8", newline="") as file:
        head = next(csv.reader(file), [])
    known = ("name", "truth", "predicted", "openset")
    group = next((c for c in head if c not in known and not c.startswith("probability_")), None)
    return read_scored(path, group=group), group
