"""What is one run of a track? One classifier, one seed, and its scores.

Nothing here knows where results are kept; :mod:`lstmfcn.emotion.run_command` does.
"""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lstmfcn.emotion.augmentation import AugmentedClassifier
from lstmfcn.emotion.challenge_scores import mer_scores
from lstmfcn.emotion.folds import make_folds
from lstmfcn.emotion.open_vocabulary import (
    calibrate_label_sets,
    label_sets,
    open_vocabulary_scores,
)
from lstmfcn.emotion.panels import join_panels, n_rows
from lstmfcn.emotion.robustness import robustness_curve
from lstmfcn.emotion.semi_supervised import PseudoLabelClassifier
from lstmfcn.emotion.track_data import CHOSEN_ON
from lstmfcn.evaluation.experiment import (
    commit,
    forget_peak_memory,
    hardware,
    peak_memory,
    versions,
)
from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.validation import axes_are_known, check_choice

__all__ = [
    "FUSIONS",
    "LEVELS",
    "MODELS",
    "Variant",
    "answer_openly",
    "innermost",
    "measure_robustness",
    "plan_variants",
    "run_variant",
]

MODELS = {
    "lstmfcn": ("LSTM-FCN", "LSTMFCNClassifier"),
    "alstmfcn": ("ALSTM-FCN", "ALSTMFCNClassifier"),
    "fcn": ("FCN", "FCNClassifier"),
    "attention": ("Attention fusion", "AttentionFusionClassifier"),
}
"""Names of the command line to what tables say, and the class."""

FUSIONS = ("branch", "early", "late")
LEVELS = {
    "noise": (0.0, 0.25, 0.5, 1.0, 1.5, 2.0),
    "frames": (0.0, 0.1, 0.25, 0.5, 0.75),
    "modalities": (0.0, 0.25, 0.5, 0.75),
}
"""Corruptions of the robustness curves; see :func:`lstmfcn.emotion.robustness.robustness_curve`."""

N_DRAWS = 3
N_UPDATES, BATCH_SIZE, FEWEST_EPOCHS = 2000, 16, 10  # of training on copies
THRESHOLD = 0.8  # least probability of a pseudo-label
N_COPIES = {"noise": 3}  # augmented copies of each track where none are asked for
N_CALIBRATION = 5  # parts of the open-vocabulary clips
TOKEN = re.compile(r"[^\w.+ ()-]")  # not for the name of a model


@dataclass(frozen=True, eq=False)
class Variant:
    """A classifier of a plan.

    Attributes
    ----------
    name : str
        What tables call it.
    target : str
        Its class.
    parameters : dict of str to JSON value
        Everything that its records depend on, apart from seed and data: the same on every track.
    n_epochs : int or None
        What the parameters come to on the data; None leaves it to the classifier.
    uses_unlabelled : bool
    """

    name: str
    target: str
    parameters: dict = field(default_factory=dict)
    n_epochs: int | None = None
    uses_unlabelled: bool = False

    def describe(self):
        """Return what the name stands for: JSON values."""
        return {"target": self.target, "parameters": self.parameters}

    def build(self, seed):
        """Return an unfitted classifier.

        Parameters
        ----------
        seed : int
            The `random_state` of everything in it.
        """
        import lstmfcn

        p = self.parameters
        settings = {**p["settings"], "random_state": seed}
        if self.n_epochs is not None:
            settings["n_epochs"] = self.n_epochs
        if self.target == "AttentionFusionClassifier":
            from lstmfcn.emotion.fusion.attention import AttentionFusionClassifier

            estimator = AttentionFusionClassifier(**settings)
        else:
            estimator = getattr(lstmfcn, self.target)(**settings)
            if p["fusion"] is not None:
                from lstmfcn.emotion.fusion import FusionClassifier

                estimator = FusionClassifier(estimator, p["fusion"], random_state=seed)
        if p["n_copies"]:
            estimator = AugmentedClassifier(estimator, n_copies=p["n_copies"], random_state=seed)
        if self.uses_unlabelled:
            estimator = PseudoLabelClassifier(
                estimator, threshold=p["threshold"], random_state=seed
            )
        return estimator


