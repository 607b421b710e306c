"""When in a new clip does a kept model find its answer? One picture of each clip."""

import numpy as np

from lstmfcn.emotion.attention_maps import SIZE, ClipMap, maps_of, name_time, without_padding
from lstmfcn.emotion.one_run import innermost
from lstmfcn.emotion.recipe import short_name
from lstmfcn.files import atomic_path
from lstmfcn.plots.coloured_series import MapScale
from lstmfcn.plots.display import new_figure


def draw_predictions(folder, model, sequences, names, groups, answers):
    """Draw the attention, or the evidence, over each clip into a folder; return the files.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    model : EmotionModel
        Its first classifier is asked.
    sequences, names, groups
        As for :meth:`EmotionModel.inputs`.
    answers : array of shape (n_clips, n_classes) or (n_clips,)
        Probabilities, or the numbers of a dimension.
    """
    recipe, X = model.recipes[0], model.inputs(sequences, names, groups)[0]
    classifier, paths = innermost(model.ensemble.classifiers[0]), []
    for feature, (method, maps) in maps_of(classifier, X, recipe.features).items():
        series = X[feature] if isinstance(X, dict) else X
        rows = without_padding(maps, series)
        if rows is None:
            continue
        found = []
        for i, (one, relevance) in enumerate(zip(series, rows, strict=True)):
            if model.target is None:
                best = int(answers[i].argmax())
                said = str(model.classes_[best]), float(answers[i, best])
            else:
                said = model.target, float(answers[i])
            size = np.sqrt(np.square(one[:, : len(relevance)]).mean(axis=0))
            lasts = _duration(model, recipe, feature, sequences, i, len(size))
            found.append(ClipMap(names[i], "", *said, size, relevance, *lasts, method))
        suffix = f"-{short_name(feature)}" if len(recipe.features) > 1 else ""
        form = "{}: {} ({:.2f})" if model.target is None else "{}: {} {:.3g}"
        paths += [_draw(folder, one, found, suffix, form) for one in found]
    return paths


def _duration(model, recipe, feature, sequences, i, n_timepoints):
    """Return how long a clip is, and in what."""
    if feature not in sequences or recipe.mode == "mertools" or any(recipe.context):
        return float(n_timepoints), "timepoints"  # of which some are no part of the clip
    rate, n_frames = model.needs[feature].frame_rate, len(sequences[feature][i])
    return (n_frames / rate, "seconds") if rate else (float(n_frames), "frames")


def _draw(folder, one, all_of_them, suffix, form):
    """Write the picture of a clip, on the scale of all clips."""
    import matplotlib.pyplot as plt

    scale = MapScale([other.relevance for other in all_of_them])
    figure = new_figure(SIZE[0] + 1.4, SIZE[1] + 0.5)
    ax = figure.subplots()
    scale.draw(ax, one.size[np.newaxis], one.relevance)
    name_time(ax, one)
    ax.set_ylabel("features", fontsize="small")
    title = form.format(one.name, one.predicted, one.probability)
    ax.set_title(title, fontsize="small")
    method = one.method.replace(" for ", "\nfor ").replace(" adds ", "\nadds ")
    scale.add_colorbar(figure, [ax], method)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{short_name(one.name)}{suffix}.png"
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)
    return path
