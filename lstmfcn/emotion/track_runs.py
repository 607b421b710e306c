"""How are recipes trained, seed by seed and fold by fold, so that a later call goes on?"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from lstmfcn.emotion import outputs
from lstmfcn.emotion.attention_maps import write_attention
from lstmfcn.emotion.one_run import fit_recipe, measure_robustness, pool_folds, run_recipe
from lstmfcn.emotion.ranking import rank_recipes
from lstmfcn.emotion.recipe import MODELS, EmotionRecipe, short_name
from lstmfcn.emotion.report import write_emotion_page
from lstmfcn.emotion.splits import EVERYTHING, OWN_SPLITS, Source
from lstmfcn.emotion.track_data import (
    columns_read,
    feature_sets_of,
    load_part,
    present,
    resolved,
    values_of,
)
from lstmfcn.evaluation.intervals import mean_interval
from lstmfcn.evaluation.results import Results, Run
from lstmfcn.features.fingerprint import fingerprint
from lstmfcn.features.store import FeatureStore
from lstmfcn.files import atomic_path, write_csv
from lstmfcn.progress import tqdm

METRICS = {"balanced_accuracy": "UAR", "weighted_f1": "weighted F1", "accuracy": "accuracy"}
OPEN_METRICS = {"average": "average", "accuracy": "set accuracy", "set_recall": "set recall"}


class PartLoader:
    """Reads the parts of a source, and keeps the last one: seeds and models follow one another."""

    def __init__(self, source):
        self.source = source
        self._key = self._data = None

    def __call__(self, recipe, part, needed):
        """Return the TrackData of a recipe; clips need these feature sets."""
        key = recipe.label, part, needed
        if self._key != key:
            self._key = self._data = None  # room for the next one
            self._data = load_part(self.source, recipe, part, needed=needed)
            self._key = key
        return self._data


@dataclass(frozen=True, eq=False)
class TrackModel:
    """A recipe on a source: the name in tables, and the folder of tables, pictures and models."""

    name: str
    recipe: EmotionRecipe  # its features are the names of folders
    source: Source
    folder: Path
    load: PartLoader
    on_labels_alone: bool = False  # to compare with: without pseudo-labels
    choose: Callable | None = None  # part -> recipe, where each part's training clips decide
    choices: tuple = ()  # the feature sets to choose from

    @property
    def needed(self):
        """The feature sets that a clip needs: of all parts, which may choose different ones."""
        return self.choices or feature_sets_of(self.recipe)

    def data(self, part=0):
        """Return the TrackData of a part."""
        recipe = self.recipe if self.choose is None else self.choose(part)
        data = self.load(recipe, part, self.needed)
        return data.on_labels_alone() if self.on_labels_alone else data

    @property
    def uses_unlabelled(self):
        """Whether clips without a label are learned from."""
        return self.recipe.uses_unlabelled and not self.on_labels_alone

    def describe(self):
        """Return what records say of the recipe."""
        recipe = self.recipe.on_labels_alone() if self.on_labels_alone else self.recipe
        return recipe.describe()

    @cached_property
    def tests(self):
        """Test -> ClipTable of what is scored."""
        return {test: self.present(table) for test, table in self.source.scored().items()}

    @cached_property
    def challenge(self):
        """ClipTable of the clips that nobody labelled, and a submission answers; or None."""
        unlabelled = self.source.found.unlabelled
        unlabelled = unlabelled and self.present(unlabelled)
        return unlabelled or None

    @property
    def classes(self):
        """The emotions in order; for "ov" the true words are others."""
        return self.source.found.train.classes

    def run(self, test, seed):
        """Return the key of a record: the model on a test split with a seed."""
        dataset = f"{self.source.name}:{self.source.found.name}"
        return Run(dataset + ("" if test in OWN_SPLITS else f" ({test})"), self.name, seed)

    def part_path(self, seed, part):
        """Return the file of a finished fold."""
        return self.folder / "folds" / f"{self.source.title.replace(' ', '-')}-{seed}-{part}.npz"

    def model_path(self, seed):
        """Return the file of the model that is kept."""
        return self.folder / f"model-seed{seed}.lstmfcn"

    def present(self, table):
        """Return the clips of a ClipTable that are read: all, or those with features."""
        return present(table, self.source, self.needed)

    @cached_property
    def left_out(self):
        """Clips that are not used: names of those without features, and emotion -> how many."""
        found = self.source.found
        tables = (found.train, found.test, self.source.full_test, found.unlabelled)
        tables = [table for table in tables if table is not None]
        used = {name for table in tables for name in self.present(table).names}
        names = dict.fromkeys(name for table in tables for name in table.names)
        emotions = Counter()
        for table in filter(None, (found.train, found.test)):
            emotions.update(table.left_out)
        return {"clips": [name for name in names if name not in used], "emotions": dict(emotions)}

    @cached_property
    def digest(self):
        """A text that other clips, labels or folds would not have."""
        found = self.source.found
        tables = [found.train, found.unlabelled, *self.tests.values()]
        known = [
            [table.names, None if table.y is None else table.y.tolist()]
            for table in tables
            if table is not None
        ]
        folds = [fold.tolist() for fold in self.source.folds]
        text = json.dumps([known, str(found.ground_truth and found.ground_truth.name), folds])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def columns_digests(self):
        """Column that scores depend on -> a text that other values of the clips would not have."""
        found = self.source.found
        tables = [found.train, found.unlabelled, *self.tests.values()]
        tables = [table for table in tables if table is not None]
        columns = values_of(tables, columns_read(self.recipe, self.source.group))
        return {
            column: hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
            for column, values in columns.items()
        }

    @cached_property
    def features_digest(self):
        """A text that other features in folders of these names would not have."""
        store, found = FeatureStore(self.source.root), self.source.found
        tables = [found.train, *self.source.scored().values()]
        if self.uses_unlabelled:
            tables.append(found.unlabelled)
        clips = list(dict.fromkeys(name for table in tables for name in table.names))
        recipes = self.recipe.mean_of or (self.recipe,)
        sets = [store.feature_set(name) for recipe in recipes for name in recipe.features]
        known = [fingerprint(one, clips) for one in sets]
        if any(clip not in one for one in sets for clip in clips):
            known.append(self.source.on_missing)
        return hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]

    def refuse_other(self, record, what):
        """Raise ValueError if a record is of other clips, labels, folds, speakers or features."""
        other, known = None, record.get("columns_digests", {})
        ours = self.columns_digests.items()
        changed = [name for name, text in ours if known.get(name, text) != text]
        if record.get("data_digest") != self.digest:
            other = "clips or labels"
        elif record.get("features_digest", self.features_digest) != self.features_digest:
            other = f"features in {self.source.root}"
        elif changed:
            other = f"values of {changed[0]}"
        if other:
            raise ValueError(f"{what} with other {other}; name another folder.")


def metrics_of(source):
    """Return the metrics of a track: field of a record to the title in tables."""
    return OPEN_METRICS if source.found.name == "ov" else METRICS


def models_of(source, recipes, out, name=None, best=None, verbose=0):
    """Return the TrackModels of recipes, and, to compare them, of those without pseudo-labels.

    ``best`` adds a fusion of the feature sets of so many recipes. The training clips of each part
    choose them, by :func:`lstmfcn.emotion.ranking.rank_recipes`, whose order the models have.
    """
    folder = Path(out) / f"{source.name}-{source.found.name}".replace(" ", "_")
    store, load = FeatureStore(source.root), PartLoader(source)
    models, choose = [], None
    for one in recipes:
        if one.uses_unlabelled and source.found.name != "semi":
            raise ValueError(
                "this recipe learns from unlabelled clips, which track "
                f"{source.found.name!r} has none of; choose track 'semi'."
            )
    if name is not None and len(recipes) > 1:
        raise ValueError(f"name={name!r} is for one model, not for {len(recipes)}; leave it out.")
    if best is not None:
        recipes = [resolved(one, store, source.found.train) for one in recipes]
        names = [one.features[0] for one in recipes[:best]]
        replace(recipes[0], features=names)  # refuses, before ranking, what cannot be fused
        chosen = {}

        def ranked(part):
            if part not in chosen:
                chosen[part] = rank_recipes(source, recipes, folder, part=part, verbose=verbose)
            return chosen[part]

        def choose(part):
            features = [one.features[0] for _, one in ranked(part)[:best]]
            return resolved(replace(recipes[0], features=features), store, source.found.train)

        recipes = [one for _, one in ranked(0)]
    for one in recipes:
        recipe = resolved(one, store, source.found.train)
        called = recipe.on_labels_alone().name if name is None else name
        named = {called: True}
        if recipe.uses_unlabelled:
            named = {f"{called} pseudo-labels": False, called: True}
        for title, alone in named.items():
            own = folder / short_name(title.replace(" ", "_"))
            models.append(TrackModel(title, recipe, source, own, load, alone))
    if choose is not None and len(recipes) > 1:
        title = f"{MODELS[recipes[0].model][0]} best {min(best, len(recipes))} of {len(recipes)}"
        own = folder / title.replace(" ", "_")
        choices = tuple(sorted(one.features[0] for one in recipes))
        fused = TrackModel(title, choose(0), source, own, load, choose=choose, choices=choices)
        models.append(fused)
    return models


def run_track(
    source,
    recipes,
    out,
    *,
    n_seeds=1,
    name=None,
    best=None,
    baselines=(),
    keep_models=False,
    verbose=0,
):
    """Train and test recipes on a source; leave tables, records, pictures and a page in a folder.

    A later call trains what is missing, and writes tables and page anew. A recipe with
    pseudo-labels is compared with the same one without. The folder is that of a benchmark
    (:class:`lstmfcn.evaluation.Results`); :mod:`lstmfcn.emotion.outputs` writes about each model
    into ``NAME-TRACK/MODEL`` in it. Clips without a label are answered by models of all labels;
    ``keep_models`` keeps these, one for each seed. Of ``best`` :func:`models_of` tells.
    ``baselines`` are more recipes, which it does not choose from.

    Return the TrackModels, the rows of the table, and (model name, test) -> the records of the
    seeds. A row has `model`, `test`, `n_seeds`, and the mean, `METRIC_low` and `METRIC_high` of
    each metric.
    """
    recipes = [recipes] if isinstance(recipes, EmotionRecipe) else list(recipes)
    results = Results(Path(out))
    models = models_of(source, recipes, results.folder, name, best, verbose)
    models += models_of(source, baselines, results.folder)
    for model in models:
        _register(results, model)
    _refuse_other_data(results, models)
    _train_what_is_missing(results, models, n_seeds, keep_models, verbose)
    records = {
        (model.name, test): [results.record(model.run(test, seed)) for seed in range(n_seeds)]
        for model in models
        for test in model.tests
    }
    rows = [_row(source, *key, some) for key, some in records.items()]
    write_csv(models[0].folder / "table.csv", list(rows[0]), rows, make_folder=True)
    for model in models:
        outputs.write_model(model, results, records)
    write_emotion_page(results)
    return models, rows, records


def _register(results, model):
    """Bind a name to a recipe; say in words what differs from an earlier one of that name."""
    if not (differing := results.differences(model.name, model.describe())):
        results.register(model.name, model.describe())
        return
    changes = [text.replace("n_epochs", "epochs").replace("unset", "default") for text in differing]
    changes = [text.replace('"', "").replace("n_", "") for text in changes]
    raise ValueError(
        f"{results.folder} has results of another {model.name!r}: {'; '.join(changes)}. Call this "
        "one by a name of its own (name=...), or use another folder."
    )


def _refuse_other_data(results, models):
    """Refuse a folder whose runs of these names are of other clips."""
    ours = {model.run(test, 0): model for model in models for test in model.tests}
    for run in results.finished():
        model = ours.get(replace(run, seed=0))
        if model:
            what = f"{results.folder} has results of {run.dataset}"
            model.refuse_other(results.record(run), what)


def _train_what_is_missing(results, models, n_seeds, keep_models, verbose):
    runs = [(model, seed) for seed in range(n_seeds) for model in models]
    if not results.is_finished(models[0].run(next(iter(models[0].tests)), n_seeds - 1)):
        models[0].data()  # broken features are refused before a bar is shown
    title = f"emotion {models[0].source.found.name}"
    with tqdm(runs, desc=title, unit="run", disable=not verbose) as bar:
        for model, seed in bar:
            keys = {test: model.run(test, seed) for test in model.tests}
            with results.claim(next(iter(keys.values()))) as free:
                if not free:
                    raise BlockingIOError(
                        f"another process trains {model.name}, seed {seed}, in {results.folder}; "
                        "wait until it is done, or name another folder."
                    )
                ensemble = None
                if not all(results.is_finished(run) for run in keys.values()):
                    ensemble = _train(results, model, seed, keys, bar)
                _finish(model, seed, ensemble, keep_models, bar)


def _train(results, model, seed, keys, bar):
    """Train a model of each part; write the files that need its networks, then the records.

    Return the last Ensemble.
    """
    parts, curves, ensemble = [], {}, None
    for part in range(model.source.n_parts):
        several = model.source.n_parts > 1
        fold = f", fold {part + 1} of {model.source.n_parts}" if several else ""
        bar.set_postfix_str(f"{model.name}, seed {seed}{fold}")
        path = model.part_path(seed, part)
        if several and path.exists():
            parts.append(_read_part(path, model))
            continue
        data = model.data(part)
        ensemble, measured = run_recipe(data, seed)
        if seed == 0:
            write_attention(model, data, ensemble, anew=part == 0)
        if not several:
            curves = measure_robustness(data, ensemble)
            parts = [measured]
        else:
            (found,) = measured.values()
            _write_part(path, model, *found)
            parts.append(found)
    if model.source.n_parts > 1:
        (test,) = keys
        measured = {test: pool_folds(parts, model.classes)}
    for test, (record, predictions) in measured.items():
        record |= {"robustness": curves, **_digests(model), "left_out": model.left_out}
        results.write(keys[test], record, predictions)
    return ensemble


def _finish(model, seed, ensemble, keep_models, bar):
    """Answer the challenge's clips by a model of all labels, and keep it if that is asked for."""
    answers, kept = outputs.unlabelled_path(model, seed), model.model_path(seed)
    to_answer = model.challenge is not None and not answers.exists()
    to_keep = keep_models and not kept.exists()
    if not to_answer and not to_keep:
        return
    all_labels = EVERYTHING if model.source.holds_out else 0
    data = model.data(all_labels)
    if all_labels == EVERYTHING or ensemble is None:
        bar.set_postfix_str(f"{model.name}, seed {seed}, all labels")
        ensemble = fit_recipe(data, seed)
    if to_answer:
        outputs.write_unlabelled(model, data, ensemble, seed)
    if to_keep:
        from lstmfcn.emotion.kept_model import EmotionModel

        kept.parent.mkdir(parents=True, exist_ok=True)
        EmotionModel.of_run(data, ensemble, model.source).save(kept)


