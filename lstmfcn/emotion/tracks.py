"""What is one run of a track? A folder's clips, one classifier, one seed, and its scores.

Nothing here knows where results are kept; :mod:`lstmfcn.emotion.run_command` does.
"""

import hashlib
import json
import math
import re
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lstmfcn.emotion.augmentation import AugmentedClassifier
from lstmfcn.emotion.feature_store import FeatureStore
from lstmfcn.emotion.folds import make_folds
from lstmfcn.emotion.lengths import standardize_by_group
from lstmfcn.emotion.log_spectra import with_babble
from lstmfcn.emotion.mer2024 import (
    EMOTIONS,
    ClipTable,
    load_track,
    mer_scores,
    select_features,
)
from lstmfcn.emotion.mer_dataset import fit_to_length
from lstmfcn.emotion.noise import add_feature_noise
from lstmfcn.emotion.open_vocabulary import (
    calibrate_label_sets,
    label_sets,
    open_vocabulary_scores,
    read_label_sets,
)
from lstmfcn.emotion.panels import join_panels, n_rows
from lstmfcn.emotion.robustness import robustness_curve
from lstmfcn.emotion.semi_supervised import PseudoLabelClassifier
from lstmfcn.evaluation.experiment import (
    commit,
    forget_peak_memory,
    hardware,
    peak_memory,
    versions,
)
from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.validation import check_choice, check_counts

