"""How good is a model on unseen data, if there is no test set? Cross-validation that can resume."""

import json

import numpy as np
from sklearn.base import clone
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
)
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from lstmfcn.files import atomic_path, write_csv
from lstmfcn.meta.rows import take_rows
from lstmfcn.plots.confusion import Confusion
from lstmfcn.plots.display import image_bytes, plain
from lstmfcn.progress import tqdm
from lstmfcn.training.checkpoint import fingerprint

SCORES = {
    "accuracy": lambda y, answer, proba, classes: accuracy_score(y, answer),
    "balanced accuracy": lambda y, answer, proba, classes: balanced_accuracy_score(y, answer),
    "weighted F1": lambda y, answer, proba, classes: f1_score(y, answer, average="weighted"),
    "log loss": lambda y, answer, proba, classes: log_loss(y, proba, labels=classes),
}


def cross_validate_to_folder(
    classifier, X, y, folder, *, groups=None, about=None, n_folds=5, random_state=0, verbose=0
):
    """Cross-validate a classifier, and keep predictions, scores and a confusion matrix.

    Parameters
    ----------
    classifier : classifier of this package
        It is not fitted itself; clones are.
    X, y : as in its ``fit``
    folder : path
        Gets ``predictions.csv`` (a line per series), ``scores.csv``, ``confusion.png``, and the
        probabilities of each fold in ``fold-0.npz`` and so on. A repeated call skips finished
        folds.
    groups : array-like of shape (n_samples,), optional
        The series of a group are in the same fold.
    about : dict of str to array of shape (n_samples,), optional
        Columns of ``predictions.csv`` beside fold and answer; by default the label alone.
    n_folds : int, default=5
        Number of folds, stratified by class.
    random_state : int, default=0
        Seed of the folds.
    verbose : int, default=0
        1: a progress bar over folds.

    Returns
    -------
    str
        The scores of each fold and of all folds together, as a table.

    Raises
    ------
    ValueError
        If a class has too few series, or if there are too few groups, for the folds.
    """
    y = np.asarray(y)
    classes, counts = np.unique(y, return_counts=True)
    _check(classes, counts, groups, n_folds)
    kinds = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kinds(n_folds, shuffle=True, random_state=random_state)
    splits = list(splitter.split(np.zeros(len(y)), y, groups))
    folder.mkdir(parents=True, exist_ok=True)
    job = {
        "model": repr(clone(classifier).set_params(verbose=0)),
        "data": fingerprint(X, y, *(() if groups is None else (np.asarray(groups),))),
        "n_folds": n_folds,
        "random_state": random_state,
    }
    probabilities = np.full((len(y), len(classes)), np.nan)
    fold_of = np.empty(len(y), int)
    with tqdm(enumerate(splits), total=n_folds, unit="fold", disable=not verbose) as bar:
        for fold, (trained_on, held_out) in bar:
            fold_of[held_out] = fold
            done = _read(folder / f"fold-{fold}.npz", job)
            if done is None:
                model = clone(classifier).fit(take_rows(X, trained_on), y[trained_on])
                done = np.zeros((len(held_out), len(classes)))
                columns = np.searchsorted(classes, model.classes_)
                done[:, columns] = model.predict_proba(take_rows(X, held_out))
                _write(folder / f"fold-{fold}.npz", job, done)
            probabilities[held_out] = done
    answer = classes[probabilities.argmax(axis=1)]
    about = {"label": y} if about is None else about
    _write_predictions(folder / "predictions.csv", about, answer, probabilities, fold_of, classes)
    rows = [(str(fold), fold_of == fold) for fold in range(n_folds)]
    rows.append(("all", np.ones(len(y), bool)))
    table = [
        [name, int(part.sum())]
        + [
            float(score(y[part], answer[part], probabilities[part], classes))
            for score in SCORES.values()
        ]
        for name, part in rows
    ]
    write_csv(folder / "scores.csv", ["fold", "series", *SCORES], table)
    _draw(folder / "confusion.png", confusion_matrix(y, answer, labels=classes), classes)
    return _as_text(table)


def _check(classes, counts, groups, n_folds):
    if len(classes) < 2:
        raise ValueError("there is one class only; cross-validation needs two.")
    if groups is not None and len(set(np.asarray(groups).tolist())) < n_folds:
        n_groups = len(set(np.asarray(groups).tolist()))
        raise ValueError(f"there are {n_groups} groups, fewer than n_folds={n_folds}.")
    if counts.min() < n_folds and groups is None:
        rarest = classes[counts.argmin()]
        raise ValueError(
            f"the class {rarest} has {counts.min()} series, fewer than n_folds={n_folds}; choose "
            "fewer folds, or leave it out."
        )


def _read(path, job):
    """Return the probabilities of a finished fold, or None."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            if json.loads(str(file["job"])) == job:
                return file["probabilities"]
    except (OSError, ValueError, KeyError):
        pass
    return None


def _write(path, job, probabilities):
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, job=np.array(json.dumps(job)), probabilities=probabilities)


def _write_predictions(path, about, answer, probabilities, fold_of, classes):
    columns = ["fold", *about, "predicted", *(f"probability_{label}" for label in classes)]
    rows = [
        [fold, *known, found, *(f"{p:.6f}" for p in of_classes)]
        for fold, *known, found, of_classes in zip(
            fold_of, *about.values(), answer, probabilities, strict=True
        )
    ]
    write_csv(path, columns, rows)


def _draw(path, counts, classes):
    display = Confusion(counts, display_labels=[plain(label) for label in classes])
    with atomic_path(path) as temporary:
        temporary.write_bytes(image_bytes(display.plot().figure_, format="png", dpi=130))


def _as_text(table):
    """Return a table as text, with the names of its columns."""
    names = ["fold", "series", *SCORES]
    lines = [names] + [
        [name, str(size), *(f"{score:.4f}" for score in scores)] for name, size, *scores in table
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
