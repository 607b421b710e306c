"""Which feature sets are best on training clips? Each is ranked without reading a test clip."""

import json

import numpy as np

from lstmfcn.emotion.one_run import fit_recipe
from lstmfcn.emotion.recipe import short_name
from lstmfcn.emotion.track_data import columns_read, load_part, values_of
from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.features.fingerprint import fingerprint
from lstmfcn.features.store import FeatureStore
from lstmfcn.files import atomic_path
from lstmfcn.progress import tqdm
from lstmfcn.untrusted import decode_json, read_text

N_FOLDS = 3  # of the training clips
METRIC = "balanced_accuracy"


def rank_recipes(source, recipes, folder, *, part=0, verbose=0):
    """Return (UAR, recipe) of recipes by folds of a part's training clips, the best first.

    Each score is kept in a file below ``folder``, so that a later call trains what is missing.
    ``part`` is that of the :class:`lstmfcn.emotion.splits.Source`: its test clips are not read.
    """
    inner, store, scored = source.within(part, N_FOLDS), FeatureStore(source.root), []
    with tqdm(recipes, desc="ranking", unit="set", disable=not verbose) as bar:
        for recipe in bar:
            bar.set_postfix_str(recipe.name)
            path = folder / "ranking" / f"{short_name(recipe.name)}-{part}.json"
            names = inner.found.train.names
            sets = [fingerprint(store.feature_set(name), names) for name in recipe.features]
            columns = values_of([inner.found.train], columns_read(recipe, source.group))
            asked = [recipe.to_json(), names, inner.found.train.y.tolist(), sets, columns]
            scored.append((_kept(path, asked) or _score(inner, recipe, path, asked), recipe))
    return sorted(scored, key=lambda pair: -pair[0])


def _kept(path, asked):
    """Return the score in a file, if it is of this recipe and these clips, speakers and videos.

    A score of other features is refused: the results beside it are of those.
    """
    if not path.exists():
        return None
    content = decode_json(read_text(path).encode())
    was, now = content["asked"], json.loads(json.dumps(asked))
    if was[:3] != now[:3]:
        return None
    if len(was) > 3 and was[3] != now[3]:
        raise ValueError(f"{path} is of other features of the same names; name another folder.")
    if len(was) > 4 and was[4] != now[4]:
        return None
    return content["uar"]


def _score(inner, recipe, path, asked):
    """Train a recipe on all inner folds but one, each in turn, and score the others together."""
    y_true, y_pred = [], []
    for part in range(inner.n_parts):
        data = load_part(inner, recipe.on_labels_alone(), part)
        (clips,) = data.tests.values()
        X = (one.tests[inner.title].X for one in data.of_each_recipe)
        y_true.append(clips.y)
        y_pred.append(fit_recipe(data, 0).predict(*X))
    score = classification_metrics(np.concatenate(y_true), np.concatenate(y_pred))[METRIC]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"uar": score, "asked": asked}), encoding="utf-8")
    return score
