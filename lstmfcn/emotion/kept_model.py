"""What does a model of emotions remember? Classifiers, features, how these were made and scaled."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from lstmfcn import model_file
from lstmfcn.emotion.clip_labels import ClipTable, column_named
from lstmfcn.emotion.context import VIDEO, in_context
from lstmfcn.emotion.mer2024 import select_features
from lstmfcn.emotion.one_run import Ensemble
from lstmfcn.emotion.recipe import EmotionRecipe
from lstmfcn.emotion.sequences import SequencePreprocessor, standardize_by_group
from lstmfcn.features.manifest import read_manifest
from lstmfcn.features.store import SUFFIX, FeatureStore
from lstmfcn.untrusted import MISFITS, damage, listed, shown
from lstmfcn.validation import check_counts
from lstmfcn.warning import warn

KEPT = "a model of emotion run --keep-models"
FITTED = ("n_timepoints_", "n_features_in_", "pools_deviation_", "n_frames_seen_")
PARAMETERS = ("mode", "n_timepoints", "compress", "standardize")


@dataclass(frozen=True)
class FeatureNeed:
    """A feature set that a model reads.

    Attributes
    ----------
    name : str
        Of its folder.
    manifest : dict or None
        How :func:`lstmfcn.emotion.extract` made it; None for features from elsewhere.
    mean, scale : tuple of float
        Of the training frames as they came, for clips whose own group is not known; else empty.
    """

    name: str
    manifest: dict | None
    mean: tuple = ()
    scale: tuple = ()

    @property
    def frame_rate(self):
        """Frames per second, or None."""
        return (self.manifest or {}).get("frame_rate")


@dataclass(frozen=True, eq=False)
class EmotionModel:
    """Trained classifiers of emotions, or regressors of a dimension, and all that new clips need.

    `lstmfcn emotion run --keep-models` makes one; :func:`load_model` reads it.

    Attributes
    ----------
    corpus : str
        What it was trained on.
    recipes : tuple of EmotionRecipe
        With features of their own, whose members' probabilities are averaged.
    needs : dict of str to FeatureNeed
        Each feature set once.
    preprocessors : tuple of dict of str to SequencePreprocessor
        Of each recipe, by feature set.
    ensemble : Ensemble
    target : str or None
        The dimension, such as "valence", that regressors predict; None of emotions.

    See Also
    --------
    lstmfcn.emotion.load_model : Reads one, with an example.
    """

    corpus: str
    recipes: tuple
    needs: dict
    preprocessors: tuple
    ensemble: Ensemble
    target: str | None = None

    @classmethod
    def of_run(cls, data, ensemble, source):
        """Return the model of a TrackData and of the Ensemble that was trained on it."""
        store, needs = FeatureStore(source.root), {}
        for one in data.of_each_recipe:
            for name in one.recipe.features:  # which another recipe may read, too
                manifest = read_manifest(store.feature_set(name).folder)
                need = needs.setdefault(name, FeatureNeed(name, manifest))
                if one.recipe.standardize_by is not None and not need.mean:
                    raw = store.feature_set(name).sequences(one.train.names, on_missing="drop")
                    typical = SequencePreprocessor().fit(raw)
                    moments = typical.mean_.tolist(), typical.scale_.tolist()
                    needs[name] = replace(need, mean=moments[0], scale=moments[1])
        return cls(
            source.name,
            tuple(one.recipe for one in data.of_each_recipe),
            needs,
            tuple(one.preprocessors for one in data.of_each_recipe),
            ensemble,
        )

    @property
    def classes_(self):
        """The emotions, ndarray of shape (n_classes,): columns of probabilities."""
        return self.ensemble.classes_

    def inputs(self, sequences, names, groups=None):
        """Return the classifiers' X of each recipe, for frames of new clips.

        Parameters
        ----------
        sequences : dict of str to sequence of arrays of shape (T_i, D)
            By feature set, each with all clips.
        names : sequence of str of length n_clips
        groups : array-like of str of shape (n_clips,), optional
            What the clips are standardised by, such as their speakers. Without, the training
            clips' means and deviations stand in.
        """
        found = []
        for recipe, preprocessors in zip(self.recipes, self.preprocessors, strict=True):
            parts = {name: list(sequences[name]) for name in recipe.features}
            if any(recipe.context):
                videos = np.array([name.rpartition("_")[0] for name in names])
                table = ClipTable("the clips", tuple(names), None, (), columns={VIDEO: videos})
                parts = in_context(parts, table, recipe.context)
            if recipe.standardize_by is not None:
                parts = {name: self._standardized(name, x, groups) for name, x in parts.items()}
            X = {name: preprocessors[name].transform(x) for name, x in parts.items()}
            several = len(X) > 1 or recipe.model == "attention"
            found.append(X if several else next(iter(X.values())))
        return found

    def predict_proba(self, sequences, names, groups=None):
        """Return probabilities (n_clips, n_classes); parameters are those of :meth:`inputs`."""
        return self.ensemble.predict_proba(*self.inputs(sequences, names, groups))

    def predict_numbers(self, sequences, names, groups=None):
        """Return the ``target`` of clips (n_clips,); parameters are those of :meth:`inputs`."""
        return self.ensemble.predict_numbers(*self.inputs(sequences, names, groups))

    def _standardized(self, name, frames, groups):
        if groups is not None:
            return standardize_by_group(frames, groups)
        need = self.needs[name]
        return [(x - np.array(need.mean)) / np.array(need.scale) for x in frames]

    def save(self, path):
        """Write the model to one file of JSON and plain arrays, atomically."""
        content = {
            "corpus": self.corpus,
            "target": self.target,
            "recipes": [recipe.to_json() for recipe in self.recipes],
            "needs": [asdict(need) for need in self.needs.values()],
            "preprocessors": [
                {name: _to_json(one) for name, one in of_recipe.items()}
                for of_recipe in self.preprocessors
            ],
        }
        members = {model_file.EMOTION: model_file.to_json(content)}
        model_file.write(path, members | model_file.in_folders(self.ensemble.classifiers))


def load_model(path):
    """Read a model that `lstmfcn emotion run --keep-models` wrote.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    EmotionModel

    Raises
    ------
    OSError, ValueError
        If there is no such file, or it is damaged or holds anything else. Nothing in it is executed
        or unpickled.

    See Also
    --------
    lstmfcn.load : Reads classifiers of series.

    Examples
    --------
    >>> from lstmfcn.emotion import load_model
    >>> load_model("gone.lstmfcn")
    Traceback (most recent call last):
    ...
    FileNotFoundError: there is no file gone.lstmfcn; pass a model of emotion run --keep-models.
    """
    from lstmfcn.loading import from_members

    if not Path(path).expanduser().exists():
        raise FileNotFoundError(f"there is no file {shown(path)}; pass {KEPT}.")
    try:
        members = model_file.read(path)
    except ValueError as error:
        text = str(error).replace("a file written by classifier.save(path)", KEPT)
        raise ValueError(text) from error
    try:
        if model_file.EMOTION not in members:
            raise ValueError("it is a classifier of series; read it by lstmfcn.load")
        content = members[model_file.EMOTION]
        model_file.check_format(content)
        recipes = tuple(map(EmotionRecipe.from_json, content["recipes"]))
        needs = {one["name"]: _need(one) for one in content["needs"]}
        preprocessors = tuple(
            {name: _from_json(one) for name, one in of_recipe.items()}
            for of_recipe in content["preprocessors"]
        )
        parts = model_file.from_folders(members, model_file.EMOTION)
        classifiers = [from_members(part) for part in parts]
        target = content.get("target")  # which earlier versions did not write
        _check(recipes, needs, preprocessors, classifiers, target)
    except MISFITS as error:
        raise ValueError(
            f"{shown(path)} does not describe a model of emotions: {damage(error)}"
        ) from error
    corpus, ensemble = str(content["corpus"]), Ensemble(classifiers)
    return EmotionModel(corpus, recipes, needs, preprocessors, ensemble, target)


def _check(recipes, needs, preprocessors, classifiers, target):
    if not recipes or len(recipes) != len(preprocessors) or len(classifiers) % len(recipes):
        raise ValueError("it has not as many recipes as classifiers")
    for recipe, of_recipe in zip(recipes, preprocessors, strict=True):
        if list(of_recipe) != list(recipe.features) or not set(of_recipe) <= set(needs):
            raise ValueError("its recipes read other features than it describes")
    if not isinstance(target, str | None) or not classifiers:
        raise ValueError("it does not say what it predicts")
    if any(hasattr(one, "classes_") != (target is None) for one in classifiers):
        raise ValueError("a dimension is predicted by regressors, an emotion by classifiers")
    if target is None and len({tuple(one.classes_.tolist()) for one in classifiers}) > 1:
        raise ValueError("its classifiers have different classes")


def _need(content):
    need = FeatureNeed(**content)
    if not isinstance(need.name, str) or not isinstance(need.manifest, dict | None):
        raise ValueError("its features are not described")
    for values in (need.mean, need.scale):
        _numbers(values, len(need.mean), "moments")
    return need


def _to_json(preprocessor):
    fitted = {name: getattr(preprocessor, name) for name in FITTED}
    return {
        "parameters": {name: getattr(preprocessor, name) for name in PARAMETERS},
        **{
            name: value if isinstance(value, bool) else int(value) for name, value in fitted.items()
        },
        "mean_": preprocessor.mean_.tolist(),
        "scale_": preprocessor.scale_.tolist(),
    }


def _from_json(content):
    preprocessor = SequencePreprocessor(**content["parameters"]).check_parameters()
    check_counts(most=2**31, n_timepoints=content["n_timepoints_"])
    n_features = len(content["mean_"])
    if content["n_features_in_"] != n_features:
        raise ValueError("its means are of other features")
    for name in FITTED:
        setattr(preprocessor, name, content[name])
    preprocessor.mean_ = _numbers(content["mean_"], n_features, "means")
    preprocessor.scale_ = _numbers(content["scale_"], n_features, "scales")
    if not (preprocessor.scale_ > 0).all():
        raise ValueError("its scales are not above 0")
    return preprocessor


def _numbers(values, length, what):
    numbers = np.array(values, dtype=np.float64)
    if numbers.shape != (length,) or not np.isfinite(numbers).all():
        raise ValueError(f"its {what} are not {length} finite numbers")
    return numbers


def read_clips_of(model, clips, *, groups_of=None, on_missing="error"):
    """Read, or extract, what a model needs of new clips.

    Parameters
    ----------
    model : EmotionModel
    clips : path
        A recording, a folder of recordings, or a folder of feature sets.
    groups_of : ClipTable, optional
        The clips to predict, with the columns that the model standardises by. None takes all.
    on_missing : {"error", "drop"}, default="error"
        Of clips that cannot be used: refuse them in one message, or leave them out.

    Returns
    -------
    names : tuple of str
    sequences : dict of str to list of arrays (T_i, D)
    groups : ndarray of str of shape (n_clips,), or None
    """
    clips = Path(clips).expanduser()
    if not clips.exists():
        raise FileNotFoundError(f"{clips} does not exist; expected recordings, or feature sets.")
    if clips.is_dir() and _has_features(clips, model):
        names, sequences = _read(model, FeatureStore(clips), groups_of, on_missing)
    else:
        names, sequences = _extracted(model, clips, groups_of, on_missing)
    if groups_of is not None:
        kept = set(names)
        groups_of = groups_of[np.array([name in kept for name in groups_of.names])]
    return names, sequences, _groups(model, groups_of)


def _has_features(folder, model):
    known = set(FeatureStore(folder).feature_sets)
    return not known.isdisjoint(model.needs)


def _read(model, store, table, on_missing):
    if table is None:
        names = store.feature_set(next(iter(model.needs))).clips
        table = ClipTable(f"{store.root}", names, None, ())
    table, found = select_features(table, store, list(model.needs), on_missing=on_missing)
    return table.names, {name: one.load() for name, one in found.items()}


def _extracted(model, clips, table, on_missing):
    """Return names and frames of recordings, extracted as for training into a folder that goes."""
    import tempfile

    from lstmfcn.extraction import extract, find_recordings, recordings_of

    foreign = [name for name, need in model.needs.items() if need.manifest is None]
    if foreign:
        raise ValueError(
            f"the model reads {listed(foreign)}, which lstmfcn emotion extract did not make; pass "
            "the folder of these feature sets for the clips, in place of recordings."
        )
    if table is not None:
        wavs = recordings_of(table, clips)
    else:
        wavs = find_recordings(clips) if clips.is_dir() else {clips.stem: clips}
    with tempfile.TemporaryDirectory() as root:
        for need in model.needs.values():
            options = {"level": need.manifest["parameters"]["level"], "on_missing": on_missing}
            if "n_layers" in need.manifest:
                options["n_layers"] = need.manifest["n_layers"]
            extract(wavs, root, [extractor_of(need)], **options)
            made = read_manifest(FeatureStore(root).feature_set(need.name).folder)
            old, new = (one["parameters"] for one in (need.manifest, made))
            if {**old, "dtype": None} != {**new, "dtype": None}:
                raise ValueError(
                    f"{need.name} is made in another way than for training; use the version of "
                    "lstmfcn that wrote the model."
                )
        table = ClipTable(str(clips), tuple(wavs), None, ())
        return _read(model, FeatureStore(root), table, on_missing)


def extractor_of(need):
    """Return the name by which :func:`lstmfcn.emotion.extract` makes a feature set again."""
    from lstmfcn.extraction.pretrained import SOUND

    parameters, match = need.manifest["parameters"], SUFFIX.fullmatch(need.name)
    stem = match["stem"] if match else need.name
    if parameters.get("kind") in ("log-mel", "openSMILE"):
        return stem.lower()
    folder, where = need.manifest.get("model_folder"), ""
    if isinstance(folder, str) and parameters.get("model_type") in SOUND:
        if Path(folder).is_dir() and Path(folder).name == stem:
            return f"hf:{folder}"
        where = f" in {shown(folder)}, which is not there"
    raise ValueError(
        f"{need.name} comes from a pretrained model{where}; extract it by `lstmfcn emotion extract "
        "--features hf:PATH`, and pass the folder of the feature sets in place of recordings."
    )


def _groups(model, table):
    """Return what the clips are standardised by, if the model does that and the table tells."""
    columns = {recipe.standardize_by for recipe in model.recipes} - {None}
    if not columns:
        return None
    (column, *_) = columns
    if table is not None and column_named(table.columns, column) is not None:
        return table.groups(column)
    warn(
        f"the model standardises by {column}, which is not known of these clips; means of the "
        f"training clips stand in. Name each clip's {column} in labels=... for better answers."
    )
    return None
