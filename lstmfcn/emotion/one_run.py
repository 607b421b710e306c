"""What is one run of a recipe? Its classifiers are trained with one seed, and scored."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lstmfcn.emotion.open_vocabulary import calibrate_label_sets, label_sets, open_vocabulary_scores
from lstmfcn.emotion.scores import mer_scores
from lstmfcn.evaluation.experiment import (
    commit,
    forget_peak_memory,
    hardware,
    peak_memory,
    versions,
)
from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.evaluation.robustness import robustness_curve
from lstmfcn.meta.folds import make_folds
from lstmfcn.meta.rows import join_rows
from lstmfcn.validation import axes_are_known

LEVELS = {  # of the robustness curves
    "noise": [0.0, 0.25, 0.5, 1.0, 1.5, 2.0],
    "frames": [0.0, 0.1, 0.25, 0.5, 0.75],
    "modalities": [0.0, 0.25, 0.5, 0.75],
}
N_DRAWS = 3
N_CALIBRATION = 5  # folds of the open-vocabulary clips
SEED_STEP = 1000  # between the members of an ensemble


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The fitted members of a recipe, whose probabilities, or numbers, are averaged."""

    classifiers: list

    @property
    def classes_(self):
        return np.asarray(self.classifiers[0].classes_)

    def predict_proba(self, *X):
        """Return the mean probabilities (n_clips, n_classes); pass X of each recipe in a mean."""
        return self._mean("predict_proba", X)

    def predict_numbers(self, *X):
        """Return the mean numbers (n_clips,) of regressors; pass X of each recipe in a mean."""
        return self._mean("predict", X)

    def predict(self, *X):
        """Return the likeliest classes."""
        return self.classes_[self.predict_proba(*X).argmax(axis=1)]

    def _mean(self, method, X):
        pairs = zip(self.classifiers, itertools.cycle(X), strict=False)
        found = [getattr(member, method)(own) for member, own in pairs]
        return np.mean(np.asarray(found, dtype=np.float64), axis=0)


def fit_recipe(data, seed):
    """Train the members of a recipe, of each recipe in a mean in turn, with seeds 1000 apart."""
    members = data.of_each_recipe * data.recipe.n_members
    with axes_are_known():  # of frames (T, D), which may be fewer than their features
        return Ensemble([_fit(one, SEED_STEP * i + seed) for i, one in enumerate(members)])


def _fit(data, seed):
    recipe, train = data.recipe.members[0], data.train
    classifier = recipe.build(seed, n_series=len(train))
    if recipe.pseudo_labels is not None:
        y = np.full(len(data.unlabelled), "", dtype=object)
        X = join_rows([train.X, data.unlabelled.X])
        return classifier.fit(X, np.concatenate([train.y.astype(object), y]))
    return classifier.fit(train.X, train.y)


def run_recipe(data, seed):
    """Train a recipe once, and score it on every test split.

    Return the Ensemble, and test split -> (record, predictions) for
    :meth:`lstmfcn.evaluation.Results.write`. Of track "ov" `accuracy` is the set accuracy.
    """
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    forget_peak_memory()
    started = time.perf_counter()
    ensemble = fit_recipe(data, seed)
    common = {"began": began, "fit_seconds": time.perf_counter() - started}
    common |= _describe(data, ensemble)
    return ensemble, {test: _score_split(data, ensemble, test, common) for test in data.tests}


def pool_folds(parts, classes):
    """Return one record and one set of predictions of the (record, predictions) of all folds.

    ``classes`` are all emotions in order; a fold may not have seen each of them.
    """
    records, predictions = zip(*parts, strict=True)
    seen = np.unique(np.concatenate([one["classes"] for one in predictions]))
    probabilities = [np.zeros((len(one["y_true"]), len(seen)), np.float64) for one in predictions]
    for found, one in zip(probabilities, predictions, strict=True):
        found[:, np.searchsorted(seen, one["classes"])] = one["probabilities"]
    pooled = {
        "y_true": np.concatenate([one["y_true"] for one in predictions]),
        "y_pred": np.concatenate([one["y_pred"] for one in predictions]),
        "classes": seen,
        "probabilities": np.concatenate(probabilities),
    }
    pooled["test_index"] = np.arange(len(pooled["y_true"]))
    scores = _scores(classes, pooled["y_true"], pooled["y_pred"], seen, pooled["probabilities"])
    summed = ("fit_seconds", "predict_seconds", "n_test")
    largest = ("epochs", "n_train", "n_unlabelled", "n_timepoints", "peak_memory_bytes")
    totals = {name: sum(record[name] for record in records) for name in summed}
    totals |= {name: max(record[name] or 0 for record in records) for name in largest}
    return {**records[0], **totals, **scores}, pooled


