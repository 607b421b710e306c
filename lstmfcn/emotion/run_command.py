"""What does `lstmfcn emotion run` do? It trains seed by seed, prints a table and fills a folder."""

import csv
from pathlib import Path

import numpy as np

from lstmfcn.atomic import atomic_path
from lstmfcn.emotion.challenge_scores import write_submission
from lstmfcn.emotion.panels import take_rows
from lstmfcn.emotion.track_data import CHOSEN_ON, HELD_OUT, RANKED_BY, load_track_data
from lstmfcn.emotion.tracks import (
    answer_openly,
    innermost,
    measure_robustness,
    plan_variants,
    run_variant,
)
from lstmfcn.evaluation.intervals import mean_interval, paired_interval
from lstmfcn.evaluation.results import Results, Run
from lstmfcn.progress import tqdm

__all__ = ["run_track"]

METRICS = {"weighted_f1": "WAF", "accuracy": "accuracy"}
VALIDATION_METRIC = {"noisy_validation": "validation"}
OPEN_METRICS = {"average": "average", "accuracy": "set accuracy", "set_recall": "set recall"}
N_EXAMPLES = 2  # of each class, whose attention is drawn
MOST_CLASSES = 6


def run_track(
    root,
    track,
    features,
    model,
    out,
    *,
    fusion=None,
    classes=None,
    group=None,
    n_seeds=1,
    n_timepoints=None,
    mode="resample",
    noisy_validation=None,
    standardize_by=None,
    n_babble=0,
    n_epochs=None,
    n_copies=None,
    threshold=None,
    on_missing="error",
    settings=None,
    name=None,
    verbose=1,
):
    """Train and test a model on a track; leave tables, records, pictures and a page in a folder.

    Called again it trains the seeds that are missing, and writes tables and page anew. The folder
    is that of a benchmark (:class:`lstmfcn.evaluation.Results`). What is about one track and model
    lies in ``NAME-TRACK/MODEL`` in it: ``table.csv``, ``predictions.csv`` (by the mean of the
    seeds' probabilities), ``submission.csv`` (in the challenge's format; of track "semi" also
    ``submission-unlabelled.csv``), ``confusion.png``, ``attention.png`` (first seed),
    ``robustness.png``.

    Parameters
    ----------
    root, track, features, classes, group, n_timepoints, mode, noisy_validation, standardize_by, \
n_babble, on_missing
        As for :func:`lstmfcn.emotion.track_data.load_track_data`.
    model, fusion, n_epochs, n_copies, threshold, settings, name
        As for :func:`lstmfcn.emotion.tracks.plan_variants`.
    out : str or path
        Folder of results; several models and tracks may share one.
    n_seeds : int, default=1
        Seeds 0 to n_seeds - 1.
    verbose : int, default=1
        1: a progress bar and the table.

    Returns
    -------
    list of dict
        The rows of the table: `model`, `test`, `n_seeds`, and for each metric its mean,
        `METRIC_low` and `METRIC_high`.

    Raises
    ------
    ValueError, OSError
        On data that cannot be used, or a folder with results of other data or parameters.
    BlockingIOError
        If another process trains one of the models in this folder.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstmfcn.emotion.run_command import run_track
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     root = Path(folder)
    ...     (root / "hubert_FRA").mkdir()
    ...     for part in ("train", "test"):
    ...         rows = [f"{part}{i},{label}" for i, label in enumerate(["sad", "happy"] * 4)]
    ...         text = "\\n".join(["name,discrete", *rows])
    ...         _ = (root / f"label-{part}.csv").write_text(text)
    ...         for i in range(8):
    ...             np.save(root / "hubert_FRA" / f"{part}{i}", (i % 2) * np.ones((9, 2)))
    ...     settings = {"n_epochs": 20, "settings": {"n_filters": [8, 8, 8]}, "verbose": 0}
    ...     rows = run_track(root, "full", ["hubert"], "fcn", root / "out", **settings)
    >>> [(row["model"], row["test"], row["weighted_f1"]) for row in rows]
    [('FCN hubert_FRA', 'test', 1.0)]
    """
    out = Path(out)
    results = Results(out)
    data = load_track_data(
        root,
        track,
        features,
        classes=classes,
        group=group,
        n_timepoints=n_timepoints,
        mode=mode,
        noisy_validation=noisy_validation,
        standardize_by=standardize_by,
        n_babble=n_babble,
        on_missing=on_missing,
        as_dict=model == "attention",
    )
    variants = plan_variants(
        data,
        model,
        fusion=fusion,
        n_epochs=n_epochs,
        n_copies=n_copies,
        threshold=threshold,
        settings=settings,
        name=name,
    )
    for variant in variants:
        _register(results, variant)
    _refuse_other_data(results, data, variants)
    if verbose:
        print(_summary(data))
    _train_what_is_missing(results, data, variants, n_seeds, verbose)
    found = {
        (variant, test): [Run(data.dataset(test), variant.name, seed) for seed in range(n_seeds)]
        for variant in variants
        for test in data.tests
    }
    records = {key: [results.record(run) for run in runs] for key, runs in found.items()}
    rows = [_row(data, variant, test, part) for (variant, test), part in records.items()]
    _write_csv(_folder(out, data, variants[0]) / "table.csv", rows)
    for (variant, test), runs in found.items():
        folder = _folder(out, data, variant)
        _write_predictions(folder, data, test, [results.predictions(run) for run in runs])
    for variant in variants if data.unlabelled is not None else ():
        _write_answers(_folder(out, data, variant), data, n_seeds)
    for variant in variants:
        _draw(_folder(out, data, variant), results, data, variant, found, records)
    _write_page(results, out)
    if verbose:
        _print(data, rows)
        _print_pair(variants, records, data)
        print(f"\nall models: {out / 'report.html'}; predictions and pictures:")
        for variant in variants:
            print(f"  {_folder(out, data, variant)}/")
    return rows