def plan_variants(
    data,
    model,
    *,
    fusion=None,
    n_epochs=None,
    n_copies=None,
    threshold=None,
    settings=None,
    name=None,
):
    """Say which classifiers a track trains: one, or for "semi" another without unlabelled clips.

    Parameters
    ----------
    data : TrackData
    model : str
        One of :data:`MODELS`.
    fusion : {"branch", "early", "late", None}, default=None
        Of several feature sets; None is "branch".
    n_epochs : int, default=None
        None leaves it to the classifier, or, with augmented copies, means about 2000 updates: the
        loss on mixtures never gets low, so that `n_epochs="auto"` would train on and on.
    n_copies : int, default=None
        Augmented copies of each training clip; by default 3 for track "noise" and none for others.
    threshold : float, default=None
        Of track "semi", the least probability of a pseudo-label; by default 0.8.
    settings : dict of str to JSON value, default=None
        Further parameters of the classifier. Where there is a noisy validation set, its
        `keep_weights` is "best" if nothing else is said.
    name : str, default=None
        What tables and folders call the model; by default its kind, feature sets, fusion, copies.

    Returns
    -------
    list of Variant
        The first one is what the track is about.

    Raises
    ------
    ValueError
        If the parameters do not go together.
    """
    check_choice(model, "model", tuple(MODELS))
    label, target = MODELS[model]
    several = len(data.features) > 1
    if fusion is not None:
        check_choice(fusion, "fusion", FUSIONS)
        if not several:
            raise ValueError(
                f"fusion={fusion!r} needs several feature sets, but only {data.features[0]} was "
                "named; name more, or leave fusion out."
            )
        if model == "attention":
            raise ValueError(
                "model='attention' fuses in its own way; leave fusion out, or choose another model."
            )
    if model == "attention" and data.validation is not None:
        raise ValueError(
            "model='attention' keeps the weights of its last epoch, which a validation set cannot "
            "choose; leave noisy_validation out, or choose another model."
        )
    if several and model != "attention":
        fusion = fusion or "branch"
    n_copies = N_COPIES.get(data.track, 0) if n_copies is None else n_copies
    settings = dict(settings or {})
    if model == "attention":  # as MERTools, which reads frames by LSTMs and vectors by layers
        has_time = min(data.n_timepoints.values()) > 1
        settings.setdefault("level", "frame" if has_time else "utterance")
    if data.validation is not None:
        settings.setdefault("keep_weights", "best")
    parameters = {
        "settings": settings,
        "n_epochs": n_epochs,
        "features": list(data.features),
        "n_timepoints": data.asked_timepoints,
        "fusion": fusion,
        "n_copies": n_copies,
    }
    # Records from before there was a choice have no such entries.
    if data.mode != "resample":
        parameters["mode"] = data.mode
    if data.standardized_by is not None:
        parameters["standardize_by"] = data.standardized_by
    if data.n_babble:
        parameters["n_babble"] = data.n_babble
    if data.validation is not None:
        validation = {"share": data.asked_validation, "levels": list(CHOSEN_ON)}
        parameters["noisy_validation"] = validation
    words = [label, "+".join(data.features), *([f"{fusion} fusion"] if fusion else [])]
    if n_copies:
        words.append(f"{n_copies} {'copy' if n_copies == 1 else 'copies'}")
        if n_epochs is None:
            n_batches = math.ceil(len(data.train) * (1 + 2 * n_copies) / BATCH_SIZE)
            n_epochs = max(FEWEST_EPOCHS, math.ceil(N_UPDATES / n_batches))
    alone = Variant(
        TOKEN.sub("_", " ".join(words)) if name is None else name, target, parameters, n_epochs
    )
    if data.track != "semi":
        if threshold is not None:
            raise ValueError(
                f"threshold={threshold} is for track 'semi'; leave it out of track {data.track!r}."
            )
        return [alone]
    parameters = {**parameters, "threshold": THRESHOLD if threshold is None else threshold}
    return [Variant(f"{alone.name} pseudo-labels", target, parameters, n_epochs, True), alone]


