"""When in a clip does a model find its answer? Maps over seconds, of typical and of wrong clips."""

from dataclasses import dataclass

import numpy as np

from lstmfcn.emotion.one_run import innermost
from lstmfcn.features.manifest import frame_rate
from lstmfcn.features.store import FeatureStore
from lstmfcn.files import atomic_path
from lstmfcn.meta.rows import take_rows
from lstmfcn.plots.coloured_series import MapScale
from lstmfcn.plots.display import image_bytes, new_figure, plain

MAX_CLASSES = 6
ATTENTION = "attention"
EVIDENCE = "evidence for the predicted class"  # of networks without attention
ADDED = "what a timepoint adds to the number"  # that a regressor predicts
SIZE = 4.6, 1.7  # inches of a clip's picture


@dataclass(frozen=True, eq=False)
class ClipMap:
    """A clip, and what each of its timepoints adds to a model's answer.

    Attributes
    ----------
    name, truth, predicted : str
        ``truth`` is "" where nobody labelled the clip.
    probability : float
        Of the predicted class.
    size, relevance : float64 ndarrays of shape (n_timepoints,)
        Root mean square of the standardised features, and attention or evidence.
    duration : float
        Of the clip, in ``unit``.
    unit : {"seconds", "frames", "timepoints"}
        Seconds need a feature set that says how many frames it has in one.
    method : str
        What ``relevance`` is.
    """

    name: str
    truth: str
    predicted: str
    probability: float
    size: np.ndarray
    relevance: np.ndarray
    duration: float
    unit: str
    method: str

    @property
    def is_wrong(self):
        """Whether the clip was taken for another class."""
        return self.truth not in ("", self.predicted)


def write_attention(model, data, ensemble, *, anew=True):
    """Write the maps of the first member: of each class a typical clip and a wrong one.

    Typical is the clip that is right with the highest probability, wrong the one that was taken
    for another class with the highest probability: unless `anew`, the surest of this part and of
    the parts that were written before. `attention[-FEATURES].npz` has the numbers.
    """
    data = data.of_each_recipe[0]
    classifier, clips = ensemble.classifiers[0], next(iter(data.tests.values()))
    probabilities = classifier.predict_proba(clips.X)
    chosen = _choose(clips.y, np.asarray(classifier.classes_), probabilities)
    X, several = take_rows(clips.X, chosen), isinstance(clips.X, dict)
    for feature, (method, maps) in maps_of(innermost(classifier), X, data.recipe.features).items():
        series = X[feature] if several else X
        rows = without_padding(maps, series)
        if rows is None:
            continue
        found = []
        for i, one, relevance in zip(chosen, series, rows, strict=True):
            truth = "" if clips.y is None else str(clips.y[i])
            best = probabilities[i].argmax()
            said = str(classifier.classes_[best]), float(probabilities[i, best])
            # A clip longer than any in training has lost its end.
            size = np.sqrt(np.square(one[:, : len(relevance)]).mean(axis=0))
            lasts = _duration(model.source.root, data.recipe, feature, clips.names[i], len(size))
            found.append(ClipMap(clips.names[i], truth, *said, size, relevance, *lasts, method))
        model.folder.mkdir(parents=True, exist_ok=True)
        path = model.folder / f"attention{f'-{feature[:60]}' if several else ''}.npz"
        before = [] if anew or not path.exists() else _read(path)
        _write(path, _surest([*before, *found]))


def read_attention(folder):
    """Return feature set ("" where a model has one) -> list of ClipMap, from a model's folder."""
    return {
        path.stem.removeprefix("attention").removeprefix("-"): _read(path)
        for path in sorted(folder.glob("attention*.npz"))
    }


def draw_clips(maps):
    """Draw each clip in the colours of its map, all on one scale: a list of webp images."""
    scale, images = MapScale([one.relevance for one in maps]), []
    for one in maps:
        figure = new_figure(*SIZE)
        ax = figure.subplots()
        scale.draw(ax, one.size[np.newaxis], one.relevance)
        if len(one.size) == 1:  # a line of one point cannot be seen
            ax.plot(one.size, "o", color=scale.mappable().to_rgba(one.relevance[0]))
        name_time(ax, one)
        ax.set_ylabel("size of features", fontsize="small")
        images.append(image_bytes(figure, format="webp", dpi=150, pil_kwargs={"quality": 85}))
    return images, scale


