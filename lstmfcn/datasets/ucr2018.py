"""What are the 128 datasets of the UCR archive of 2018 called, and how large are they?"""

import difflib
import functools
import re
from dataclasses import dataclass

from lstmfcn.datasets.parsing import short
from lstmfcn.files import packaged_rows


@dataclass(frozen=True)
class DatasetSummary:
    """Size and origin of one UCR dataset.

    Attributes
    ----------
    name, kind : str
        As in the archive of 2018; what was measured: "ecg", "sensor", "image", ...
    n_train, n_test, n_classes : int
    n_timepoints : int or None
        None where the series have different lengths.

    See Also
    --------
    ucr_summary : The summaries of all datasets.
    """

    name: str
    n_train: int
    n_test: int
    n_timepoints: int | None
    n_classes: int
    kind: str


@functools.cache
def ucr_summary():
    """Return the sizes of the 128 datasets, by the summary table of the archive (Dau et al., 2019).

    Returns
    -------
    dict of str to DatasetSummary

    See Also
    --------
    load_ucr : The series of a dataset.

    Examples
    --------
    >>> from lstmfcn.datasets import ucr_summary
    >>> len(ucr_summary()), ucr_summary()["GunPoint"].n_timepoints
    (128, 150)
    """
    return {
        row["dataset"]: DatasetSummary(
            row["dataset"],
            int(row["n_train"]),
            int(row["n_test"]),
            int(row["n_timepoints"]) if row["n_timepoints"].isdigit() else None,
            int(row["n_classes"]),
            row["type"],
        )
        for row in packaged_rows("lstmfcn.datasets", "ucr2018-summary.csv")
    }


def canonical_name(name):
    """Return the 2018 name of a UCR dataset.

    Case, spaces, underscores, hyphens and brackets do not matter. Names of the 2015 archive and of
    papers are known. So tables of published results can be joined on the result.

    Parameters
    ----------
    name : str
        A name as an archive or a paper prints it, such as "Gun_Point" or "Face (all)".

    Returns
    -------
    str
        The folder name in UCRArchive_2018.

    See Also
    --------
    list_ucr : The names of the datasets in an archive.

    Examples
    --------
    >>> from lstmfcn.datasets import canonical_name
    >>> canonical_name("synthetic_control"), canonical_name("SonyAIBORobot SurfaceII")
    ('SyntheticControl', 'SonyAIBORobotSurface2')
    """
    check_name(name)
    try:
        return _BY_KEY[name_key(name)]
    except KeyError:
        raise ValueError(
            f"{short(name)} is not a dataset of the UCR 2018 archive; "
            f"{nearest(name, UCR_2018_NAMES)}."
        ) from None


def check_name(name):
    """Raise TypeError unless `name` is a string."""
    if not isinstance(name, str):
        raise TypeError(
            f"name must be a dataset's name, such as 'GunPoint', but it is {type(name).__name__}; "
            "pass a string."
        )


def name_key(name):
    """Return the name in lower case with everything but letters and digits removed."""
    return re.sub(r"[\W_]", "", name.lower())


def nearest(name, names):
    """Return half a sentence with up to three of `names`, those most similar to `name`."""
    by_key = {name_key(candidate): candidate for candidate in names}
    found = [by_key[key] for key in difflib.get_close_matches(name_key(name), by_key, n=3)]
    if not found:
        return "no name there is near it"
    if len(found) == 1:
        return f"the nearest name is {found[0]}"
    return f"the nearest names are {', '.join(found[:-1])} and {found[-1]}"


# The folder names of UCRArchive_2018. The table that comes with the archive spells three of them
# differently (CinCECGtorso, StarlightCurves, MixedShapes); ours has the folders' names.
UCR_2018_NAMES = tuple(sorted(ucr_summary()))
_BY_KEY = {name_key(name): name for name in UCR_2018_NAMES}
# Names of the 2015 archive and of papers that differ by more than case and punctuation.
for _row in packaged_rows("lstmfcn.datasets", "ucr2018-old-names.csv"):
    _BY_KEY[name_key(_row["old_name"])] = _row["dataset"]