def run_variant(data, variant, seed):
    """Train a classifier once, and test it on every test split.

    Parameters
    ----------
    data : TrackData
    variant : Variant
    seed : int

    Returns
    -------
    classifier
        The fitted one.
    results : dict of str to (record, predictions)
        Test split to what :meth:`lstmfcn.evaluation.Results.write` takes. Of track "ov" `accuracy`
        is the set accuracy, beside `set_recall` and `average`. `noisy_validation` is the weighted
        F1 on that set, None where there is none.
    """
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    forget_peak_memory()
    started = time.perf_counter()
    with axes_are_known():  # of frames (T, D), which may be fewer than their features
        classifier = _fit(data, variant, seed)
    fit_seconds = time.perf_counter() - started
    trained = _trained(classifier)
    several = data.train.X if isinstance(data.train.X, Mapping) else {"": data.train.X}
    common = {
        "fit_seconds": fit_seconds,
        "epochs": max(len(one.history_["loss"]) for one in trained),
        "n_parameters": sum(int(one.model_.count_params()) for one in trained),
        "n_train": data.n_train,
        "n_validation": 0 if data.validation is None else len(set(data.validation.names)),
        "n_unlabelled": len(data.unlabelled) if variant.uses_unlabelled else 0,
        "n_channels": sum(X[0].shape[0] for X in several.values()),
        "n_timepoints": max(series.shape[1] for X in several.values() for series in X),
        "mode": data.mode,
        "n_classes": len(data.classes),
        "began": began,
        "versions": versions(),
        "hardware": hardware(),
        "commit": commit(),
        "data_digest": data.digest(),
        "noisy_validation": _validation_score(data, classifier),
        **variant.describe(),
    }
    results = {}
    for test, clips in data.tests.items():
        started = time.perf_counter()
        probabilities = np.asarray(classifier.predict_proba(clips.X), dtype=np.float64)
        seconds = time.perf_counter() - started
        if data.track == "ov":
            scores, predictions = _score_openly(data, classifier.classes_, probabilities)
        else:
            scores, predictions = _score(data, clips, classifier.classes_, probabilities)
        record = {**scores, **common, "predict_seconds": seconds, "n_test": len(clips)}
        record["peak_memory_bytes"] = peak_memory()
        results[test] = record, predictions
    return classifier, results


def measure_robustness(data, classifier):
    """Corrupt the clean test clips of track "noise" more and more.

    Parameters
    ----------
    data : TrackData
    classifier : fitted classifier

    Returns
    -------
    dict of str to dict
        Corruption to `levels` and `scores`: weighted F1, the mean over three draws. Empty where
        there are no clean test clips.
    """
    if "clean" not in data.tests:
        return {}
    clips = data.tests["clean"]
    measured = {}
    for corruption, levels in LEVELS.items():
        if corruption == "modalities" and len(data.features) < 2:
            continue
        curve = robustness_curve(classifier, clips.X, clips.y, corruption, levels, n_draws=N_DRAWS)
        measured[corruption] = {"levels": list(levels), "scores": curve.mean().tolist()}
    return measured


