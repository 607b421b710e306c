"""Which settings should be defaults, and what do they achieve? Studies that can be continued.

    python benchmarks/study.py attention --archive ARCHIVE.zip --jobs 2
    python benchmarks/study.py channels --archive UEA.zip --jobs 2

A run is (dataset, configuration, seed). Studies that *choose* something (``precision``,
``attention``, ``channels``) never see a test split. They cut each training split into three
stratified folds; seed k trains on two folds and is scored on fold k.
Studies that *report* (``paper``, ``fine_tune``, ``explanations``) train on the training split and
score the archive's test split once. Each finished run is a row of
``benchmarks/results/study-NAME.csv``. A repeated call does the missing runs and continues
interrupted runs; the seconds of continued runs stay empty.
"""

import argparse
import concurrent.futures
import csv
import multiprocessing
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lstmfcn.datasets import load_ucr
from lstmfcn.files import atomic_path
from lstmfcn.meta.rows import take_rows
from lstmfcn.presets import PAPER

RESULTS = Path(__file__).resolve().parent / "results"
CHECKPOINTS = RESULTS.parent / ".checkpoints"
# All available sets of equal length with at most 20,000 training values and two series per class.
DATASETS = (
    "SonyAIBORobotSurface1",
    "ItalyPowerDemand",
    "MoteStrain",
    "TwoLeadECG",
    "SmoothSubspace",
    "BME",
    "CBF",
    "GunPoint",
    "FaceFour",
    "ArrowHead",
    "ECG200",
    "BeetleFly",
    "ToeSegmentation1",
    "Wine",
    "Plane",
    "SyntheticControl",
)
# Sets of more series, classes or timepoints; FiftyWords has a class of one series.
LARGER_DATASETS = (
    "MelbournePedestrian",
    "ProximalPhalanxTW",
    "DistalPhalanxOutlineCorrect",
    "FaceAll",
    "FacesUCR",
    "PowerCons",
    "Trace",
    "Adiac",
    "Car",
    "Strawberry",
    "CricketY",
    "Lightning2",
    "OSULeaf",
)
# All sets of equal length with three series in each of two classes or more, by the cost of a run.
FRONT_DATASETS = (
    "SmoothSubspace",
    "ItalyPowerDemand",
    "SonyAIBORobotSurface1",
    "TwoLeadECG",
    "MoteStrain",
    "BME",
    "CBF",
    "ECG200",
    "SyntheticControl",
    "GunPoint",
    "Plane",
    "ArrowHead",
    "MiddlePhalanxOutlineAgeGroup",
    "ProximalPhalanxTW",
    "DistalPhalanxOutlineAgeGroup",
    "ProximalPhalanxOutlineCorrect",
    "DistalPhalanxOutlineCorrect",
    "PowerCons",
    "Wine",
    "FaceFour",
    "FacesUCR",
    "MelbournePedestrian",
    "FaceAll",
    "ToeSegmentation1",
    "DodgerLoopDay",
    "Trace",
    "Adiac",
    "BeetleFly",
    "Strawberry",
    "FiftyWords",
    "CricketY",
    "Car",
    "Lightning2",
    "OSULeaf",
    "ScreenType",
    "WormsTwoClass",
    "HouseTwenty",
)
# Series of several channels.
CHANNELS_DATASETS = ("BasicMotions", "JapaneseVowels", "Libras", "RacketSports", "Epilepsy")
DATASETS_OF = {"attention": LARGER_DATASETS, "channels": CHANNELS_DATASETS}
BUNDLED = ("ArrowHead", "BasicMotions", "GunPoint", "ItalyPowerDemand", "JapaneseVowels")
N_SEEDS = 3
STUDIES = {
    "precision": {
        "float32": {"precision": "float32"},
        "bfloat16": {"precision": "bfloat16"},
        "ALSTM-FCN, float32": {"classifier": "ALSTMFCNClassifier", "precision": "float32"},
        "ALSTM-FCN, bfloat16": {"classifier": "ALSTMFCNClassifier", "precision": "bfloat16"},
    },
    "attention": {
        "ALSTM-FCN": {"classifier": "ALSTMFCNClassifier"},
        "ALSTM-FCN, no occlusion": {"classifier": "ALSTMFCNClassifier", "occlusion": 0.0},
    },
    "channels": {
        "default": {},
        "squeeze and excite": {"squeeze_excite": True},
        "LSTM reads timepoints": {"dimension_shuffle": False},
        "LSTM reads channels": {"dimension_shuffle": True},
        "each series normalised": {"normalization": "series"},
        "narrow": {"n_filters": (32, 64, 32)},
        "one view": {"views": ("values",)},
        "no fixed kernels": {"rocket": False},
        "ALSTM-FCN": {"classifier": "ALSTMFCNClassifier"},
        "ensemble": {"classifier": "LSTMFCNEnsemble"},
    },
    "paper": {"default": {}, "paper": PAPER},
    "fine_tune": {"default": {}},
    "explanations": {
        "ALSTM-FCN": {"classifier": "ALSTMFCNClassifier"},
        "LSTM-FCN": {},
        "ALSTM-FCN, no occlusion": {"classifier": "ALSTMFCNClassifier", "occlusion": 0.0},
    },
}
REPORTING = {"paper", "fine_tune", "explanations"}
EXPLAINING = {"attention", "explanations"}
COLUMNS = (
    "dataset",
    "configuration",
    "seed",
    "accuracy",
    "log_loss",
    "fit_seconds",
    "epochs",
    "training_loss",
    "batch_size",
    "precision",
    "n_scored",
    "accuracy_tuned",
    "log_loss_tuned",
    "tune_seconds",
)
N_EXPLAINED = 150  # test series, drawn at random where there are more
BASELINES = ("zero", "local_mean", "noise")
MAPS = {"attention": "attention_map", "activation": "class_activation_map"}
DROPS = [*MAPS, *(f"{name}, shifted" for name in MAPS), "gradient x input", "random"]
EXPLANATIONS = (
    "lstm_share",
    "lstm_agrees",
    "convolutions_agree",
    *(f"{name}, random weights" for name in MAPS),
    *(f"{name}, {baseline}" for name in DROPS for baseline in BASELINES),
)


