"""How do contents and pictures become one HTML file?"""

import html
import json
import pkgutil
from importlib.resources import files

from lstmfcn import __version__
from lstmfcn.evaluation import METRICS, with_published
from lstmfcn.evaluation.experiment import digest
from lstmfcn.files import atomic_path, check_writable
from lstmfcn.progress import tqdm
from lstmfcn.report.contents import read_contents
from lstmfcn.report.pictures import compare_pictures, model_pictures, sweep_pictures


def write_report(
    results,
    path,
    *,
    metric="accuracy",
    published=(),
    title="Benchmark results",
    load_split=None,
    load_model="lstmfcn:load",
    verbose=0,
):
    """Write the report of a sweep: one HTML file that needs no other file and no network.

    Parameters
    ----------
    results : Results
    path : str or path-like
        Of the file; an old one is replaced.
    metric : str, default="accuracy"
        Of the ranks and pictures, one of :data:`lstmfcn.evaluation.METRICS`.
    published : sequence of str, default=()
        Methods to put beside ours; see :func:`lstmfcn.evaluation.published_accuracy`.
    title : str, default="Benchmark results"
    load_split : callable, optional
        From a dataset's name to (X_train, y_train, X_test, y_test). With it, learning curves and
        maps are drawn for the models that the sweep kept, on the archive's own test split.
    load_model : callable or str, default="lstmfcn:load"
        From the path of a kept model to the fitted classifier; a str is "module:function".
    verbose : int, default=0
        1: a progress bar.

    Raises
    ------
    ValueError
        If there are no results, or none with the metric.
    OSError
        If the file cannot be written.

    See Also
    --------
    lstmfcn.evaluation.sweep : Makes the results.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.evaluation import Model, Results, sweep
    >>> from lstmfcn.report import write_report
    >>> nearest = Model("1-NN", "sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": 1})
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = sweep(["GunPoint"], [nearest], folder, verbose=0)
    >>> write_report(Results(folder), folder / "report.html")
    >>> "GunPoint" in (folder / "report.html").read_text(encoding="utf-8")
    True
    """
    if metric not in METRICS:
        raise ValueError(f"metric={metric!r} is unknown; choose one of {', '.join(METRICS)}.")
    check_writable(path)
    records, damaged = results.read()
    contents = read_contents(results, records, metric, published, damaged)
    contents["version"] = __version__
    contents["pictures"] = sweep_pictures(records, metric)
    if published:
        table, _ = with_published(records, published)
        contents["published"]["pictures"] = compare_pictures(table)
    drawn = _dataset_pictures(results, load_split, load_model, verbose) if load_split else ({}, {})
    contents["dataset_pictures"], contents["dataset_notes"] = drawn
    with atomic_path(path) as temporary:
        temporary.write_text(_fill(contents, title), encoding="utf-8")


def _dataset_pictures(results, load_split, load_model, verbose):
    """Return dataset -> model -> pictures of the first model kept, and dataset -> why not."""
    if isinstance(load_model, str):
        load_model = pkgutil.resolve_name(load_model)
    first = {}
    for run, path in sorted(results.kept_models().items(), key=lambda item: item[0].seed):
        if run.resample == 0:
            first.setdefault(run.dataset, {}).setdefault(run.model, (run, path))
    pictures, notes = {}, {}
    with tqdm(sorted(first.items()), disable=not verbose, unit="dataset", desc="report") as bar:
        for dataset, paths in bar:
            try:
                split = load_split(dataset)
                known = {results.record(run).get("data") for run, _ in paths.values()} - {None}
                if known - {digest(split)}:
                    raise ValueError("These are not the series and labels of the sweep.")
                _, _, X_test, y_test = split
                pictures[dataset] = {
                    model: model_pictures(load_model(path), X_test, y_test)
                    for model, (_, path) in paths.items()
                }
            except (OSError, ValueError) as error:  # another archive, a damaged file
                notes[dataset] = str(error)
    return pictures, notes


def _fill(contents, title):
    """Return the page as text."""
    here = files("lstmfcn.report")
    # No text in the data may end the script that holds the data.
    data = json.dumps(contents, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    page = here.joinpath("page.html").read_text(encoding="utf-8")
    for place, text in (
        ("@STYLE@", here.joinpath("page.css").read_text(encoding="utf-8")),
        ("@SCRIPT@", here.joinpath("page.js").read_text(encoding="utf-8")),
        ("@TITLE@", html.escape(title)),
        ("@CONTENTS@", data),  # last: places within the data are not filled
    ):
        page = page.replace(place, text)
    return page
