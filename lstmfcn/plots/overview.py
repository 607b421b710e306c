"""How are all explanations of a model's decisions drawn at once? Into a folder of pictures."""

from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from lstmfcn import plots
from lstmfcn.evaluation import faithfulness
from lstmfcn.files import atomic_path
from lstmfcn.meta.rows import take_rows
from lstmfcn.plots.confusion import Confusion
from lstmfcn.plots.display import check_axis_names, image_bytes, plain
from lstmfcn.plots.explanations import METHODS
from lstmfcn.progress import tqdm
from lstmfcn.validation import check_labels, check_random_state

WITHOUT_SERIES = ("learning-curves", "confusion", "faithfulness")
N_DELETED = 100  # series for which evidence is deleted and inserted


def explain_to_folder(
    classifier,
    X,
    y,
    folder,
    *,
    indices=(),
    names=None,
    channel_names=None,
    sampling_rate=None,
    random_state=0,
    verbose=0,
):
    """Draw all explanations of a classifier's decisions on some series into a folder.

    ``X`` is as in its ``predict``; ``y`` holds the true classes, (n_samples,), or is None. The
    series at ``indices`` get pictures of their own. ``names``, (n_samples,), stand in titles beside
    their numbers. The folder gets ``explanations.npz`` and pictures, each file atomically.
    Returns the explanation's ``summary()`` and, as ``"deletion, NAME"``, a ratio for each map. Its
    numerator is the drop of the probability when the fifth of the timepoints that the map ranks
    highest is deleted. Its denominator is the drop by random deletion.
    """
    folder = Path(folder)
    check_random_state(random_state)
    names_of_axes = {"channel_names": channel_names, "sampling_rate": sampling_rate}
    if channel_names is not None or sampling_rate is not None:
        check_axis_names(classifier.n_channels_in_, **names_of_axes)
    beyond = [index for index in indices if index >= len(X)]
    if beyond:
        raise ValueError(
            f"index={beyond[0]} is not there; the {len(X)} series are 0 to {len(X) - 1}."
        )
    probabilities = classifier.predict_proba(X)  # refuses what does not fit, before anything else
    labels = classifier.classes_[probabilities.argmax(axis=1)]
    if y is not None:
        y = check_labels(y, len(labels), type(classifier).__name__)
        labels = _known(y, classifier.classes_)
    folder.mkdir(parents=True, exist_ok=True)
    methods = [name for name in METHODS if hasattr(classifier, name)]
    if getattr(classifier, "attends_over_", None) == "channels":
        methods.remove("attention_map")  # uniform
    maps = {name: getattr(classifier, name)(X) for name in methods}
    explanation = classifier.explain(X)
    arrays = {
        "classes": classifier.classes_,
        "probabilities": probabilities,
        "predicted": explanation.target,
        "bias": explanation.bias,
        "lstm": explanation.lstm,
        "convolutions": explanation.convolutions,
        **maps,
    }
    if hasattr(classifier, "filter_kernels"):  # an ensemble has those of its members
        arrays["filter_kernels"] = classifier.filter_kernels()
    if y is not None:
        arrays["labels"] = labels
    summary = explanation.summary()
    displays = _displays(classifier, X, labels, probabilities, methods, indices, names)
    if y is not None:
        displays["confusion"] = partial(_confusion, classifier.classes_, labels, explanation.target)
    displays["faithfulness"] = partial(_measure, classifier, X, maps, random_state, summary)
    files = {"explanations.npz": _packed(arrays)}
    with tqdm(displays.items(), disable=not verbose, unit="picture") as bar:
        for name, make in bar:
            bar.set_description(name)
            display = make().plot(**({} if name in WITHOUT_SERIES else names_of_axes))
            files[f"{name}.png"] = image_bytes(display.figure_, format="png", dpi=130)
    for name, content in files.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content)
    return summary


def _displays(classifier, X, labels, probabilities, methods, indices, names):
    """Return functions that make the displays of decisions and of the maps, by title."""
    activation = partial(plots.ActivationMapDisplay.from_estimator, classifier, X)
    decision = partial(_decision, classifier, X, names)
    surest, closest = (int(f(probabilities.max(axis=1))) for f in (np.argmax, np.argmin))
    displays = {
        "learning-curves": partial(plots.HistoryDisplay, classifier.history_),
        "surest-decision": partial(decision, surest),
        "closest-decision": partial(decision, closest),
        "activation-maps": partial(activation, closest),
    }
    for index in indices:
        displays[f"decision-{index}"] = partial(decision, index)
        displays[f"activation-maps-{index}"] = partial(activation, index)
        if "attention_map" in methods:
            attention = plots.MapDisplay.from_estimator
            displays[f"attention-map-{index}"] = partial(attention, classifier, X, index)
    if hasattr(classifier, "filter_kernels"):
        displays["filters"] = partial(plots.FilterDisplay.from_estimator, classifier, X)
    gallery = partial(plots.GalleryDisplay.from_estimator, classifier, X, labels)
    mean = partial(plots.MeanMapDisplay.from_estimator, classifier, X)
    for name in methods:
        title = name.replace("_", "-")
        displays[f"{title}-gallery"] = partial(gallery, method=name)
        displays[f"{title}-mean"] = partial(mean, method=name)
    if "attention_map" in methods:
        displays["context"] = partial(plots.ContextDisplay.from_estimator, classifier, X)
    return displays


def _confusion(classes, labels, predicted):
    """Return the display of how many series of each class got which answer."""
    truth = np.searchsorted(classes, labels)
    counts = confusion_matrix(truth, predicted, labels=range(len(classes)))
    return Confusion(counts, display_labels=[plain(label) for label in classes])


def _decision(classifier, X, names, index):
    """Return the display of one decision, whose title says which series it is."""
    display = plots.DecompositionDisplay.from_estimator(classifier, X, index)
    name = "" if names is None else f" ({plain(names[index])})"
    display.title = f"series {index}{name}: {display.title}"
    return display


def _known(y, classes):
    """Return labels in the type of the classifier's own; a file may hold them as text."""
    by_text = {str(label): label for label in classes}
    unknown = sorted({str(label) for label in y} - by_text.keys())
    if unknown:
        raise ValueError(
            f"the series have the label {unknown[0]!r}, which the model does not know; its "
            f"classes are {', '.join(by_text)}."
        )
    return np.array([by_text[str(label)] for label in y])


def _packed(arrays):
    """Return an .npz file that needs no pickle: texts are NumPy strings."""
    arrays = {name: a.astype(str) if a.dtype == object else a for name, a in arrays.items()}
    file = BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _measure(classifier, X, maps, random_state, summary):
    """Delete and insert evidence; add the ratios of the drops to the summary."""
    random = check_random_state(random_state)
    chosen = np.sort(random.permutation(len(X))[:N_DELETED])
    few_maps = {name.replace("_", " "): values[chosen] for name, values in maps.items()}
    few_maps["gradient x input"] = few_maps.pop("gradient map")
    result = faithfulness(classifier, take_rows(X, chosen), few_maps, random_state=random)
    summary.update({f"deletion, {name}": result.ratio(name)[0] for name in few_maps})
    return plots.FaithfulnessDisplay(result)