def _summary(data):
    """Say what is trained on and tested."""
    reach = "up to" if data.mode in ("mean_pool", "pad") else "at"
    lengths = ", ".join(
        f"{name} {reach} {n} timepoint{'s' if n > 1 else ''}"
        for name, n in data.n_timepoints.items()
    )
    lengths += "" if data.mode == "resample" else f" ({data.mode})"
    if data.standardized_by is not None:
        lengths += f", standardised by {data.standardized_by}"
    parts = [f"{data.n_train} training clips"]
    if data.n_babble:
        copies = "copy" if data.n_babble == 1 else "copies"
        parts[0] += f" (and {data.n_babble} {copies} of each in babble)"
    if data.unlabelled is not None:
        parts.append(f"{len(data.unlabelled)} unlabelled")
    parts += [f"{len(clips)} {test}" for test, clips in data.tests.items()]
    text = f"{data.name}, track {data.track}: {', '.join(parts)}; {lengths}"
    if HELD_OUT in data.tests:
        text += "\nno test clips are labelled: all scores are of training clips that are held out"
    elif data.track == "noise" and "noisy" not in data.tests:
        text += (
            "\nno noisy test clips are labelled: all scores are of the clean ones; robustness.png "
            "is of their corrupted features"
        )
    if data.validation is not None:
        n_clips = len(set(data.validation.names))
        *most, last = (f"{level:g}" for level in CHOSEN_ON)
        text += (
            f"\n{n_clips} more training clips are held out to validate on; their features have "
            f"noise of {', '.join(most)} and {last} deviations"
        )
    return text


def _register(results, variant):
    """Bind a variant's name to what it stands for, or say what else it stands for there."""
    differing = results.differences(variant.name, variant.describe())
    if differing:
        raise ValueError(
            f"{results.folder} has results of another {variant.name!r}: {'; '.join(differing)}. "
            "Give this model a name of its own (--name), or its results another folder (--out)."
        )
    results.register(variant.name, variant.describe())


def _refuse_other_data(results, data, variants):
    """Refuse a folder whose runs of this name are of other clips."""
    names = {data.dataset(test) for test in data.tests}
    for run in results.finished():
        if run.dataset in names and run.model in {variant.name for variant in variants}:
            if results.record(run).get("data_digest") != data.digest():
                raise ValueError(
                    f"{results.folder} has results of {run.dataset} with other clips or labels; "
                    "name another folder."
                )


