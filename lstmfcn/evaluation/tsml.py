"""How are results written and read in the format of tsml, aeon and tsml-eval?

The format has one CSV file per run at
``MODEL/Predictions/DATASET/testResample0.csv``. Three lines hold the run, its parameters and its
scores. Each other line is a test case: true class, predicted class, an empty field, and a
probability per class. Classes are numbered from 0.
"""

import ast
import re
from pathlib import Path
from reprlib import repr as brief

import numpy as np

from lstmfcn.datasets import ucr_summary
from lstmfcn.evaluation.metrics import classification_metrics
from lstmfcn.evaluation.records import OF_TSML, Run, check_model_name, to_file_name
from lstmfcn.files import atomic_path
from lstmfcn.untrusted import listed, read_text

FILE = re.compile(r"testResample(\d+)\.csv")
SECONDS = {"SECONDS": 1.0, "MILLISECONDS": 1e-3, "MICROSECONDS": 1e-6, "NANOSECONDS": 1e-9}
ENCODER = "Encoder dictionary: "
NO_PROBABILITIES = "Probabilities: none given"
MOST_CLASSES = 100_000
MOST_NAMED = 5  # runs that could not be written


def export_tsml(results, folder, *, seed=0):
    """Write the runs of one seed in the format of tsml.

    If a run has no probabilities, the predicted class gets 1, as is usual in the format.

    Parameters
    ----------
    results : Results
    folder : str or path-like
    seed : int, default=0
        The runs to write; the format has no place for several seeds.

    Returns
    -------
    int
        Number of files written. If some runs cannot be written, the remaining runs are written, and
        a ValueError lists the failed runs.

    See Also
    --------
    import_tsml

    References
    ----------
    Middlehurst et al., "aeon: a Python toolkit for learning from time series", 2024,
    arXiv:2406.14231; the results files of timeseriesclassification.com.

    Examples
    --------
    >>> import tempfile
    >>> from lstmfcn.evaluation import Results, Run, export_tsml, import_tsml
    >>> ours = Results(tempfile.mkdtemp())
    >>> predictions = {"y_true": [1, 2], "y_pred": [1, 1], "classes": [1, 2]}
    >>> ours.write(Run("GunPoint", "FCN"), {"fit_seconds": 3.5}, predictions)
    >>> folder, theirs = tempfile.mkdtemp(), Results(tempfile.mkdtemp())
    >>> export_tsml(ours, folder), import_tsml(folder, theirs), theirs.records()[0]["accuracy"]
    (1, 1, 0.5)
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
        raise ValueError(
            f"{len(runs) - len(left_out)} of {len(runs)} runs were written, but not these:"
            + listed(left_out, MOST_NAMED, lines=True)
        )
    return len(runs)


def import_tsml(folder, results):
    """Add results in the format of tsml to a folder of results, as runs of seed 0.

    Resample 0 is the archive's split in every toolkit. Each toolkit draws further resamples by a
    rule of its own: they have the same sizes as here, but not the same cases.

    Parameters
    ----------
    folder : str or path-like
        It holds ``MODEL/Predictions/DATASET/testResample0.csv``.
    results : Results
        The folder to add to; it must not have runs of models with the same names.

    Returns
    -------
    int
        Number of runs added. Runs that the folder already has stay as they are. If a file is
        damaged, nothing is added.

    See Also
    --------
    export_tsml : with an example.
    """
    files = {}
    for path in sorted(Path(folder).glob("*/Predictions/*/testResample*.csv")):
        if match := FILE.fullmatch(path.name):
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
    found = {run: _read(path) for run, path in files.items()}
    for model in dict.fromkeys(run.model for run in found):
        results.register(model, OF_TSML)
    new = found.keys() - results.finished()
    for run in new:
        results.write(run, *found[run])
    return len(new)


def _file_name(dataset):
    return re.sub(r"[^\w.+-]", "_", dataset)


def _lines(run, record, predictions):
    """Yield the lines of a file."""
    if not {"y_true", "y_pred", "classes"} <= predictions.keys():
        raise ValueError(f"the predictions of {run} do not say which classes there are")
    y_true, y_pred, classes = (predictions[name] for name in ("y_true", "y_pred", "classes"))
    probabilities, unsure = predictions.get("probabilities"), ""
    if probabilities is None:
        probabilities = (y_pred[:, None] == classes).astype(float)
        unsure = f" {NO_PROBABILITIES}, 1 for the predicted class."
    unseen = np.setdiff1d(np.concatenate([y_true, y_pred]), classes)
    probabilities = np.pad(probabilities, ((0, 0), (0, len(unseen))))
    codes = {label: code for code, label in enumerate([*classes.tolist(), *unseen.tolist()])}
    head = f"{_file_name(run.dataset)},{run.model},TEST,{run.resample},NANOSECONDS"
    yield f"{head},Generated by lstmfcn.{unsure} {ENCODER}{codes}"
    yield " ".join(str(record.get("parameters", "No parameter info")).splitlines())
    accuracy = np.mean(y_true == y_pred)
    seconds = [record.get("fit_seconds"), record.get("predict_seconds")]
    fit, predict = ("-1" if s is None else f"{s * 1e9:.0f}" for s in seconds)
    memory = record.get("peak_memory_bytes")
    yield f"{accuracy},{fit},{predict},-1,{-1 if memory is None else memory},{len(codes)},,-1,-1"
    for true, predicted, row in zip(y_true, y_pred, probabilities, strict=True):
        yield f"{codes[true]},{codes[predicted]},,{','.join(map(repr, map(float, row)))}"


def _read(path):
    """Return the record and the predictions of a file."""
    try:
        return _parse(read_text(path).splitlines())
    except ValueError as error:
        reason = str(error).rstrip(".")
        raise ValueError(f"{path} is not a results file in tsml's format: {reason}.") from None


def _parse(lines):
    if len(lines) < 4:
        raise ValueError(f"it has {len(lines)} lines; test cases start at the fourth.")
    dataset, _, _, _, unit, *comment = _fields(lines, 1, 5)
    fields = _fields(lines, 3, 6)
    accuracy, fit, predict, n_classes = (_number(fields[i], 3) for i in (0, 1, 2, 5))
    if not 1 <= n_classes <= MOST_CLASSES:
        raise ValueError(f"line 3 says {n_classes:g} classes.")
    n_classes = int(n_classes)
    has_probabilities = len(lines[3].split(",")) > 2 and NO_PROBABILITIES not in ",".join(comment)
    used = [0, 1, *range(3, 3 + n_classes if has_probabilities else 3)]
    cases = []
    for number in range(4, len(lines) + 1):
        fields = _fields(lines, number, used[-1] + 1)
        cases.append([_number(fields[i], number) for i in used])
    cases = np.array(cases)
    codes = cases[:, :2]
    if codes.min() < 0 or codes.max() >= n_classes:
        raise ValueError(f"it has classes from {codes.min():g} to {codes.max():g} of {n_classes}.")
    classes = _classes(",".join(comment), n_classes)
    y_true, y_pred = classes[codes.astype(int)].T
    predictions = {"y_true": y_true, "y_pred": y_pred, "classes": classes}
    if has_probabilities:
        predictions["probabilities"] = cases[:, 2:]
    metrics = classification_metrics(**predictions)
    if not np.isclose(metrics["accuracy"], accuracy, atol=1e-6):
        raise ValueError(f"it says accuracy {accuracy:g}, its cases give {metrics['accuracy']}.")
    to_seconds = SECONDS.get(unit.strip().upper())
    fit, predict = (None if s < 0 or to_seconds is None else s * to_seconds for s in (fit, predict))
    known = ucr_summary().get(dataset)
    record = {
        **metrics,
        "fit_seconds": fit,
        "predict_seconds": predict,
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
        raise ValueError(f"line {number} has {len(fields)} fields; expected at least {fewest}.")
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
        labels = sorted(codes, key=codes.get)
        if sorted(codes.values()) == list(range(n_classes)) and all(
            isinstance(label, (str, int, float)) for label in labels
        ):
            return np.array(labels)
    except (ValueError, SyntaxError, AttributeError, TypeError, RecursionError, MemoryError):
        pass
    return np.arange(n_classes)