def name_time(ax, clip):
    """Put seconds or frames on the axis of timepoints."""
    from matplotlib.ticker import MaxNLocator

    n = len(clip.size)
    ticks = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(0, clip.duration)
    ticks = ticks[(ticks >= 0) & (ticks <= clip.duration)]
    # Timepoint i covers the time from i to i + 1 of n equal parts.
    ax.set_xticks(ticks * n / clip.duration - 0.5, [f"{tick:g}" for tick in ticks])
    ax.set_xlim(-0.5, n - 0.5)
    ax.set_xlabel(plain(clip.unit), fontsize="small")
    ax.tick_params(labelsize="small")


def _choose(y, classes, probabilities):
    """Return the rows of the clips to draw: of each class a typical one, then a wrong one."""
    best, chosen = probabilities.argmax(axis=1), []
    sure = probabilities.max(axis=1)
    places = {label: place for place, label in enumerate(classes.tolist())}
    truth = best if y is None else np.array([places.get(label, -1) for label in y.tolist()])
    for label in range(len(classes)):
        for is_kind in ((truth == label) & (best == label), (truth == label) & (best != label)):
            if is_kind.any():
                chosen.append(int(np.argmax(np.where(is_kind, sure, -1))))
        if len(set(truth[chosen])) == MAX_CLASSES:
            break
    return np.array(chosen, dtype=int)


def _surest(maps):
    """Return of each class the surest typical clip and the surest wrong one; later maps count."""
    latest, surest = {one.name: one for one in maps}.values(), {}
    for one in latest:
        kind = one.truth or one.predicted, one.is_wrong
        surest[kind] = max(surest.get(kind, one), one, key=lambda clip: clip.probability)
    drawn = sorted({label for label, _ in surest})[:MAX_CLASSES]
    return [surest[kind] for kind in sorted(surest) if kind[0] in drawn]


def maps_of(classifier, X, features):
    """Return feature set -> (method, maps) of a classifier or regressor; empty where none are."""
    if hasattr(classifier, "attention_map"):
        return {features[0]: (ATTENTION, classifier.attention_map(X))}
    if hasattr(classifier, "class_activation_map"):
        return {features[0]: (EVIDENCE, classifier.class_activation_map(X, contrast=True))}
    if hasattr(classifier, "activation_map"):
        return {features[0]: (ADDED, classifier.activation_map(X))}
    try:
        return {name: (ATTENTION, maps) for name, maps in classifier.attention_maps(X).items()}
    except AttributeError:  # networks without attention, or none of this package
        return {}


def without_padding(maps, series):
    """Return each clip's map without its padding, or None if it is not over its timepoints."""
    lengths = [one.shape[1] for one in series]
    equal = isinstance(series, np.ndarray)
    if max(lengths) < 2 or (equal and lengths[0] != maps.shape[1]):
        return None  # a vector per utterance has no time, and early fusion a time of its own
    return [np.asarray(row[:n], dtype=float) for row, n in zip(maps, lengths, strict=True)]


def _duration(root, recipe, feature, clip, n_timepoints):
    """Return how long a clip is, and in what."""
    features = FeatureStore(root).feature_set(feature)
    if recipe.mode == "mertools" or any(recipe.context) or clip not in features:
        return float(n_timepoints), "timepoints"  # of which some are no part of the clip
    frames = features.read(clip)
    rate = frame_rate(root, feature)
    return (len(frames) / rate, "seconds") if rate else (float(len(frames)), "frames")


FIELDS = ("name", "truth", "predicted", "probability", "duration", "unit", "method")


def _write(path, maps):
    columns = {field: np.array([getattr(one, field) for one in maps]) for field in FIELDS}
    columns["n_timepoints"] = np.array([len(one.size) for one in maps])
    columns["size"] = np.concatenate([one.size for one in maps])
    columns["relevance"] = np.concatenate([one.relevance for one in maps])
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **columns)


def _read(path):
    with np.load(path, allow_pickle=False) as arrays:
        columns = dict(arrays)
    ends = np.cumsum(columns.pop("n_timepoints"))[:-1]
    parts = {name: np.split(columns.pop(name), ends) for name in ("size", "relevance")}
    rows = zip(*(columns[field].tolist() for field in FIELDS), strict=True)
    pairs = zip(parts["size"], parts["relevance"], strict=True)
    return [
        ClipMap(**dict(zip(FIELDS, row, strict=True)), size=size, relevance=relevance)
        for row, (size, relevance) in zip(rows, pairs, strict=True)
    ]
