"""What are the training and test split of a UCR or UEA dataset?"""

import re
from contextlib import closing

from lstmfcn.datasets.archives import find_datasets, open_archive
from lstmfcn.datasets.arrays import check_missing, to_arrays, to_labels
from lstmfcn.datasets.columns import Columns
from lstmfcn.datasets.parsing import csv_rows, decode, parse_table, parse_ts, short
from lstmfcn.datasets.ucr2018 import canonical_name, check_name, name_key, nearest

# The 2018 archive documents these as equal-length sets with lost readings, so that NaN at the end
# of a series is a missing value there and not padding.
_EQUAL_LENGTH_WITH_GAPS = {
    "DodgerLoopDay",
    "DodgerLoopGame",
    "DodgerLoopWeekend",
    "MelbournePedestrian",
}


def load_ucr(name, archive=None, *, password=None, missing="error"):
    """Load the default training and test split of one dataset.

    The archive is read where it lies, a zip without unpacking it. Nothing downloads by itself.

    Parameters
    ----------
    name : str
        The dataset, such as "GunPoint". Case and punctuation do not matter, and names of the
        2015 archive and of papers are known ("Gun_Point", "50words"); see `canonical_name`.
        Other datasets, such as the UEA ones or your own, go by their file names.
    archive : str or path, default=None
        A folder or a zip in the layout of UCRArchive_2018, `<Name>/<Name>_TRAIN.tsv` and
        `<Name>/<Name>_TEST.tsv`, with or without the folder `UCRArchive_2018` above; or the same
        with `.ts` files (sktime, aeon, timeseriesclassification.com). None means the few datasets
        that come with sktime, which is looked up but not imported.
    password : str or bytes, default=None
        The password of an encrypted zip (the original UCR zip is one; its briefing document has
        the password). Python decrypts slowly, some 2 MB of the zip per second.
    missing : {"error", "interpolate"}, default="error"
        What to do with values missing inside a series: refuse with a sentence, or fill them
        linearly from their neighbours in time (at the ends, with the nearest value). NaN after
        the last value is not missing: it is how the archive pads series of unequal length.

    Returns
    -------
    X_train, y_train, X_test, y_test
        Series as float64 arrays of shape (n_samples, n_timepoints), or (n_samples, n_channels,
        n_timepoints) if there are several channels. If any two series of the dataset differ in
        length, both splits are lists of arrays of shape (n_channels, n_timepoints_i). Labels of
        shape (n_samples,): int64 if all labels of both splits are whole numbers, else str.

    Raises
    ------
    FileNotFoundError, ImportError
        If `archive` does not exist, or is None and no sktime with its datasets is installed.
    ValueError
        If the archive has no such dataset, or a file of it is unusable. If values are infinite or
        missing within a series. If the zip is damaged, or its password is missing or wrong.

    See Also
    --------
    list_ucr : The names of the datasets in an archive.
    read_series : A file of your own.
    download_archive : The whole archive, on demand.

    References
    ----------
    H. A. Dau et al., "The UCR Time Series Archive", 2019, arXiv:1810.07758.
    A. Bagnall et al., "The UEA multivariate time series classification archive, 2018", 2018,
    arXiv:1811.00075.

    Examples
    --------
    >>> from lstmfcn.datasets import load_ucr
    >>> X_train, y_train, X_test, y_test = load_ucr("GunPoint")
    >>> X_train.shape, X_test.shape, y_train[:3]
    ((50, 150), (150, 150), array([2, 2, 1]))
    >>> X_train, y_train, _, _ = load_ucr("JapaneseVowels")  # a list: their lengths differ
    >>> len(X_train), X_train[0].shape, X_train[1].shape
    (270, (12, 20), (12, 26))
    """
    check_name(name)
    check_missing(missing)
    with closing(open_archive(archive, password)) as opened:
        dataset = _find(name, opened, bundled=archive is None)
        train, test = (_parse(path, opened.read(path)) for path in (dataset.train, dataset.test))
    X_train, X_test = to_arrays(
        dataset.name,
        [train, test],
        missing,
        splits=("training", "test"),
        padded=dataset.name not in _EQUAL_LENGTH_WITH_GAPS,
    )
    y_train, y_test = to_labels(train.labels, test.labels)
    return X_train, y_train, X_test, y_test


def list_ucr(archive=None):
    """List the datasets that `load_ucr` finds in an archive.

    Only names are read, and the header of `.ts` files: it tells a regression set (`@targetLabel
    true`), which is left out. Nothing downloads by itself.

    Parameters
    ----------
    archive : str or path, default=None
        As in `load_ucr`.

    Returns
    -------
    list of str
        The sorted names that have both a TRAIN and a TEST file, as the files spell them.

    See Also
    --------
    load_ucr : The series of a dataset.

    Examples
    --------
    >>> from lstmfcn.datasets import list_ucr
    >>> names = list_ucr()
    >>> "ArrowHead" in names, "Adiac" in names
    (True, False)
    """
    with closing(open_archive(archive)) as opened:
        datasets, _ = find_datasets(opened.paths())
        return sorted(name for name, one in datasets.items() if not _is_regression(opened, one))


def check_ucr(names, archive=None):
    """Raise ValueError unless an archive has datasets of these names."""
    with closing(open_archive(archive)) as opened:
        for name in names:
            _find(name, opened, archive is None)


def _find(name, opened, bundled):
    """Return the `Dataset` of this name, exactly or by its 2018 name."""
    datasets, halves = find_datasets(opened.paths())
    if name in datasets:
        return datasets[name]
    by_key = {_key(candidate): candidate for candidate in datasets}
    if _key(name) and _key(name) in by_key:
        return datasets[by_key[_key(name)]]

    place = "the datasets that come with sktime" if bundled else str(opened.path)
    half = {_key(candidate): path for candidate, path in halves.items()}.get(_key(name))
    if half is not None:
        raise ValueError(
            f"{name} has {half} in {place} but not the file of the other split; expected a TRAIN "
            "and a TEST file with the same ending."
        )
    if not datasets:
        raise ValueError(
            f"{place} holds no dataset; expected <Name>/<Name>_TRAIN.tsv and "
            "<Name>/<Name>_TEST.tsv (or .ts), as in UCRArchive_2018."
        )
    if bundled:
        raise ValueError(
            f"{short(name)} is not among {place}; {nearest(name, datasets)}. For others pass "
            "archive=... with the folder or the zip of UCRArchive_2018, as `lstmfcn download ucr` "
            "brings it; nothing downloads by itself."
        )
    raise ValueError(
        f"{short(name)} is not in {place}, which has {len(datasets)}; {nearest(name, datasets)}."
    )


def _key(name):
    """Return what two spellings of one dataset have in common."""
    try:
        return name_key(canonical_name(name))
    except ValueError:
        return name_key(name)


def _parse(path, data):
    source = path.rsplit("/", 1)[-1]
    text = decode(source, data)
    if source.lower().endswith(".tsv"):
        return parse_table(source, csv_rows(source, text, "\t"), Columns(False, 0))
    parsed = parse_ts(source, text)
    if parsed.labels is None:
        raise ValueError(
            f"{source} says '@classLabel false', so it has no labels; expected class labels "
            "('@classLabel true' and the class names)."
        )
    return parsed


def _is_regression(opened, dataset):
    return dataset.train.lower().endswith(".ts") and bool(
        re.search(rb"^\s*@targetlabel\s+true", opened.head(dataset.train), re.I | re.M)
    )
