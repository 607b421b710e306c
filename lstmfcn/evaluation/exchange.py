"""How do records become files that the field's other tools read, and the other way round?

The format is that of tsml, which aeon and tsml-eval share: one CSV file per run at
``MODEL/Predictions/DATASET/testResample0.csv``. Three lines say what was run, with which
parameters, and how it went; then comes one line per test case: true class, predicted class, an
empty field, and a probability per class. Classes are numbered from 0.
"""

import ast
import re
from pathlib import Path
from reprlib import repr as brief

import numpy as np

from lstmfcn.atomic import atomic_path
from lstmfcn.datasets import ucr_summary
from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.evaluation.records import check_model_name, read_text, to_file_name
from lstmfcn.evaluation.results import Run

__all__ = ["export_tsml", "import_tsml"]

FILE = re.compile(r"testResample(\d+)\.csv")
SECONDS = {"SECONDS": 1.0, "MILLISECONDS": 1e-3, "MICROSECONDS": 1e-6, "NANOSECONDS": 1e-9}
ENCODER = "Encoder dictionary: "
MOST_CLASSES = 100_000
MOST_NAMED = 5  # runs that could not be written


def export_tsml(results, folder, *, seed=0):
    """Write the runs of one seed in the format of tsml.

    A classifier that gave no probabilities gets 1 for the class it predicted, as is the format's
    custom.

    Parameters
    ----------
    results : Results
    folder : str or path-like
    seed : int, default=0
        The format has no place for several seeds.

    Returns
    -------
    int
        How many files were written.

    Raises
    ------
    ValueError
        If no run has the seed, or if some could not be written: the others are.

    References
    ----------
    Middlehurst et al., "aeon: a Python toolkit for learning from time series", 2024,
    arXiv:2406.14231; the results files of timeseriesclassification.com.

    Examples
    --------
    >>> import tempfile
    >>> from lstmfcn.evaluation import Results, Run, export_tsml, import_tsml
    >>> ours = Results(tempfile.mkdtemp())
    >>> truth = {"y_true": [1, 2], "y_pred": [1, 1], "classes": [1, 2]}
    >>> ours.register("FCN", {"target": "FCNClassifier", "parameters": {}})
    >>> ours.write(Run("GunPoint", "FCN"), {"fit_seconds": 3.5}, truth)
    >>> folder, theirs = tempfile.mkdtemp(), Results(tempfile.mkdtemp())
    >>> export_tsml(ours, folder), import_tsml(folder, theirs)
    (1, 1)
    >>> theirs.records()[0]["accuracy"], theirs.records()[0]["fit_seconds"]
    (0.5, 3.5)
    """
    runs = sorted(run for run in results.finished() if run.seed == seed)
    if not runs:
        raise ValueError(f"{results.folder} has no finished runs with seed {seed}.")
    left_out = []
    for run in runs:
        try:
            lines = list(_lines(run, results.record(run), results.predictions(run)))
        except ValueError as error:
            left_out.append(str(error).rstrip("."))
            continue
        path = Path(folder) / run.model / "Predictions" / _file_name(run.dataset)
        path.mkdir(parents=True, exist_ok=True)
        with atomic_path(path / f"testResample{run.resample}.csv") as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if left_out:
        more = f"; and {len(left_out) - MOST_NAMED} more" if len(left_out) > MOST_NAMED else ""
        raise ValueError(
            f"{len(runs) - len(left_out)} of {len(runs)} runs were written, but not these: "
            f"{'; '.join(left_out[:MOST_NAMED])}{more}."
        )
    return len(runs)


def import_tsml(folder, results):
    """Add results in the format of tsml to ours, as runs of seed 0.

    Resample 0 is the archive's split for everybody. Other resamples are drawn by everybody's own
    rule: those of others have the sizes of ours, not the same cases.

    Parameters
    ----------
    folder : str or path-like
        It holds ``MODEL/Predictions/DATASET/testResample0.csv``.
    results : Results
        Models must not have runs there under the same name.

    Returns
    -------
    int
        How many runs were added. Those that are there already are left as they are.

    Raises
    ------
    ValueError
        If there are no such files, or one is damaged; nothing is added then.

    Examples
    --------
    See :func:`export_tsml`.
    """
    files = {}
    for path in sorted(Path(folder).glob("*/Predictions/*/testResample*.csv")):
        match = FILE.fullmatch(path.name)
        if match:
            model, _, dataset, _ = path.relative_to(folder).parts
            files[Run(dataset, model, 0, int(match[1]))] = path
    if not files:
        raise ValueError(
            f"{folder} has no results in tsml's format, "
            "MODEL/Predictions/DATASET/testResample0.csv."
        )
    for run in files:
        check_model_name(run.model)
        to_file_name(run.dataset)
    read = {run: _read(path) for run, path in files.items()}
    for model in dict.fromkeys(run.model for run in read):
        results.register(model, {"target": "results in tsml's format", "parameters": {}})
    finished = results.finished()
    new = [run for run in read if run not in finished]
    for run in new:
        results.write(run, *read[run])
    return len(new)


def _file_name(dataset):
    return re.sub(r"[^\w.+-]", "_", dataset)