def load(dataset, archive):
    """Return the four arrays of a dataset, from sktime's wheel or the archive.

    Missing values are interpolated, as in a sweep.
    """
    return load_ucr(dataset, None if dataset in BUNDLED else archive, missing="interpolate")


def fold(X, y, seed):
    """Cut fold ``seed`` of three out of a training split: X_train, y_train, X_held, y_held.

    A class of fewer than three series is left out.
    """
    from sklearn.model_selection import StratifiedKFold

    X, y = _enough_of_each(X, y)
    folds = StratifiedKFold(N_SEEDS, shuffle=True, random_state=0).split(np.zeros(len(y)), y)
    kept, held = list(folds)[seed]
    return take_rows(X, kept), y[kept], take_rows(X, held), y[held]


def shifted_fold(X, y, seed):
    """Cut as :func:`fold`, but hold out series that differ from those of their class that stay.

    The series of each class are ordered along their first principal component, and its thirds are
    the folds. ``X`` is an array of series of equal length.
    """
    X, y = _enough_of_each(X, y)
    place = np.empty(len(y), int)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        series = X[rows].reshape(len(rows), -1)
        scores = np.linalg.svd(series - series.mean(axis=0), full_matrices=False)[0][:, 0]
        place[rows[np.argsort(scores, kind="stable")]] = np.arange(len(rows)) * N_SEEDS // len(rows)
    kept, held = place != seed, place == seed
    return X[kept], y[kept], X[held], y[held]


def _enough_of_each(X, y):
    """Leave out classes of fewer series than folds."""
    classes, counts = np.unique(y, return_counts=True)
    enough = np.isin(y, classes[counts >= N_SEEDS])
    return take_rows(X, np.flatnonzero(enough)), y[enough]


def run(study, dataset, configuration, seed, archive):
    """Fit and score once; return one row."""
    import lstmfcn

    X, y, X_scored, y_scored = load(dataset, archive)
    if study not in REPORTING:
        X, y, X_scored, y_scored = fold(X, y, seed)
    parameters = dict(STUDIES[study][configuration])
    model = getattr(lstmfcn, parameters.pop("classifier", "LSTMFCNClassifier"))
    checkpoint = CHECKPOINTS / f"{study}-{dataset}-{configuration}-{seed}"
    was_interrupted = checkpoint.exists()
    classifier = model(**parameters, checkpoint=checkpoint, random_state=seed)
    started = time.perf_counter()
    classifier.fit(X, y)
    row = {
        "dataset": dataset,
        "configuration": configuration,
        "seed": seed,
        "fit_seconds": "" if was_interrupted else time.perf_counter() - started,
        "epochs": len(classifier.history_["loss"]),
        "training_loss": classifier.history_["loss"][-1],
        "batch_size": getattr(classifier, "batch_size_", ""),
        "precision": getattr(classifier, "precision_", ""),
        "n_scored": len(y_scored),
        **scores(classifier, X_scored, y_scored),
    }
    if study == "fine_tune":
        started = time.perf_counter()
        classifier.fine_tune(X, y)
        row["tune_seconds"] = "" if was_interrupted else time.perf_counter() - started
        for key, value in scores(classifier, X_scored, y_scored).items():
            row[f"{key}_tuned"] = value
    elif study in EXPLAINING:
        row |= explanations(classifier, X_scored, seed)
    shutil.rmtree(checkpoint)
    return {key: round(v, 6) if isinstance(v, float) else v for key, v in row.items()}


