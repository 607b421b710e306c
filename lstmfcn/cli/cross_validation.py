"""How good is a model on unseen data, if there is no test set? Cross-validation that can resume."""

import json
import math
from zipfile import BadZipFile

import numpy as np
from sklearn.base import clone
from sklearn.metrics import (
    PredictionErrorDisplay,
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
)
from sklearn.model_selection import GroupKFold, KFold

from lstmfcn import __version__
from lstmfcn.evaluation.number_scores import score_numbers
from lstmfcn.files import atomic_path, write_csv
from lstmfcn.meta.folds import held_out_rows
from lstmfcn.meta.rows import take_rows
from lstmfcn.plots.confusion import Confusion
from lstmfcn.plots.display import image_bytes, new_figure, plain
from lstmfcn.progress import tqdm
from lstmfcn.training.checkpoint import fingerprint
from lstmfcn.untrusted import shown

SCORES = {
    "accuracy": lambda y, answer, proba, classes: accuracy_score(y, answer),
    "balanced accuracy": lambda y, answer, proba, classes: balanced_accuracy_score(y, answer),
    "weighted F1": lambda y, answer, proba, classes: f1_score(y, answer, average="weighted"),
    "log loss": lambda y, answer, proba, classes: log_loss(y, proba, labels=classes),
}
NUMBER_SCORES = ("CCC", "RMSE", "R2")  # RMSE, the root mean squared error, is in the unit of y


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
        If a class has too few series, or if there are too few groups, for the folds; or if the
        folder has folds of other data, another model or other parameters.
    """
    y = np.asarray(y)
    classes, counts = np.unique(y, return_counts=True)
    _check(classes, counts, groups, n_folds)
    held_out = held_out_rows(len(y), n_folds, random_state, y, groups)

    def ask(model, X):
        answers = np.zeros((len(X), len(classes)))
        answers[:, np.searchsorted(classes, model.classes_)] = model.predict_proba(X)
        return answers

    job = {"n_folds": n_folds, "random_state": random_state}
    probabilities, fold_of = _answers(
        classifier, X, y, groups, held_out, folder, job, ask, verbose=verbose
    )
    answer = classes[probabilities.argmax(axis=1)]
    about = {"label": y} if about is None else about
    _write_predictions(folder / "predictions.csv", about, answer, probabilities, fold_of, classes)
    rows = _by_fold(fold_of)
    table = [
        [name, int(part.sum())]
        + [
            float(score(y[part], answer[part], probabilities[part], classes))
            for score in SCORES.values()
        ]
        for name, part in rows
    ]
    write_csv(folder / "scores.csv", ["fold", "series", *SCORES], table)
    display = Confusion(
        confusion_matrix(y, answer, labels=classes),
        display_labels=[plain(label) for label in classes],
    )
    _draw(folder / "confusion.png", display.plot())
    return _as_text(table, SCORES)


def cross_validate_numbers_to_folder(
    regressor, X, y, folder, *, groups=None, about=None, n_folds=5, random_state=0, verbose=0
):
    """Cross-validate a regressor, as :func:`cross_validate_to_folder` does a classifier.

    The picture is ``predicted.png``, of true and predicted numbers. Scores that a fold cannot have,
    because all its numbers are equal, are NaN.
    """
    y = np.asarray(y, dtype=np.float64)
    _check_groups(groups, n_folds)
    if len(y) < n_folds:
        raise ValueError(f"there are {len(y)} series, fewer than n_folds={n_folds}.")
    kinds = KFold if groups is None else GroupKFold
    splitter = kinds(n_folds, shuffle=True, random_state=random_state)
    held_out = [held for _, held in splitter.split(np.zeros(len(y)), y, groups)]
    job = {"n_folds": n_folds, "random_state": random_state}
    answers, fold_of = _answers(
        regressor,
        X,
        y,
        groups,
        held_out,
        folder,
        job,
        lambda model, X: model.predict(X)[:, np.newaxis],
        verbose=verbose,
    )
    answer, nothing = answers[:, 0], np.empty((len(y), 0))
    about = {"label": y} if about is None else about
    _write_predictions(folder / "predictions.csv", about, answer, nothing, fold_of, ())
    table = [
        [name, int(part.sum()), *_score_numbers(y[part], answer[part])]
        for name, part in _by_fold(fold_of)
    ]
    write_csv(folder / "scores.csv", ["fold", "series", *NUMBER_SCORES], table)
    display = PredictionErrorDisplay(y_true=y, y_pred=answer)
    ax = new_figure(4.5, 4.5).subplots()
    _draw(folder / "predicted.png", display.plot(ax=ax, kind="actual_vs_predicted"))
    return _as_text(table, NUMBER_SCORES)


def _score_numbers(y, answer):
    """Return CCC, RMSE and R2."""
    if np.ptp(y) == 0:
        return np.nan, float(np.sqrt(np.mean((y - answer) ** 2))), np.nan
    scores = score_numbers(y, answer, n_bootstrap=1).scores
    ccc, mse, r2 = (scores[name]["value"] for name in ("ccc", "mse", "r2"))
    return ccc, math.sqrt(mse), r2


def _answers(model, X, y, groups, held_out, folder, job, ask, *, verbose):
    """Return what models of the other folds answer, (n_samples, n_answers), and each one's fold.

    ``ask`` gets a fitted model and series.
    """
    folder.mkdir(parents=True, exist_ok=True)
    job = {
        "version of lstmfcn": __version__,
        "model": type(model).__name__,
        "parameters": _parameters(model),
        "data": fingerprint(X, y, *(() if groups is None else (np.asarray(groups),))),
        **job,
    }
    answers, fold_of = [None] * len(y), np.empty(len(y), int)
    with tqdm(held_out, unit="fold", disable=not verbose) as bar:
        for fold, held in enumerate(bar):
            path, fold_of[held] = folder / f"fold-{fold}.npz", fold
            done = _read(path, job)
            if done is None:
                others = np.setdiff1d(np.arange(len(y)), held)
                done = ask(clone(model).fit(take_rows(X, others), y[others]), take_rows(X, held))
                _write(path, job, done)
            for row, values in zip(held, done, strict=True):
                answers[row] = values
    return np.array(answers), fold_of


def _parameters(model):
    """Return the parameters that may change a result, as JSON gives them back."""
    of_how = ("checkpoint", "n_jobs", "verbose")
    found = {
        name: value
        for name, value in model.get_params().items()
        if name.rpartition("__")[2] not in of_how and not hasattr(value, "get_params")
    }
    return json.loads(json.dumps(found, default=repr))


def _by_fold(fold_of):
    """Return the name and the mask of each fold, and of all of them."""
    rows = [(str(fold), fold_of == fold) for fold in np.unique(fold_of)]
    return [*rows, ("all", np.ones(len(fold_of), bool))]


def _check(classes, counts, groups, n_folds):
    if len(classes) < 2:
        raise ValueError("there is one class only; cross-validation needs two.")
    _check_groups(groups, n_folds)
    if counts.min() < n_folds and groups is None:
        rarest = classes[counts.argmin()]
        raise ValueError(
            f"the class {rarest} has {counts.min()} series, fewer than n_folds={n_folds}; choose "
            "fewer folds, or leave it out."
        )


def _check_groups(groups, n_folds):
    n_groups = n_folds if groups is None else len(set(np.asarray(groups).tolist()))
    if n_groups < n_folds:
        raise ValueError(f"there are {n_groups} groups, fewer than n_folds={n_folds}.")


def _read(path, job):
    """Return the answers of a finished fold, or None; refuse a fold of another job."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            was, answers = json.loads(str(file["job"])), file["answers"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None  # damaged
    if not job.keys() <= was.keys():
        return None  # of an earlier version
    for name in job:
        if was[name] != job[name]:
            one, other = was[name], job[name]
            if name == "parameters":
                differing = (key for key in {**one, **other} if one.get(key) != other.get(key))
                name = next(differing, "parameters")
                one, other = one.get(name), other.get(name)
            values = "" if name == "data" else f" ({shown(one)} there, {shown(other)} here)"
            raise ValueError(
                f"{path} is of a cross-validation with other {name}{values}; name another folder "
                "for the results."
            )
    return answers


def _write(path, job, answers):
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, job=np.array(json.dumps(job)), answers=answers)


def _write_predictions(path, about, answer, probabilities, fold_of, classes):
    columns = ["fold", *about, "predicted", *(f"probability_{label}" for label in classes)]
    rows = [
        [fold, *known, found, *(f"{p:.6f}" for p in of_classes)]
        for fold, *known, found, of_classes in zip(
            fold_of, *about.values(), answer, probabilities, strict=True
        )
    ]
    write_csv(path, columns, rows)


def _draw(path, display):
    with atomic_path(path) as temporary:
        temporary.write_bytes(image_bytes(display.figure_, format="png", dpi=130))


def _as_text(table, scores):
    """Return a table as text, with the names of its columns."""
    names = ["fold", "series", *scores]
    lines = [names] + [
        [name, str(size), *(f"{score:.4f}" for score in found)] for name, size, *found in table
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
