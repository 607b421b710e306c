"""What does `lstmfcn explain` leave in a folder? Pictures and arrays for a model and its series."""

from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

from lstmfcn.atomic import atomic_path
from lstmfcn.evaluation import faithfulness
from lstmfcn.plots.activation_maps import ActivationMapDisplay
from lstmfcn.plots.context import ContextDisplay
from lstmfcn.plots.decomposition import DecompositionDisplay
from lstmfcn.plots.drawing import plain
from lstmfcn.plots.faithfulness import FaithfulnessDisplay
from lstmfcn.plots.filters import FilterDisplay
from lstmfcn.plots.gallery import GalleryDisplay
from lstmfcn.plots.history import HistoryDisplay
from lstmfcn.plots.mean_maps import MeanMapDisplay
from lstmfcn.plots.reading import METHODS
from lstmfcn.progress import tqdm
from lstmfcn.validation import check_labels, check_random_state

__all__ = ["explain_to_folder"]

N_DELETED = 100  # series for which evidence is deleted and inserted


def explain_to_folder(classifier, X, y, folder, *, random_state=0, verbose=0):
    """Draw everything that explains a classifier's decisions on some series.

    Parameters
    ----------
    classifier : fitted classifier
    X : as in its ``predict``
    y : array-like of shape (n_samples,) or None
        The true classes, if they are known.
    folder : path-like
        Is made if it does not exist. Gets ``explanations.npz`` and pictures, each written
        atomically after all are made; files of the same names are replaced.
    random_state : int, default=0
        Of the random deletions, and of which series they are made on where there are many.
    verbose : int, default=0
        1: a progress bar.

    Returns
    -------
    dict of str to float
        ``lstm_share``, ``lstm_agrees``, ``convolutions_agree`` (see
        :meth:`lstmfcn.explain.Explanation.summary`) and, as ``"deletion, NAME"``, how many times
        as far as random deletion it moves the probability to delete the fifth of the timepoints
        that a map calls most relevant.

    Raises
    ------
    ValueError
        If the series do not fit the classifier, or ``y`` names classes it does not know.
    """
    folder = Path(folder)
    check_random_state(random_state)
    probabilities = classifier.predict_proba(X)  # refuses what does not fit, before anything else
    labels = classifier.classes_[probabilities.argmax(axis=1)]
    if y is not None:
        y = check_labels(y, len(labels), type(classifier).__name__)
        labels = _known(y, classifier.classes_)
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name in METHODS if hasattr(classifier, name)]
    if getattr(classifier, "attends_over_", None) == "channels":
        names.remove("attention_map")  # uniform
    maps = {name: getattr(classifier, name)(X) for name in names}
    explanation = classifier.explain(X)
    arrays = {
        "classes": classifier.classes_,
        "probabilities": probabilities,
        "predicted": explanation.target,
        "bias": explanation.bias,
        "lstm": explanation.lstm,
        "convolutions": explanation.convolutions,
        "filter_kernels": classifier.filter_kernels(),
        **maps,
    }
    if y is not None:
        arrays["labels"] = labels
    summary = explanation.summary()
    surest, closest = (int(f(probabilities.max(axis=1))) for f in (np.argmax, np.argmin))
    displays = {
        "learning-curves": partial(HistoryDisplay, classifier.history_),
        "filters": partial(FilterDisplay.from_estimator, classifier, X),
        "surest-decision": partial(DecompositionDisplay.from_estimator, classifier, X, surest),
        "closest-decision": partial(DecompositionDisplay.from_estimator, classifier, X, closest),
        "activation-maps": partial(ActivationMapDisplay.from_estimator, classifier, X, closest),
    }
    for name in names:
        title = name.replace("_", "-")
        displays |= {
            f"{title}-gallery": partial(
                GalleryDisplay.from_estimator, classifier, X, labels, method=name
            ),
            f"{title}-mean": partial(MeanMapDisplay.from_estimator, classifier, X, method=name),
        }
    if "attention_map" in names:
        displays["context"] = partial(ContextDisplay.from_estimator, classifier, X)
    if y is not None:
        displays["confusion"] = partial(_Confusion.of, labels, arrays["predicted"], classifier)
    displays["faithfulness"] = partial(_measure, classifier, X, maps, random_state, summary)
    files = {"explanations.npz": _packed(arrays)}
    with tqdm(displays.items(), disable=not verbose, unit="picture") as bar:
        for name, display in bar:
            bar.set_description(name)
            files[f"{name}.png"] = _drawn(display())
    for name, content in files.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content)
    return summary


def _known(y, classes):
    """Return labels as the classifier's own, which a file may hold as text."""
    by_text = {str(label): label for label in classes}
    unknown = sorted({str(label) for label in y} - by_text.keys())
    if unknown:
        raise ValueError(
            f"the series have the label {unknown[0]!r}, which the model does not know; its "
            f"classes are {', '.join(by_text)}."
        )
    return np.array([by_text[str(label)] for label in y])


def _packed(arrays):
    """Return an .npz file that is read without pickle: texts as numpy's own."""
    texts = {name for name, array in arrays.items() if array.dtype.kind == "O"}
    arrays = {name: a.astype(str) if name in texts else a for name, a in arrays.items()}
    file = BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _measure(classifier, X, maps, random_state, summary):
    """Delete and insert evidence; add the ratios of the drops to the summary."""
    random = check_random_state(random_state)
    chosen = np.sort(random.permutation(len(X))[:N_DELETED])
    if hasattr(X, "iloc"):
        few = X.iloc[chosen]
    else:
        few = [X[i] for i in chosen] if isinstance(X, (list, tuple)) else X[chosen]
    few_maps = {name.replace("_", " "): values[chosen] for name, values in maps.items()}
    few_maps["gradient x input"] = few_maps.pop("gradient map")
    result = faithfulness(classifier, few, few_maps, random_state=random)
    summary.update({f"deletion, {name}": result.ratio(name)[0] for name in few_maps})
    return FaithfulnessDisplay(result)


class _Confusion(ConfusionMatrixDisplay):
    @classmethod
    def of(cls, labels, predicted, classifier):
        truth = np.searchsorted(classifier.classes_, labels)
        counts = confusion_matrix(truth, predicted, labels=range(len(classifier.classes_)))
        return cls(counts, display_labels=[plain(label) for label in classifier.classes_])

    def plot(self):
        rotation = "vertical" if len(self.display_labels) > 6 else "horizontal"
        return super().plot(cmap="Greys", colorbar=False, xticks_rotation=rotation)


def _drawn(display):
    """Return a display as a picture, the content of a .png file."""
    import matplotlib.pyplot as plt

    figure, file = display.plot().figure_, BytesIO()
    try:
        figure.savefig(file, format="png", dpi=130)
    finally:
        plt.close(figure)
    return file.getvalue()