def answer_openly(data, classes, probabilities):
    """Turn class probabilities of track "ov" into sets of words.

    The threshold for one fifth of the clips is the one that scores best on the four others: no
    clip's own words decide what is said about it.

    Parameters
    ----------
    data : TrackData
    classes : sequence of str
        The class of each column.
    probabilities : array of shape (n_clips, n_classes)

    Returns
    -------
    dict of str to list of str
    """
    names = data.tests["open vocabulary"].names
    if len(names) < 2:
        raise ValueError("one clip with open-vocabulary labels cannot calibrate itself; add more.")
    said = {}
    for held in make_folds(len(names), min(N_CALIBRATION, len(names)), random_state=0):
        others = np.setdiff1d(np.arange(len(names)), held)
        threshold, _ = calibrate_label_sets(
            probabilities[others],
            classes,
            [names[i] for i in others],
            data.ground_truth,
            data.synonyms,
        )
        answers = label_sets(probabilities[held], classes, threshold=threshold)
        said.update(zip((names[i] for i in held), answers, strict=True))
    return {name: said[name] for name in names}


def _fit(data, variant, seed):
    classifier = variant.build(seed)
    train, unlabelled, validation = data.train, data.unlabelled, data.validation
    if validation is not None:
        return classifier.fit(train.X, train.y, validation_data=(validation.X, validation.y))
    if not variant.uses_unlabelled:
        return classifier.fit(train.X, train.y)
    y = np.concatenate([train.y.astype(object), np.full(len(unlabelled), "", dtype=object)])
    return classifier.fit(join_panels([train.X, unlabelled.X]), y)


def innermost(classifier):
    """Return the classifier that meta-estimators trained last.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from lstmfcn.emotion.augmentation import AugmentedClassifier
    >>> from lstmfcn.emotion.tracks import innermost
    >>> fitted = AugmentedClassifier(LogisticRegression()).fit([[0.0], [1.0]], [0, 1])
    >>> innermost(fitted)
    LogisticRegression()
    """
    while hasattr(classifier, "estimator_"):
        classifier = classifier.estimator_
    return classifier


def _trained(classifier):
    """Return what of a classifier has a network: itself, or one for each modality."""
    classifier = innermost(classifier)
    fusion = getattr(classifier, "fusion_", classifier)
    several = getattr(fusion, "estimators", None)
    if several is None:
        one = getattr(fusion, "estimator", fusion)
        several = [one if hasattr(one, "model_") else fusion]
    return list(several.values() if isinstance(several, Mapping) else several)


def _validation_score(data, classifier):
    """Return the weighted F1 on the noisy validation set, or None without one."""
    if data.validation is None:
        return None
    y_pred = classifier.predict(data.validation.X)
    return classification_metrics(data.validation.y, y_pred)["weighted_f1"]


def _score(data, clips, classes, probabilities):
    y_pred = np.asarray(classes)[probabilities.argmax(axis=1)]
    known = tuple(dict.fromkeys([*data.classes, *np.asarray(classes).tolist()]))
    scores = mer_scores(clips.y, y_pred, classes=known)
    record = {
        **classification_metrics(clips.y, y_pred, probabilities, classes),
        "per_class_recall": scores["per_class_recall"],
    }
    predictions = {
        "y_true": clips.y,
        "y_pred": y_pred,
        "classes": np.asarray(classes),
        "probabilities": probabilities,
        "test_index": np.arange(len(clips)) + data.n_train,
    }
    return record, predictions


def _score_openly(data, classes, probabilities):
    said = answer_openly(data, classes, probabilities)
    scores = open_vocabulary_scores(data.ground_truth, said, data.synonyms)
    record = {
        "accuracy": scores.accuracy,
        "set_recall": scores.recall,
        "average": scores.average,
        **dict.fromkeys(("balanced_accuracy", "weighted_f1", "auroc", "log_loss")),
        "per_class_error": (1 - scores.accuracy) / len(data.classes),
    }
    predictions = {
        "y_true": np.array([repr(data.ground_truth[name]) for name in said]),
        "y_pred": np.array([repr(words) for words in said.values()]),
        "classes": np.asarray(classes),
        "probabilities": probabilities,
        "test_index": np.arange(n_rows(probabilities)) + data.n_train,
    }
    return record, predictions