def _train_what_is_missing(results, data, variants, n_seeds, verbose):
    runs = [(variant, seed) for seed in range(n_seeds) for variant in variants]
    with tqdm(runs, desc=f"emotion {data.track}", unit="run", disable=not verbose) as bar:
        for variant, seed in bar:
            keys = {test: Run(data.dataset(test), variant.name, seed) for test in data.tests}
            with results.claim(next(iter(keys.values()))) as free:
                if not free:
                    raise BlockingIOError(
                        f"another process trains {variant.name}, seed {seed}, in {results.folder}; "
                        "wait until it is done, or name another folder."
                    )
                if all(results.is_finished(run) for run in keys.values()):
                    continue
                bar.set_postfix_str(f"{variant.name}, seed {seed}")
                _train(results, data, variant, seed, keys)


def _train(results, data, variant, seed, keys):
    """Train a variant once, and write what it says of every test split."""
    classifier, measured = run_variant(data, variant, seed)
    curves = measure_robustness(data, classifier) if data.track == "noise" else {}
    if data.unlabelled is not None:
        _keep_answers(_folder(results.folder, data, variant), data, classifier, seed)
    if seed == 0:
        _draw_attention(_folder(results.folder, data, variant), data, classifier)
    for test, (record, predictions) in measured.items():
        results.write(keys[test], {**record, "robustness": curves}, predictions)


def _row(data, variant, test, records):
    """Return the mean and the interval of each metric over the seeds."""
    row = {"model": variant.name, "test": test, "n_seeds": len(records)}
    for metric in _metrics(data):
        values = [record[metric] for record in records]
        low, high = mean_interval(values)
        ends = (None, None) if np.isnan(low) else (max(0.0, float(low)), min(1.0, float(high)))
        row[metric], (row[f"{metric}_low"], row[f"{metric}_high"]) = float(np.mean(values)), ends
    for label in data.classes if data.track != "ov" else ():
        recalls = [record["per_class_recall"][label] for record in records]
        row[f"recall_{label}"] = None if None in recalls else float(np.mean(recalls))
    return row


def _metrics(data):
    if data.track == "ov":
        return OPEN_METRICS
    return METRICS if data.validation is None else METRICS | VALIDATION_METRIC


def _print(data, rows):
    metrics = _metrics(data)
    labels = data.classes if data.track != "ov" else ()
    titles = [f"{row['model']}, {row['test']}" for row in rows]
    width = max(len(title) for title in titles)
    head = "".join(f"{title:>13}{'95 % interval':>15}" for title in metrics.values())
    head += "  recall:" if labels else ""
    print(f"\n{'':<{width}}{head}{''.join(f' {label:>8}' for label in labels)}")
    for title, row in zip(titles, rows, strict=True):
        cells = ""
        for metric in metrics:
            low, high = row[f"{metric}_low"], row[f"{metric}_high"]
            interval = "-" if low is None else f"{low:.3f}-{high:.3f}"
            cells += f"{row[metric]:>13.4f}{interval:>15}"
        cells += "         " if labels else ""
        for label in labels:
            recall = row[f"recall_{label}"]
            cells += f" {'-' if recall is None else f'{recall:.4f}':>{max(8, len(label))}}"
        print(f"{title:<{width}}{cells}")
    n_seeds = rows[0]["n_seeds"]
    print(
        f"\nmeans over {n_seeds} {'seed' if n_seeds == 1 else 'seeds'}"
        + ("; the interval is Student's over the seeds" if n_seeds > 1 else "")
    )
    if data.validation is not None:
        print("validation: WAF on the held-out training clips with noise")


def _print_pair(variants, records, data):
    """Say what the unlabelled clips were worth, seed by seed."""
    if len(variants) < 2:
        return
    test = next(iter(data.tests))
    ours, theirs = ([r["weighted_f1"] for r in records[variant, test]] for variant in variants)
    difference, low, high = paired_interval(ours, theirs)
    how = f"of {test}, paired by seed"
    how += "" if np.isnan(low) else f", 95 % interval {low:+.4f} to {high:+.4f}"
    print(f"the unlabelled clips change WAF by {difference:+.4f} ({how})")


def _folder(out, data, variant):
    """Return where the files of one track and model lie."""
    words = (f"{data.name}-{data.track}", variant.name)
    return out.joinpath(*(word.replace(" ", "_") for word in words))


def _file(folder, kind, test, ending):
    """Return the file of a test split: the track's own has its plain name."""
    suffix = "" if test in RANKED_BY else f"-{test.replace(' ', '-')}"
    return folder / f"{kind}{suffix}.{ending}"