def _lines(run, record, predictions):
    """Yield the lines of a file."""
    if not {"y_true", "y_pred", "classes"} <= predictions.keys():
        raise ValueError(f"the predictions of {run} do not say which classes there are")
    y_true, y_pred = predictions["y_true"], predictions["y_pred"]
    labels = list(predictions["classes"])
    probabilities = predictions.get("probabilities")
    if probabilities is None:
        probabilities = (y_pred[:, None] == predictions["classes"]).astype(float)
        unsure = " Probabilities: none given, 1 for the predicted class."
    else:
        unsure = ""
    seen = np.unique(np.concatenate([y_true, y_pred]))
    unseen = [label for label in seen if label not in labels]
    labels += unseen
    probabilities = np.pad(probabilities, ((0, 0), (0, len(unseen))))
    codes = {label: code for code, label in enumerate(labels)}
    plain = {label.item() if hasattr(label, "item") else label: i for label, i in codes.items()}
    head = f"{_file_name(run.dataset)},{run.model},TEST,{run.resample},NANOSECONDS"
    yield f"{head},Generated by lstmfcn.{unsure} {ENCODER}{plain}"
    yield " ".join(str(record.get("parameters", "No parameter info")).splitlines())
    accuracy = np.mean(y_true == y_pred)
    seconds = [record.get("fit_seconds"), record.get("predict_seconds")]
    fit, predict = ("-1" if s is None else f"{s * 1e9:.0f}" for s in seconds)
    memory = record.get("peak_memory_bytes")
    yield f"{accuracy},{fit},{predict},-1,{-1 if memory is None else memory},{len(labels)},,-1,-1"
    for true, predicted, row in zip(y_true, y_pred, probabilities, strict=True):
        yield f"{codes[true]},{codes[predicted]},,{','.join(map(repr, map(float, row)))}"


def _read(path):
    """Return record and predictions of a file."""
    try:
        return _parse(read_text(path).splitlines())
    except ValueError as error:
        raise ValueError(f"{path} is no results file in tsml's format: {error}") from None


def _parse(lines):
    if len(lines) < 4:
        raise ValueError(f"it has {len(lines)} lines, of which the test cases start at the fourth.")
    dataset, _, _, _, unit, *comment = _fields(lines, 1, 5)
    fields = _fields(lines, 3, 6)
    accuracy, fit, predict, n_classes = (_number(fields[i], 3) for i in (0, 1, 2, 5))
    if not 1 <= n_classes <= MOST_CLASSES:
        raise ValueError(f"line 3 says {n_classes:g} classes.")
    n_classes = int(n_classes)
    has_probabilities = len(lines[3].split(",")) > 2
    fewest = 3 + n_classes if has_probabilities else 2
    cases = []
    for number in range(4, len(lines) + 1):
        true, predicted, *rest = _fields(lines, number, fewest)
        row = rest[1 : 1 + n_classes] if has_probabilities else []
        cases.append([_number(field, number) for field in (true, predicted, *row)])
    cases = np.array(cases)
    codes = cases[:, :2]
    if codes.min() < 0 or codes.max() >= n_classes:
        raise ValueError(f"it has classes from {codes.min():g} to {codes.max():g} of {n_classes}.")
    codes = codes.astype(int)
    classes = _classes(",".join(comment), n_classes)
    predictions = {
        "y_true": classes[codes[:, 0]],
        "y_pred": classes[codes[:, 1]],
        "classes": classes,
    }
    if has_probabilities:
        predictions["probabilities"] = cases[:, 2:]
    metrics = classification_metrics(**predictions)
    if not np.isclose(metrics["accuracy"], accuracy, atol=1e-6):
        raise ValueError(f"it says accuracy {accuracy:g}, its cases give {metrics['accuracy']}.")
    to_seconds = SECONDS.get(unit.strip().upper())
    known = ucr_summary().get(dataset)
    record = {
        **metrics,
        "fit_seconds": _seconds(fit, to_seconds),
        "predict_seconds": _seconds(predict, to_seconds),
        "n_train": known.n_train if known else None,
        "n_test": len(cases),
        "n_classes": n_classes,
        "parameters": lines[1],
        "began": None,
    }
    return record, predictions


def _fields(lines, number, fewest):
    """Return the fields of a line, counted from 1."""
    fields = lines[number - 1].split(",")
    if len(fields) < fewest:
        raise ValueError(f"line {number} has {len(fields)} fields of {fewest}.")
    return fields


def _number(text, number):
    """Return a finite number of a line, counted from 1."""
    try:
        value = float(text)
    except ValueError:
        value = np.inf
    if not np.isfinite(value):
        raise ValueError(f"line {number} has {brief(text)}, where a finite number belongs.")
    return value


def _classes(comment, n_classes):
    """Return the label of each code: from the encoder's dictionary, else the codes."""
    _, found, dictionary = comment.partition(ENCODER)
    try:
        codes = ast.literal_eval(dictionary.strip()) if found else {}
        labels = [label for label, _ in sorted(codes.items(), key=lambda item: item[1])]
        if sorted(codes.values()) == list(range(n_classes)) and all(
            isinstance(label, (str, int, float)) for label in labels
        ):
            return np.array(labels)
    except (ValueError, SyntaxError, AttributeError, TypeError, RecursionError, MemoryError):
        pass
    return np.arange(n_classes)


def _seconds(value, factor):
    """Return a duration in seconds, None where it is unknown (-1)."""
    return None if value < 0 or factor is None else value * factor