def _describe(data, ensemble):
    """Return what records say of the networks, the data and the machine."""
    networks = [one for classifier in ensemble.classifiers for one in _networks(classifier)]
    inputs = (one.train.X for one in data.of_each_recipe)
    series = [x for X in inputs for x in (X.values() if isinstance(X, Mapping) else [X])]
    return {
        "epochs": max(_n_epochs(one) for one in networks),
        "n_parameters": sum(_n_parameters(one) for one in networks),
        "n_train": data.n_train,
        "n_unlabelled": len(data.unlabelled) if data.recipe.uses_unlabelled else 0,
        "n_channels": sum(X[0].shape[0] for X in series),
        "n_timepoints": max(clip.shape[1] for X in series for clip in X),
        "mode": data.of_each_recipe[0].recipe.mode or "resample",
        "n_classes": len(data.classes),
        "versions": versions(),
        "hardware": hardware(),
        "commit": commit(),
        **data.recipe.describe(),
    }


def _score_split(data, ensemble, test, common):
    """Return the record of a test split, with what is common to all, and the predictions."""
    clips, started = data.tests[test], time.perf_counter()
    probabilities = ensemble.predict_proba(*(one.tests[test].X for one in data.of_each_recipe))
    measured = {"predict_seconds": time.perf_counter() - started, "n_test": len(clips)}
    score = _score_openly if data.track == "ov" else _score
    scores, y_true, y_pred = score(data, clips, ensemble.classes_, probabilities)
    measured["peak_memory_bytes"] = peak_memory()
    predictions = {
        "y_true": y_true,
        "y_pred": y_pred,
        "classes": ensemble.classes_,
        "probabilities": probabilities,
        "test_index": np.arange(len(clips)) + data.n_train,
    }
    return {**scores, **common, **measured}, predictions


def measure_robustness(data, ensemble):
    """Corrupt the clean test clips of track "noise" more and more.

    Return corruption -> `levels` and `scores`, the mean weighted F1 of three draws. The dict is
    empty without clean test clips, and of a mean of recipes, which read different features.
    """
    if "clean" not in data.tests or data.mean_of:
        return {}
    clips = data.tests["clean"]
    measured = {}
    for corruption, levels in LEVELS.items():
        if corruption == "modalities" and len(data.recipe.features) < 2:
            continue
        curve = robustness_curve(ensemble, clips.X, clips.y, corruption, levels, n_draws=N_DRAWS)
        measured[corruption] = {"levels": levels, "scores": curve.mean().tolist()}
    return measured


def answer_openly(data, classes, probabilities):
    """Turn class probabilities (n_clips, n_classes) of track "ov" into clip -> list of words.

    The threshold for one fifth of the clips is the one that scores best on the four others: no
    clip's own words decide its answer.
    """
    names = data.tests["open vocabulary"].names
    if len(names) < 2:
        raise ValueError("one clip with open-vocabulary labels cannot calibrate itself; add more.")
    answers = {}
    for held in make_folds(len(names), min(N_CALIBRATION, len(names)), random_state=0):
        others = np.setdiff1d(np.arange(len(names)), held)
        known = [names[i] for i in others]
        threshold, _ = calibrate_label_sets(
            probabilities[others], classes, known, data.ground_truth, data.synonyms
        )
        found = label_sets(probabilities[held], classes, threshold=threshold)
        answers.update(zip((names[i] for i in held), found, strict=True))
    return {name: answers[name] for name in names}


def innermost(classifier):
    """Return the classifier that meta-estimators trained last."""
    while hasattr(classifier, "estimator_"):
        classifier = classifier.estimator_
    return classifier


def _networks(classifier):
    """Return what has a network: the innermost classifier, or in a fusion one or several."""
    classifier = innermost(classifier)
    if hasattr(classifier, "estimators_"):
        return classifier.estimators_
    fusion = getattr(classifier, "fusion_", None)
    if fusion is None:
        return [classifier]
    return list(getattr(fusion, "estimators", {"all": fusion.estimator}).values())


def _n_epochs(one):
    return len(one.history_["loss"]) if hasattr(one, "history_") else 1


def _n_parameters(one):
    return int(one.model_.count_params() if hasattr(one, "model_") else one.coef_.size)


def _score(data, clips, classes, probabilities):
    """Return the scores of a record, and what clips are and were taken for."""
    y_pred = classes[probabilities.argmax(axis=1)]
    return _scores(data.classes, clips.y, y_pred, classes, probabilities), clips.y, y_pred


def _scores(known, y_true, y_pred, classes, probabilities):
    known = tuple(dict.fromkeys([*known, *classes.tolist(), *np.unique(y_true).tolist()]))
    record = classification_metrics(y_true, y_pred, probabilities, classes)
    recall = mer_scores(y_true, y_pred, classes=known)["per_class_recall"]
    return {**record, "per_class_recall": recall}


def _score_openly(data, clips, classes, probabilities):
    answers = answer_openly(data, classes, probabilities)
    scores = open_vocabulary_scores(data.ground_truth, answers, data.synonyms)
    record = {
        "accuracy": scores.accuracy,
        "set_recall": scores.recall,
        "average": scores.average,
        **dict.fromkeys(("balanced_accuracy", "weighted_f1", "auroc", "log_loss")),
        "per_class_error": (1 - scores.accuracy) / len(data.classes),
    }
    y_true = np.array([repr(data.ground_truth[name]) for name in clips.names])
    y_pred = np.array([repr(words) for words in answers.values()])
    return record, y_true, y_pred