def _write_predictions(folder, data, test, parts):
    """Write what the mean of the seeds' probabilities says of each clip, and the submission.

    ``parts`` are the predictions of the seeds.
    """
    clips, classes = data.tests[test], parts[0]["classes"]
    probabilities = np.mean([part["probabilities"] for part in parts], axis=0)
    y_pred = classes[probabilities.argmax(axis=1)]
    columns = {"name": clips.names}
    if clips.y is not None:
        columns["truth"] = clips.y
    columns["predicted"] = y_pred
    submission = _file(folder, "submission", test, "csv")
    folder.mkdir(parents=True, exist_ok=True)
    if data.track == "ov":
        said = answer_openly(data, classes, probabilities)
        columns["openset"] = [repr(words) for words in said.values()]
        names = ("name", "openset")
        _write_csv(
            submission, [dict(zip(names, row, strict=True)) for row in _zipped(columns, names)]
        )
    elif test != HELD_OUT:
        labels = tuple(dict.fromkeys([*data.classes, *classes.tolist()]))
        write_submission(submission, clips.names, y_pred, classes=labels)
    for label, column in zip(classes, probabilities.T, strict=True):
        columns[f"probability_{label}"] = np.round(column, 6)
    rows = [dict(zip(columns, row, strict=True)) for row in _zipped(columns, columns)]
    _write_csv(_file(folder, "predictions", test, "csv"), rows)


def _keep_answers(folder, data, classifier, seed):
    """Keep what one seed says of the unlabelled clips: they have no score, and so no record."""
    path = folder / f"unlabelled-seed{seed}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    probabilities = classifier.predict_proba(data.unlabelled.X).astype(np.float32)
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary, probabilities=probabilities, classes=np.asarray(classifier.classes_)
        )


def _write_answers(folder, data, n_seeds):
    """Write what the mean of the seeds' probabilities says of the unlabelled clips."""
    total, classes = 0.0, None
    for seed in range(n_seeds):
        path = folder / f"unlabelled-seed{seed}.npz"
        if not path.exists():
            raise ValueError(f"{path} is gone; remove the record of that seed to train it again.")
        with np.load(path, allow_pickle=False) as arrays:
            total, classes = total + arrays["probabilities"], arrays["classes"]
    y_pred = classes[np.argmax(total, axis=1)]
    path = folder / "submission-unlabelled.csv"
    write_submission(path, data.unlabelled.names, y_pred, classes=tuple(classes.tolist()))


def _zipped(columns, names):
    """Return the rows of some columns."""
    return zip(*(columns[name] for name in names), strict=True)