__all__ = [
    "CHOSEN_ON",
    "FUSIONS",
    "LEVELS",
    "MODELS",
    "Clips",
    "TrackData",
    "Variant",
    "answer_openly",
    "innermost",
    "load_track_data",
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

CHOSEN_ON = (0.5, 1.0, 1.5)
"""Deviations of the noise in each clip of a noisy validation set."""

N_DRAWS = 3
N_UPDATES, BATCH_SIZE, FEWEST_EPOCHS = 2000, 16, 10  # of training on copies
THRESHOLD = 0.8  # least probability of a pseudo-label
N_COPIES = {"noise": 3}  # augmented copies of each track where none are asked for
N_HELD_OUT = 5  # where no test clips are labelled, one of so many parts is held out
N_CALIBRATION = 5  # parts of the open-vocabulary clips
TOKEN = re.compile(r"[^\w.+ ()-]")  # not for the name of a model


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips that are ready for a classifier.

    Attributes
    ----------
    names : tuple of str
    X : float32 ndarray of shape (n_clips, D, n_timepoints), list of arrays of shape (D, T_i), or \
dict of feature set to one of these
    y : ndarray of str of shape (n_clips,), or None
    """

    names: tuple
    X: object
    y: np.ndarray | None

    def __len__(self):
        return len(self.names)


@dataclass(frozen=True, eq=False)
class TrackData:
    """What a track of a folder is trained and tested on.

    Attributes
    ----------
    name : str
        Of the folder.
    track : str
    features : tuple of str
        The feature sets' folders.
    classes : tuple of str
        Those that occur, in the order of `--classes` or of MER2024.
    train : Clips
    unlabelled : Clips or None
    tests : dict of str to Clips
        The first one is what the track ranks by.
    n_timepoints : dict of str to int
        Of each feature set; what no clip exceeds, where each has its own length.
    asked_timepoints : int or None
        The length that was asked for.
    mode : str
        How clips came to it.
    validation : Clips or None
        Held-out training clips with noise, each one once at every level.
    asked_validation : float or None
        The share of training clips that was asked for.
    standardized_by : str or None
        The column by whose values features were standardised, each by itself.
    n_babble : int
        Copies of each training clip, in `train`, with voices in the background.
    held_out : bool
        Whether the test clips were taken from the training clips, as none others are labelled.
    ground_truth : dict of str to list of str, or None
        The words of each test clip of track "ov".
    synonyms : Path or None
    """

    name: str
    track: str
    features: tuple
    classes: tuple
    train: Clips
    unlabelled: Clips | None
    tests: dict
    n_timepoints: dict
    asked_timepoints: int | None = None
    mode: str = "resample"
    validation: Clips | None = None
    asked_validation: float | None = None
    standardized_by: str | None = None
    n_babble: int = 0
    held_out: bool = False
    ground_truth: dict | None = None
    synonyms: Path | None = None

    def dataset(self, test):
        """Return what records call a test split."""
        first = next(iter(self.tests))
        return f"{self.name}:{self.track}" + ("" if test == first else f" ({test})")

    def digest(self):
        """Return a text that other clips or labels would not have."""
        parts = [self.train, self.unlabelled, self.validation, *self.tests.values()]
        known = [
            [list(part.names), None if part.y is None else part.y.tolist()]
            for part in parts
            if part is not None
        ]
        text = json.dumps([known, self.ground_truth], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


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


def load_track_data(
    root,
    track,
    features,
    *,
    classes=None,
    group=None,
    n_timepoints=None,
    mode="resample",
    noisy_validation=None,
    standardize_by=None,
    n_babble=0,
    on_missing="error",
    as_dict=False,
):
    """Read a track, with features that are standardised on its training clips and of one length.

    Parameters
    ----------
    root : str or path
        Folder of the data set.
    track : {"full", "semi", "noise", "ov"}
    features : sequence of str
        Feature sets.
    classes : sequence of str, default=None
        The possible emotions in order. None takes MER2024's six, or, where none of these occurs,
        the labels that do.
    group : str, default=None
        A column such as "speaker", no value of which may be in train and in test.
    n_timepoints : int, default=None
        Length that sequences are brought to; by default the median length of the training clips, in
        other modes than "resample" that of the longest, at most 150.
    mode : {"resample", "mertools", "mean_pool", "pad"}, default="resample"
        How: interpolated, behind zeros, or as lists that classifiers pad and mask; see
        :func:`lstmfcn.emotion.mer_dataset.fit_to_length`.
    noisy_validation : float, default=None
        Of track "noise", about which share of the training clips is held out as a validation set,
        in (0, 0.5]: stratified, of whole groups, the same for every seed. Noise is added to their
        standardised features, at each level of :data:`CHOSEN_ON`.
    standardize_by : str, default=None
        A column such as "speaker": the features of each of its values are first standardised by
        themselves, as by :func:`lstmfcn.emotion.standardize_by_group`: over all clips that are not
        tested on, and over those of each test split.
    n_babble : int, default=0
        Copies of each training clip to train on as well, with three other training clips talking in
        the background at 5 to 10 dB, as in MER-NOISE. Of one feature set, which must be natural
        logarithms of power: log-mel frames. See :func:`lstmfcn.emotion.with_babble`.
    on_missing : {"error", "drop", "zeros"}, default="error"
        What to do with clips without features.
    as_dict : bool, default=False
        Whether X is a dict of one entry, too, where one feature set is named.

    Returns
    -------
    TrackData

    Raises
    ------
    ValueError, OSError
        As :func:`lstmfcn.emotion.load_track` and :func:`lstmfcn.emotion.select_features`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstmfcn.emotion.tracks import load_track_data, plan_variants
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     root = Path(folder)
    ...     (root / "hubert_FRA").mkdir()
    ...     for part, clips in {"train": ["a", "b"], "test": ["c"]}.items():
    ...         rows = [f"{clip},{label}" for clip, label in zip(clips, ["sad", "happy"])]
    ...         text = "\\n".join(["name,discrete", *rows])
    ...         _ = (root / f"label-{part}.csv").write_text(text)
    ...         for clip in clips:
    ...             np.save(root / "hubert_FRA" / clip, np.eye(7, 3))
    ...     data = load_track_data(root, "full", ["hubert"])
    >>> data.train.names, data.train.X.shape, data.classes, list(data.tests)
    (('a', 'b'), (2, 3, 7), ('happy', 'sad'), ['test'])
    >>> plan_variants(data, "alstmfcn", n_copies=2)[0].name
    'ALSTM-FCN hubert_FRA 2 copies'
    """
    root = Path(root).expanduser()
    _check_validation(noisy_validation, track)
    found = _load_track(root, track, classes, group)
    tables = _tables(found, root, classes, group)
    if noisy_validation is not None:
        tables |= _hold_out_validation(tables["train"], noisy_validation, group)
    ground_truth = read_label_sets(found.ground_truth) if track == "ov" else None
    store, sequences = FeatureStore(root), {}
    for part, table in tables.items():
        tables[part], sequences[part] = select_features(
            table, store, list(features), on_missing=on_missing
        )
    copies = _babble_behind(sequences, tables, n_babble)
    if standardize_by is not None:
        standardize_parts(sequences, tables, standardize_by)
    preprocessors = {
        name: fit_to_length(
            _with_copies(found, [sequences[part][name] for part in copies]), n_timepoints, mode
        )
        for name, found in sequences["train"].items()
    }
    clips = {
        part: Clips(table.names, _transform(preprocessors, sequences[part], as_dict), table.y)
        for part, table in tables.items()
    }
    train, unlabelled = _joined(clips, ["train", *copies]), clips.pop("unlabelled", None)
    validation = clips.pop("validation", None)
    labels = {label for part in (train, *clips.values()) if part.y is not None for label in part.y}
    if ground_truth is not None:  # without those that have no features
        ground_truth = {name: ground_truth[name] for name in clips["open vocabulary"].names}
    return TrackData(
        name=root.resolve().name,
        track=track,
        features=tuple(sequences["train"]),
        classes=(
            *(label for label in found.train.classes if label in labels),
            *sorted(labels.difference(found.train.classes)),
        ),
        train=train,
        unlabelled=unlabelled,
        tests=clips,
        n_timepoints={name: p.n_timepoints_ for name, p in preprocessors.items()},
        asked_timepoints=n_timepoints,
        mode=mode,
        validation=None if validation is None else _with_noise(validation),
        asked_validation=noisy_validation,
        standardized_by=standardize_by,
        n_babble=n_babble,
        held_out=track != "ov" and found.test is None,
        ground_truth=ground_truth,
        synonyms=found.synonyms,
    )


def plan_variants(
    data, model, *, fusion=None, n_epochs=None, n_copies=None, threshold=None, settings=None
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
    name = " ".join([label, "+".join(data.features), *([f"{fusion} fusion"] if fusion else [])])
    if n_copies:
        name += f" {n_copies} {'copy' if n_copies == 1 else 'copies'}"
        if n_epochs is None:
            n_batches = math.ceil(len(data.train) * (1 + 2 * n_copies) / BATCH_SIZE)
            n_epochs = max(FEWEST_EPOCHS, math.ceil(N_UPDATES / n_batches))
    alone = Variant(TOKEN.sub("_", name), target, parameters, n_epochs)
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
    with warnings.catch_warnings():
        # A vector per utterance is one timepoint of many channels, and meant to be.
        warnings.filterwarnings("ignore", ".* channels of one timepoint", UserWarning)
        classifier = _fit(data, variant, seed)
    fit_seconds = time.perf_counter() - started
    trained = _trained(classifier)
    several = data.train.X if isinstance(data.train.X, Mapping) else {"": data.train.X}
    common = {
        "fit_seconds": fit_seconds,
        "epochs": max(len(one.history_["loss"]) for one in trained),
        "n_parameters": sum(int(one.model_.count_params()) for one in trained),
        "n_train": len(data.train),
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


def _load_track(root, track, classes, group):
    """Load a track with the classes asked for, else with MER2024's if any of them occurs."""
    if classes is not None:
        return load_track(root, track, classes=classes, group=group)
    found = load_track(root, track, classes=None, group=group)
    if set(found.train.y.tolist()).isdisjoint(EMOTIONS):
        return found
    return load_track(root, track, group=group)


def _tables(found, root, classes, group):
    """Return part -> clips: train, perhaps unlabelled, then the test splits."""
    tables = {"train": found.train}
    if found.unlabelled is not None:
        tables["unlabelled"] = found.unlabelled
    if found.name == "ov":
        names = tuple(read_label_sets(found.ground_truth))
        tables["open vocabulary"] = ClipTable(found.ground_truth.name, names, None, ())
    elif found.test is None:
        tables |= _hold_out(found, group)
    elif found.name == "noise":
        tables["noisy"] = found.test
        clean = _load_track(root, "full", classes, group).test
        tables |= {} if clean is None else {"clean": clean}
    else:
        tables["test"] = found.test
    return tables


def _hold_out(found, group):
    """Split training clips into those to train on and a fifth to test on."""
    table = found.train
    refusal = f"no test clips are labelled, and {table.source} cannot give some"
    train, test = _split(table, N_HELD_OUT, group, refusal)
    parts = {"train": train, "test": test}
    if group is not None and found.unlabelled is not None:
        known = ~np.isin(found.unlabelled.groups(group), np.unique(test.groups(group)))
        parts["unlabelled"] = found.unlabelled[known]
    return parts


def _hold_out_validation(table, share, group):
    """Split training clips into those to train on and a share to validate on."""
    n_folds = round(1 / share)
    refusal = (
        f"noisy_validation={share:g} holds out one of n_folds={n_folds} parts, which "
        f"{table.source} cannot give"
    )
    train, validation = _split(table, n_folds, group, refusal, share * len(table))
    return {"train": train, "validation": validation}


def _split(table, n_folds, group, refusal, n_clips=None):
    """Return all clips but one fold, and that: stratified, of whole groups.

    The first fold is taken, or, as groups differ in size, the one that is nearest to ``n_clips``.
    """
    groups = None if group is None else table.groups(group)
    n_folds = n_folds if groups is None else min(n_folds, len(np.unique(groups)))
    if n_folds < 2:
        raise ValueError(f"{refusal}: it has one {group}, which would be on both sides.")
    try:
        folds = make_folds(len(table), n_folds, random_state=0, y=table.y, groups=groups)
    except ValueError as error:
        raise ValueError(f"{refusal}: {error}") from None
    held = folds[0] if n_clips is None else min(folds, key=lambda fold: abs(len(fold) - n_clips))
    return table[np.setdiff1d(np.arange(len(table)), held)], table[held]


def _babble_behind(sequences, tables, n_copies):
    """Add noisy copies of the training clips, in place, as parts of their own; return the parts."""
    check_counts(least=0, n_babble=n_copies)
    if not n_copies:
        return []
    (name, *more) = sequences["train"]
    if more:
        raise ValueError(
            f"n_babble={n_copies} is for one feature set, of log spectra; name one, or leave "
            "n_babble out."
        )
    rng, parts = np.random.default_rng(0), []
    for copy in range(n_copies):
        parts.append(f"babble {copy}")
        tables[parts[-1]] = tables["train"]
        sequences[parts[-1]] = {name: with_babble(sequences["train"][name], rng)}
    return parts


def _with_copies(sequences, copies):
    # What is read lazily stays so where nothing is added to it.
    return join_panels([sequences, *copies]) if copies else sequences


def _joined(clips, parts):
    """Take parts out of a dict of clips and return them as one."""
    first, *rest = (clips.pop(part) for part in parts)
    return Clips(
        names=first.names * len(parts),
        X=_with_copies(first.X, [part.X for part in rest]),
        y=np.tile(first.y, len(parts)),
    )


def standardize_parts(sequences, tables, column):
    """Standardise the sequences of each part by the values of a column, in place.

    A speaker's labelled, unlabelled and validation clips count together. Each other part is tested
    on, and counts by itself, as if it came alone.

    Parameters
    ----------
    sequences : dict of str to dict of str to sequence of arrays of shape (T_i, D)
        From parts ("train", "unlabelled", "validation" and others) to feature sets.
    tables : dict of str to ClipTable
    column : str
        Such as "speaker".
    """
    learned_from = [part for part in ("train", "unlabelled", "validation") if part in tables]
    for parts in (learned_from, *([part] for part in tables if part not in learned_from)):
        groups = np.concatenate([tables[part].groups(column) for part in parts])
        ends = np.cumsum([len(tables[part]) for part in parts])
        for name in sequences[parts[0]]:
            frames = [x for part in parts for x in sequences[part][name]]
            found = standardize_by_group(frames, groups)
            for part, end in zip(parts, ends, strict=True):
                sequences[part][name] = found[end - len(tables[part]) : end]


def _check_validation(share, track):
    if share is None:
        return
    if track != "noise":
        raise ValueError(
            f"noisy_validation={share:g} is for track 'noise'; leave it out of track {track!r}."
        )
    if not 0 < share <= 0.5:
        raise ValueError(
            f"noisy_validation={share:g} must be a share of the training clips, above 0 and at "
            "most 0.5."
        )


def _with_noise(clips):
    """Return each clip with noise in its standardised features, once at every level."""
    rng = np.random.default_rng(0)
    panels = [_noisy(clips.X, level, rng) for level in CHOSEN_ON]
    return Clips(
        clips.names * len(CHOSEN_ON), join_panels(panels), np.tile(clips.y, len(CHOSEN_ON))
    )


def _noisy(X, level, rng):
    if isinstance(X, Mapping):
        return {name: _noisy(series, level, rng) for name, series in X.items()}
    noisy = [add_feature_noise(series.T, level, 1.0, rng).T for series in X]
    return np.stack(noisy) if isinstance(X, np.ndarray) else noisy


def _transform(preprocessors, sequences, as_dict):
    panels = {name: preprocessors[name].transform(found) for name, found in sequences.items()}
    return panels if as_dict or len(panels) > 1 else next(iter(panels.values()))


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
        "test_index": np.arange(len(clips)) + len(data.train),
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
        "test_index": np.arange(n_rows(probabilities)) + len(data.train),
    }
    return record, predictions