def _digests(model):
    return {
        "data_digest": model.digest,
        "features_digest": model.features_digest,
        "columns_digests": model.columns_digests,
    }


def _write_part(path, model, record, predictions):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**record, **_digests(model)})
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, record=text, **predictions)


def _read_part(path, model):
    try:
        with np.load(path, allow_pickle=False) as arrays:
            predictions = dict(arrays)
        record = json.loads(str(predictions.pop("record")))
    except Exception as error:  # whatever numpy makes of a damaged file
        raise ValueError(
            f"{path} cannot be read as a fold ({error}); delete it to run again."
        ) from None
    model.refuse_other(record, f"{path} is a fold")
    return record, predictions


def _row(source, name, test, records):
    """Return the mean and the interval of each metric over the seeds."""
    row = {"model": name, "test": test, "n_seeds": len(records)}
    for metric in metrics_of(source):
        values = [record[metric] for record in records]
        low, high = mean_interval(values)
        ends = (None, None) if np.isnan(low) else (max(0.0, float(low)), min(1.0, float(high)))
        row[metric], (row[f"{metric}_low"], row[f"{metric}_high"]) = float(np.mean(values)), ends
    for label in source.found.train.classes if source.found.name != "ov" else ():
        recalls = [record["per_class_recall"].get(label) for record in records]
        row[f"recall_{label}"] = None if None in recalls else float(np.mean(recalls))
    return row