def _write_csv(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _draw(folder, results, data, variant, found, records):
    """Draw the confusion matrix of each test split, and the robustness curves."""
    if data.track != "ov":
        for test, clips in data.tests.items():
            parts = [results.predictions(run)["y_pred"] for run in found[variant, test]]
            path = _file(folder, "confusion", test, "png")
            _draw_confusion(path, data, clips.y, parts, f"{variant.name}, {test}")
    curves = [record["robustness"] for record in records[variant, next(iter(data.tests))]]
    if curves[0]:
        references = {}
        if "noisy" in data.tests:
            waf = np.mean([record["weighted_f1"] for record in records[variant, "noisy"]])
            references = {f"the noisy test clips ({waf:.3f})": float(waf)}
        _draw_robustness(folder / "robustness.png", curves, variant.name, references)


def _draw_confusion(path, data, y_true, predictions, title):
    """Draw the share of each class that was taken for each other, over all seeds."""
    from sklearn.metrics import ConfusionMatrixDisplay

    labels = [label for label in data.classes if label in y_true or label in np.unique(predictions)]
    is_true, *are_predicted = (y[:, np.newaxis] == labels for y in (y_true, *predictions))
    counts = sum(is_true.T.astype(int) @ is_predicted for is_predicted in are_predicted)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = _new_figure(1.6 + 0.9 * len(labels), 1.2 + 0.8 * len(labels))
    ax = figure.subplots()
    display = ConfusionMatrixDisplay(shares, display_labels=labels)
    display.plot(ax=ax, cmap="Blues", values_format=".2f", im_kw={"vmin": 0, "vmax": 1})
    seeds = f"{len(predictions)} seed{'s' if len(predictions) > 1 else ''}"
    ax.set_title(f"{title}\nshare of the true class, {seeds}", fontsize="small")
    _save(figure, path)


def _draw_robustness(path, curves, name, references):
    from lstmfcn.emotion.robustness import CORRUPTIONS
    from lstmfcn.plots.robustness import RobustnessDisplay

    kinds = list(curves[0])
    figure = _new_figure(5 * len(kinds), 4)
    for ax, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        scores = {name: [curve[kind]["scores"] for curve in curves]}
        RobustnessDisplay(
            curves[0][kind]["levels"],
            scores,
            corruption=CORRUPTIONS[kind],
            references=references if kind == "noise" else None,
        ).plot(ax)
    _save(figure, path)


def _draw_attention(folder, data, classifier):
    """Draw where the first seed's classifier looks in two clips of each class."""
    clips = next(iter(data.tests.values()))
    said = classifier.predict(clips.X)
    y = said if clips.y is None else clips.y
    known = [label for label in data.classes if label in classifier.classes_ and label in y]
    rows = [np.flatnonzero(y == label)[:N_EXAMPLES] for label in known[:MOST_CLASSES]]
    chosen = np.concatenate(rows)
    several = isinstance(clips.X, dict)
    X = take_rows(clips.X, chosen)
    for feature, attention in _attention(innermost(classifier), X, data).items():
        series = X[feature] if several else X
        attention = _over_frames(attention, series)
        if attention is None:
            continue
        titles = [
            f"{clips.names[i]}: {'' if y is said else f'{y[i]}, '}predicted {said[i]}"
            for i in chosen
        ]
        path = folder / f"attention{f'-{feature}' if several else ''}.png"
        _draw_maps(path, series, attention, titles, feature)


def _attention(classifier, X, data):
    """Return feature set -> attention over time of each clip; empty where there is none."""
    if hasattr(classifier, "attention_map"):
        return {data.features[0]: classifier.attention_map(X)}
    try:
        return classifier.attention_maps(X)
    except AttributeError:  # networks without attention, or none of this package
        return {}


def _over_frames(attention, series):
    """Return each clip's attention without its padding, or None if it is not over its frames."""
    lengths = [clip.shape[1] for clip in series]
    equal = isinstance(series, np.ndarray)
    if max(lengths) < 2 or (equal and lengths[0] != attention.shape[1]):
        return None  # a vector per utterance has no time, and early fusion a time of its own
    rows = [row[:length] for row, length in zip(attention, lengths, strict=True)]
    is_all = all(row.sum() > 1 - 1e-3 for row in rows)
    return rows if is_all else None


def _draw_maps(path, series, attention, titles, feature):
    from lstmfcn.plots.drawing import MapScale

    n_rows = -(-len(series) // N_EXAMPLES)
    figure = _new_figure(10, 0.8 + 1.5 * n_rows)
    axes = figure.subplots(n_rows, N_EXAMPLES, squeeze=False, sharex=True)
    scale = MapScale(list(attention))
    for ax in axes.ravel()[len(series) :]:
        ax.set_visible(False)
    for ax, clip, relevance, title in zip(axes.ravel(), series, attention, titles, strict=False):
        # Over features: (n_timepoints,). Of a clip longer than any in training the end was cut.
        size = np.sqrt(np.square(clip[:, : len(relevance)]).mean(axis=0))
        scale.draw(ax, size[np.newaxis], relevance)
        if len(size) == 1:  # a line of one point is not to be seen
            ax.plot(size, "o", color=scale.mappable().to_rgba(relevance[0]))
        ax.set_title(title, fontsize="small")
    for ax in axes[-1]:
        ax.set_xlabel("timepoint")
    figure.supylabel(f"root mean square of {feature}, standardised", fontsize="small")
    scale.add_colorbar(figure, axes, "attention")
    _save(figure, path)


def _new_figure(width, height):
    from lstmfcn.plots.drawing import new_figure

    return new_figure(width, height)


def _save(figure, path):
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)


def _write_page(results, out):
    from lstmfcn.report import write_report

    metric = "weighted_f1"
    if all(record.get(metric) is None for record in results.records()):
        metric = "accuracy"
    write_report(results, out / "report.html", metric=metric, title="Emotion recognition")