def scores(classifier, X, y):
    """Return accuracy and log loss (natural logarithm, probabilities cut at 1e-7)."""
    probabilities = classifier.predict_proba(X)
    columns = np.searchsorted(classifier.classes_, y)
    of_truth = np.maximum(probabilities[np.arange(len(y)), columns], 1e-7)
    accuracy = float((probabilities.argmax(axis=1) == columns).mean())
    return {"accuracy": accuracy, "log_loss": float(-np.log(of_truth).mean())}


def explanations(classifier, X, seed):
    """Return how far deletion of a fifth moves the probability, by map, and the LSTM's share."""
    from lstmfcn.evaluation import faithfulness, randomization_test

    X = X[np.sort(np.random.RandomState(seed).permutation(len(X))[:N_EXPLAINED])]
    methods = {name: method for name, method in MAPS.items() if hasattr(classifier, method)}
    maps = {name: getattr(classifier, method)(X) for name, method in methods.items()}
    result = faithfulness(
        classifier, X, maps, baselines=BASELINES, fractions=[0.2], random_state=seed
    )
    return {
        **classifier.explain(X).summary(),
        **{
            f"{name}, {baseline}": float(result.drop(name, 0.2, baseline).mean())
            for name in result.maps
            if name in DROPS
            for baseline in BASELINES
        },
        **{
            f"{name}, random weights": float(
                randomization_test(classifier, X, method, random_state=seed).mean()
            )
            for name, method in methods.items()
        },
    }


def set_up_worker():
    """Use one thread, as small networks gain little from more. End when the parent ends."""

    def follow_parent():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=follow_parent, daemon=True).start()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def read(path):
    """Return the rows of a record, or none."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    """Write a record again, atomically, in a fixed order."""
    rows = sorted(rows, key=lambda r: (r["dataset"], r["configuration"], int(r["seed"])))
    with atomic_path(path) as temporary, open(temporary, "w", newline="") as file:
        explains = path.stem.removeprefix("study-") in EXPLAINING
        columns = COLUMNS + (EXPLANATIONS if explains else ())
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--archive", help="folder or zip with the UCR 2018 archive")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", nargs="+", help="these configurations")
    parser.add_argument("--seeds", type=int, default=N_SEEDS, help="how many of the three")
    arguments = parser.parse_args(argv)
    path = RESULTS / f"study-{arguments.study}.csv"
    rows = read(path)
    done = {(row["dataset"], row["configuration"], int(row["seed"])) for row in rows}
    plan = [
        (dataset, configuration, seed)
        for seed in range(arguments.seeds)
        for dataset in DATASETS_OF.get(arguments.study, DATASETS)
        for configuration in arguments.only or STUDIES[arguments.study]
        if (dataset, configuration, seed) not in done
    ]
    calls = [(arguments.study, *key, arguments.archive) for key in plan]
    return 0 if do_all(run, calls, rows, path, write, arguments.jobs, arguments.study) else 1


def do_all(run, calls, rows, path, write, jobs, name):
    """Do runs in processes of their own and keep each row as it comes.

    Parameters
    ----------
    run : callable
        Turns the arguments of a call into a row.
    calls : list of tuple
    rows : list of dict
        The finished rows; new rows are added.
    path : path
    write : callable
        Writes rows to the path.
    jobs : int
    name : str
        Name of the progress bar.

    Returns
    -------
    bool
        Whether all calls succeeded.
    """
    context = multiprocessing.get_context("spawn")
    with (
        concurrent.futures.ProcessPoolExecutor(
            jobs, mp_context=context, initializer=set_up_worker
        ) as pool,
        tqdm(total=len(calls), unit="run", desc=name) as bar,
    ):
        futures = [pool.submit(run, *call) for call in calls]
        try:
            for future in concurrent.futures.as_completed(futures):
                rows.append(future.result())
                write(path, [*read(path), rows[-1]])  # others may write to it, too
                bar.update()
        except BaseException as error:
            pool.shutdown(cancel_futures=True)  # runs under way go on to their end
            ended = [f for f in futures if f.done() and not f.cancelled() and not f.exception()]
            write(path, read(path) + [f.result() for f in ended if f.result() not in rows])
            print(f"stopped ({error!r}); finished runs are kept", file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
