"""How is a dimension, such as valence, predicted? In folds, by a regressor of each feature set."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstmfcn.emotion.clip_labels import ClipTable, number_of, read_clips, refuse_rows
from lstmfcn.emotion.kept_model import EmotionModel, FeatureNeed
from lstmfcn.emotion.mer2024 import select_features
from lstmfcn.emotion.one_run import Ensemble
from lstmfcn.emotion.recipe import SHAPE, EmotionRecipe
from lstmfcn.emotion.sequences import fitted_preprocessor
from lstmfcn.features.fingerprint import fingerprint
from lstmfcn.features.manifest import read_manifest
from lstmfcn.features.store import FeatureStore
from lstmfcn.files import atomic_path, write_csv
from lstmfcn.meta.folds import make_folds
from lstmfcn.meta.rows import take_rows
from lstmfcn.progress import tqdm
from lstmfcn.validation import axes_are_known

TOLD = ("target", "features", "folds", "group", "epochs", "length", "mode")  # not by a hash
PREDICTIONS, SUBMISSION = "predictions.csv", "submission.csv"


@dataclass(frozen=True, eq=False)
class DimensionRun:
    """What :func:`run_dimension` predicted.

    Attributes
    ----------
    table : ClipTable
        The clips with a true value.
    y_true, y_pred : float ndarray of shape (n_clips,)
        Each prediction is the mean over seeds and feature sets, by models that have not seen the
        clip.
    by_seed : float ndarray of shape (n_seeds, n_clips)
    n_folds : int
    n_submitted : int
        Clips without a true value, which models of all others predict.
    absent : tuple of str
        Clips of the table that were left out, because they have no features.
    folder : Path
        Of the files.
    kept : tuple of Path
        The model of each seed, if they are kept.
    """

    table: ClipTable
    y_true: np.ndarray
    y_pred: np.ndarray
    by_seed: np.ndarray
    n_folds: int
    n_submitted: int
    absent: tuple
    folder: Path
    kept: tuple = ()


def load_dimension(path, target):
    """Read clips and a number for each: two ClipTables and the numbers of the first.

    Parameters
    ----------
    path : str or path
        A CSV file, as for :func:`lstmfcn.emotion.load_corpus`.
    target : str
        The column of the numbers. An empty cell, or -10, is none.

    Returns
    -------
    labelled, unlabelled : ClipTable
    y : float64 ndarray of shape (n_labelled,)
    """
    path, target = Path(path).expanduser(), target.lower()
    rows, extra, problems = read_clips(path, ("name", target))
    values = np.array([number_of(row[target]) for _, row in rows])
    problems += [
        f"{place}: the {target} {row[target]!r} is no number"
        for (place, row), value in zip(rows, values, strict=True)
        if np.isinf(value)
    ]
    refuse_rows(path.name, problems)
    columns = {name: np.array([row[name] for _, row in rows]) for name in extra}
    names = tuple(row["name"] for _, row in rows)
    table, known = ClipTable(path.name, names, None, (), columns=columns), ~np.isnan(values)
    return table[known], table[~known], values[known]


def run_dimension(
    root,
    labels,
    target,
    features,
    out,
    *,
    group=None,
    folds=5,
    n_seeds=1,
    n_epochs=None,
    n_timepoints=None,
    mode="resample",
    on_missing="error",
    keep_models=False,
    verbose=0,
):
    """Predict a number for every clip by models that have not seen it.

    Of each fold an ``LSTMFCNRegressor`` learns each feature set, and the predictions are averaged.
    Clips without a number are predicted by models of all others. What is finished is kept in the
    folder, so that a later call does the rest.

    Parameters
    ----------
    root : str or path
        The folder of the feature sets.
    labels, target
        As for :func:`load_dimension`.
    features : sequence of str
        Feature sets.
    out : str or path
        The folder of the results: ``predictions.csv`` (name, truth, predicted), and
        ``submission.csv`` of clips without a number.
    group : str, default=None
        A column such as "speaker", whose values are kept on one side of each fold.
    folds : int or "loso", default=5
        "loso" leaves out one value of ``group``, by default one speaker.
    n_seeds : int, default=1
    n_epochs, n_timepoints : int, default=None
        None leaves them to the regressor, and to the clips that are trained on.
    mode : {"resample", "mertools", "pad"}, default="resample"
        As for :class:`lstmfcn.emotion.SequencePreprocessor`.
    on_missing : {"error", "drop", "zeros"}, default="error"
        Of clips without features.
    keep_models : bool, default=False
        Keep the regressors of each seed, trained on all clips with a number, as a model for
        :func:`lstmfcn.emotion.load_model`: ``model-seed0.lstmfcn`` and so on.
    verbose : int, default=0
        1: a progress bar over the trainings.

    Returns
    -------
    DimensionRun

    See Also
    --------
    lstmfcn.evaluation.score_numbers : CCC, MSE and R2, with intervals over clips and speakers.
    lstmfcn.LSTMFCNRegressor : What is trained.
    """
    store, group = FeatureStore(root), "speaker" if folds == "loso" and group is None else group
    names = [store.feature_set(name).name for name in features]
    data = _read(labels, target, store, names, on_missing)
    table, y, others = data.table, data.y, data.others
    held_out = held_out_rows(table, folds, group)
    clips = table.names, y.tolist(), *((data.unlabelled.names,) if others else ())
    settings = {
        "target": target.lower(),
        "features": names,
        "folds": folds,
        "group": group,
        "epochs": n_epochs,
        "length": n_timepoints,
        "mode": mode,
        "clips": _short_hash(clips),
        "rows of the folds": _short_hash([held.tolist() for held in held_out]),
        "features' values": {name: _fingerprint(store, name, data) for name in names},
    }
    folder = Path(out) / f"{Path(labels).stem}-{target.lower()}"
    _check_same(folder, settings)
    how = {"n_epochs": n_epochs, "n_timepoints": n_timepoints, "mode": mode}
    parts = [(np.setdiff1d(np.arange(len(y)), held), held) for held in held_out]
    by_seed, submitted, kept = np.zeros((n_seeds, len(y))), 0.0, []
    needs_all = bool(others) or keep_models
    total = n_seeds * len(names) * (len(parts) + needs_all)
    with tqdm(total=total, desc=f"emotion {target}", unit="training", disable=not verbose) as bar:
        for seed in range(n_seeds):
            trained, model = {}, folder / f"model-seed{seed}.lstmfcn"
            for name in names:
                frames = data.sequences[name]
                for k, (train, held) in enumerate(parts):
                    path = folder / f"{name}-seed{seed}-fold{k}.npy"
                    fold = partial(_fit, take_rows(frames, train), y[train], seed, **how)
                    by_seed[seed, held] += _kept(path, fold, take_rows(frames, held)) / len(names)
                    bar.update()
                fit = cache(partial(_fit, frames, y, seed, **how))
                if others:
                    path = folder / f"{name}-seed{seed}-all.npy"
                    submitted = submitted + _kept(path, fit, others[name])
                if keep_models and not model.exists():
                    trained[name] = fit()
                bar.update(needs_all)
            if trained:
                _model(table.source, store, target.lower(), trained, how).save(model)
            kept += [model] if keep_models else []
    _write(folder, target.lower(), table, y, by_seed.mean(axis=0), group)
    if others:
        rows = zip(data.unlabelled.names, submitted / (n_seeds * len(names)), strict=True)
        write_csv(folder / SUBMISSION, ["name", target.lower()], rows)
    return DimensionRun(
        table=table,
        y_true=y,
        y_pred=by_seed.mean(axis=0),
        by_seed=by_seed,
        n_folds=len(parts),
        n_submitted=len(data.unlabelled),
        absent=data.absent,
        folder=folder,
        kept=tuple(kept),
    )


class _Data(NamedTuple):
    """Clips with a number, and without: tables, and feature set -> ClipSequences."""

    table: ClipTable
    y: np.ndarray
    sequences: dict
    unlabelled: ClipTable
    others: dict
    absent: tuple


def _read(labels, target, store, names, on_missing):
    """Return the clips of a table that have features, as _Data."""
    table, unlabelled, y = load_dimension(labels, target)
    known, sequences = select_features(table, store, names, on_missing=on_missing)
    y, new, others = y[np.isin(table.names, known.names)], unlabelled, {}
    if len(new):
        new, others = select_features(new, store, names, on_missing=on_missing)
    there = {*known.names, *new.names}
    absent = [name for name in table.names + unlabelled.names if name not in there]
    return _Data(known, y, sequences, new, others, tuple(absent))


def _short_hash(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def _fingerprint(store, name, data):
    """Return a text that other features, and other clips that have them, would not have."""
    return fingerprint(store.feature_set(name), data.table.names + data.unlabelled.names)


def held_out_rows(table, folds, group):
    """Return the rows that each fold holds out; refuse folds that are not possible."""
    group = "speaker" if folds == "loso" and group is None else group
    groups = None if group is None else table.groups(group)
    n_groups = len(table) if group is None else len(np.unique(groups))
    n_folds = n_groups if folds == "loso" else folds
    if n_groups < max(2, n_folds):
        what = f"values of {group}" if group else "clips with a number"
        raise ValueError(
            f"{table.source} has {n_groups} {what}, too few for {n_folds} folds; choose fewer "
            "folds, or label more clips."
        )
    return make_folds(len(table), n_folds, random_state=0, groups=groups)


def _check_same(folder, settings):
    """Refuse a folder of other settings; write these into a new one."""
    path = folder / "settings.json"
    if path.exists():
        was = json.loads(path.read_text(encoding="utf-8"))
        for name in settings:
            if name in was and was[name] != settings[name]:
                values = f" ({was[name]} there, {settings[name]} here)" if name in TOLD else ""
                raise ValueError(
                    f"{folder} has predictions with other {name}{values}; choose another folder "
                    "for the results."
                )
        return
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        Path(temporary).write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _kept(path, fit, frames):
    """Return the predictions of a training, from their file if it is finished."""
    if path.exists():
        return np.load(path, allow_pickle=False)
    preprocessor, regressor = fit()
    with axes_are_known():
        found = regressor.predict(preprocessor.transform(frames)).astype(np.float64)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, found)
    return found


def _fit(frames, y, seed, *, n_epochs, n_timepoints, mode):
    """Train on clips; return the preprocessor of their frames, and the regressor."""
    from lstmfcn import LSTMFCNRegressor

    preprocessor = fitted_preprocessor(frames, n_timepoints, mode)
    epochs = {} if n_epochs is None else {"n_epochs": n_epochs}
    with axes_are_known():  # of frames (T, D), which may be fewer than their features
        regressor = LSTMFCNRegressor(**SHAPE, **epochs, random_state=seed)
        return preprocessor, regressor.fit(preprocessor.transform(frames), y)


def _model(corpus, store, target, trained, how):
    """Return the EmotionModel of feature set -> what :func:`_fit` returned."""
    recipes = tuple(EmotionRecipe([name], "lstmfcn", **how) for name in trained)
    needs = {
        name: FeatureNeed(name, read_manifest(store.feature_set(name).folder)) for name in trained
    }
    preprocessors = tuple({name: one} for name, (one, _) in trained.items())
    regressors = [regressor for _, regressor in trained.values()]
    return EmotionModel(corpus, recipes, needs, preprocessors, Ensemble(regressors), target)


def _write(folder, target, table, y_true, y_pred, group):
    columns = {"name": table.names, "truth": y_true, "predicted": np.round(y_pred, 6)}
    columns |= {} if group is None else {group: table.groups(group)}
    write_csv(folder / PREDICTIONS, list(columns), zip(*columns.values(), strict=True))
