"""How is a recipe trained on a track, seed by seed, so that a later call goes on?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmfcn.emotion import outputs
from lstmfcn.emotion.one_run import measure_robustness, run_recipe
from lstmfcn.emotion.track_data import TrackData
from lstmfcn.evaluation.intervals import mean_interval
from lstmfcn.evaluation.results import Results, Run
from lstmfcn.files import write_csv
from lstmfcn.progress import tqdm

METRICS = {"weighted_f1": "WAF", "accuracy": "accuracy"}
OPEN_METRICS = {"average": "average", "accuracy": "set accuracy", "set_recall": "set recall"}


@dataclass(frozen=True, eq=False)
class TrackModel:
    """A recipe on a track: the name in tables, the data, and the folder of tables and pictures."""

    name: str
    data: TrackData
    folder: Path

    def run(self, test, seed):
        """Return the key of a record: the model on a test split with a seed."""
        return Run(self.data.dataset(test), self.name, seed)


def metrics_of(data):
    """Return the metrics of a track: field of a record to the title in tables."""
    if data.track == "ov":
        return OPEN_METRICS
    return METRICS if data.validation is None else METRICS | {"noisy_validation": "validation"}


def run_track(data, out, *, n_seeds=1, name=None, verbose=0):
    """Train and test a recipe on a track; leave tables, records, pictures and a page in a folder.

    A later call trains the seeds that are missing, and writes tables and page anew. A recipe with
    pseudo-labels is compared with the same one without. The folder is that of a benchmark
    (:class:`lstmfcn.evaluation.Results`); :mod:`lstmfcn.emotion.outputs` writes about each model
    into ``NAME-TRACK/MODEL`` in it.

    Return the TrackModels, the rows of the table (`model`, `test`, `n_seeds`, and for each metric
    its mean, `METRIC_low` and `METRIC_high`), and (model name, test) -> the records of the seeds.
    """
    results = Results(Path(out))
    models = _models(data, results.folder, name)
    for model in models:
        results.register(model.name, model.data.recipe.describe())
    _refuse_other_data(results, models)
    _train_what_is_missing(results, models, n_seeds, verbose)
    records = {
        (model.name, test): [results.record(model.run(test, seed)) for seed in range(n_seeds)]
        for model in models
        for test in data.tests
    }
    rows = [_row(data, *key, some) for key, some in records.items()]
    write_csv(models[0].folder / "table.csv", list(rows[0]), rows, make_folder=True)
    for model in models:
        outputs.write_model(model, results, records)
    outputs.write_page(results)
    return models, rows, records


def _models(data, out, name):
    """Return what is trained: the recipe, and, to compare it, the recipe without pseudo-labels."""
    alone = data.on_labels_alone()
    name = alone.recipe.name if name is None else name
    named = {name: alone}
    if data.recipe.uses_unlabelled:
        named = {f"{name} pseudo-labels": data, name: alone}
    folder = out / f"{data.name}-{data.track}".replace(" ", "_")
    return [TrackModel(n, one, folder / n.replace(" ", "_")) for n, one in named.items()]


def _refuse_other_data(results, models):
    """Refuse a folder whose runs of these names are of other clips."""
    data = models[0].data
    ours = {(data.dataset(test), model.name) for test in data.tests for model in models}
    for run in results.finished():
        is_ours = (run.dataset, run.model) in ours
        if is_ours and results.record(run).get("data_digest") != data.digest():
            raise ValueError(
                f"{results.folder} has results of {run.dataset} with other clips or labels; name "
                "another folder."
            )


def _train_what_is_missing(results, models, n_seeds, verbose):
    data = models[0].data
    runs = [(model, seed) for seed in range(n_seeds) for model in models]
    with tqdm(runs, desc=f"emotion {data.track}", unit="run", disable=not verbose) as bar:
        for model, seed in bar:
            keys = {test: model.run(test, seed) for test in data.tests}
            with results.claim(next(iter(keys.values()))) as free:
                if not free:
                    raise BlockingIOError(
                        f"another process trains {model.name}, seed {seed}, in {results.folder}; "
                        "wait until it is done, or name another folder."
                    )
                if all(results.is_finished(run) for run in keys.values()):
                    continue
                bar.set_postfix_str(f"{model.name}, seed {seed}")
                _train(results, model, seed, keys)


def _train(results, model, seed, keys):
    """Train a model once; write the files that need its networks, then the records."""
    ensemble, measured = run_recipe(model.data, seed)
    outputs.write_trained(model, ensemble, seed)
    curves = measure_robustness(model.data, ensemble)
    for test, (record, predictions) in measured.items():
        results.write(keys[test], {**record, "robustness": curves}, predictions)


def _row(data, name, test, records):
    """Return the mean and the interval of each metric over the seeds."""
    row = {"model": name, "test": test, "n_seeds": len(records)}
    for metric in metrics_of(data):
        values = [record[metric] for record in records]
        low, high = mean_interval(values)
        ends = (None, None) if np.isnan(low) else (max(0.0, float(low)), min(1.0, float(high)))
        row[metric], (row[f"{metric}_low"], row[f"{metric}_high"]) = float(np.mean(values)), ends
    for label in data.classes if data.track != "ov" else ():
        recalls = [record["per_class_recall"][label] for record in records]
        row[f"recall_{label}"] = None if None in recalls else float(np.mean(recalls))
    return row
