"""What did the model answer for each sample, and what would have been right? Files to answers."""

import csv
import functools
import math
import re
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from lstmfcn.datasets.parsing import csv_rows
from lstmfcn.emotion.zero_shot.tasks import ZeroShotTask, zero_shot_task
from lstmfcn.outside import shown

__all__ = [
    "ZeroShotAnswers",
    "answers_from_counts",
    "load_zero_shot",
    "read_csv",
    "read_text",
    "read_zero_shot",
    "sample_name",
]

MEDIA = re.compile(r"\.(jpe?g|png|tif|avi|mp4)$", re.IGNORECASE)
OUT_OF_VOCABULARY = "(out of vocabulary)"  # what counts say of such an answer


@dataclass(frozen=True)
class ZeroShotAnswers:
    """A model's answers to the samples of one dataset, without training on it.

    Attributes
    ----------
    task : ZeroShotTask
    variant : str
    names : list of str
        All samples of the label file, in its order; see :func:`sample_name`.
    y_true : ndarray of shape (n_samples,)
        Their labels as the label file spells them, or intensities (float).
    ranked : list of tuple of str
        What was answered for each sample, best first; ``()`` where there is no answer.
    source : {"csv", "counts"}
        With ``"counts"`` the names are made up.
    """

    task: ZeroShotTask
    variant: str
    names: list
    y_true: np.ndarray
    ranked: list
    source: str = "csv"

    @property
    def missing(self):
        """Names of the samples without an answer: refused, unreadable or never received."""
        return [name for name, answer in zip(self.names, self.ranked, strict=True) if not answer]

    @property
    def out_of_vocabulary(self):
        """Names of the samples whose best-ranked answer was not offered."""
        return [
            name
            for name, answer in zip(self.names, self.ranked, strict=True)
            if answer and self.task.predicted_class(answer[0]) is None
        ]


def sample_name(name):
    """Return a sample's name without its folder and the ending of a media file.

    The label files and the answers of several datasets differ in these.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot.files import sample_name
    >>> sample_name("EP02_01f-59.jpg"), sample_name("10/77e3.JPG"), sample_name("tStelxIAHjw_16")
    ('EP02_01f-59', '77e3', 'tStelxIAHjw_16')
    """
    return MEDIA.sub("", re.split(r"[/\\]", str(name).strip())[-1])


def load_zero_shot(root, dataset, variant=None, *, task=None):
    """Load the answers to one dataset from a folder in the layout of GPT-4V's released answers.

    Parameters
    ----------
    root : str or path-like
        Folder with a folder for each dataset: ``cmumosi/label.csv`` with all samples and
        ``cmumosi/label-gpt4v-multi.csv`` with the answered ones, columns ``name,gt,gpt4v``.
    dataset : str
        See :func:`lstmfcn.emotion.zero_shot.tasks.zero_shot_task`; or another folder in ``root``.
    variant : str, optional
        ``"multi"``, say, or the name of its file; by default the published one.
    task : ZeroShotTask, optional
        Of a dataset that is not one of the 19; by default its vocabulary is the labels of its
        label file, and its rule ``"keep"``.

    Returns
    -------
    ZeroShotAnswers

    Raises
    ------
    ValueError
        If there is no such dataset or variant, or a file is not what it should be.
    OSError
        If a file is not there.

    References
    ----------
    See :mod:`lstmfcn.emotion.zero_shot.tasks`. The files have no licence and do not come with this
    package; :func:`answers_from_counts` needs none.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion.zero_shot import load_zero_shot
    >>> with tempfile.TemporaryDirectory() as root:
    ...     folder = Path(root) / "twitter2"
    ...     folder.mkdir()
    ...     _ = (folder / "label.csv").write_text(
    ...         "name,gt,gpt4v\\n1.jpg,positive,\\n2.jpg,negative,\\n"
    ...     )
    ...     _ = (folder / "label-gpt4v.csv").write_text(
    ...         'name,gt,gpt4v\\n2.jpg,negative,"positive,negative"\\n'
    ...     )
    ...     answers = load_zero_shot(root, "twitter2")
    >>> answers.names, answers.ranked, answers.missing
    (['1', '2'], [(), ('positive', 'negative')], ['1'])
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(
            f"{root} is no folder; give the one that holds a folder for each dataset."
        )
    if task is None:
        task = _find_task(root, dataset)
    variant = task.variant(variant)
    answers, labels = (root / task.name / file for file in task.files(variant))
    return read_zero_shot(answers, labels, task, variant)


def read_zero_shot(answers, labels, task, variant=""):
    """Read a CSV file of answers, and the one of all samples.

    Parameters
    ----------
    answers : str or path-like
        Columns ``name,gt,gpt4v``: sample, true label, labels ranked by the model, best first,
        joined by commas. An empty cell is no answer.
    labels : str or path-like, or None
        Columns ``name,gt``, all samples. Without it those without an answer are not known.
    task : ZeroShotTask
    variant : str, default=""

    Returns
    -------
    ZeroShotAnswers

    Raises
    ------
    ValueError
        If columns, rows or labels are missing, twice there, of no class, or the files disagree.
    OSError
        If a file is not there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion.zero_shot.files import read_zero_shot
    >>> from lstmfcn.emotion.zero_shot.tasks import ZeroShotTask
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "answers.csv"
    ...     _ = file.write_text("name,gt,gpt4v\\na.png,happy,sad\\nb.png,sad,bored\\n")
    ...     answers = read_zero_shot(file, None, ZeroShotTask("mine", ("happy", "sad")))
    >>> answers.ranked, answers.out_of_vocabulary
    ([('sad',), ('bored',)], ['b'])
    """
    answered = _read(answers, ("name", "gt", "gpt4v"), task)
    known = answered if labels is None else _read(labels, ("name", "gt"), task)
    for name, row in answered.items():
        if name not in known:
            raise ValueError(
                f"{answers}: {row['name']!r} is not in {labels}; give the label file of the same "
                "dataset and variant."
            )
        truth = task.true_class(known[name]["gt"])
        if task.true_class(row["gt"]) != truth:
            raise ValueError(
                f"{answers} says that {row['name']!r} is {row['gt']}, and {labels} that it is "
                f"{known[name]['gt']}; give files of the same release."
            )
    return ZeroShotAnswers(
        task,
        variant,
        list(known),
        np.array([row["gt"] for row in known.values()]),
        [_ranked(answered[name]["gpt4v"]) if name in answered else () for name in known],
    )


def answers_from_counts(dataset, variant=None):
    """Return answers that are counted as the released ones are, where their files are not at hand.

    Parameters
    ----------
    dataset, variant
        As in :func:`load_zero_shot`; one of the 19 datasets.

    Returns
    -------
    ZeroShotAnswers
        Best-ranked answers alone, names made up, and of intensities the sign alone, without those
        that are zero.

    References
    ----------
    Counts of the answers released with Lian et al., see :mod:`lstmfcn.emotion.zero_shot.tasks`.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot import answers_from_counts, score_zero_shot
    >>> score = score_zero_shot(answers_from_counts("SAMM"))
    >>> score.n_correct, score.n, round(100 * score.accuracy, 2)
    (23, 135, 17.04)
    """
    task = zero_shot_task(dataset)
    variant = task.variant(variant)
    truths, counts = zip(*_counts()[task.name, variant], strict=True)
    label = {task.predicted_class(one): one for one in reversed(task.vocabulary)}
    answers = [*((label[truth],) for truth in truths), (OUT_OF_VOCABULARY,), ()]
    cells = [
        (truth, answer, count)
        for truth, row in zip(truths, counts, strict=True)
        for answer, count in zip(answers, row, strict=True)
    ]
    spelling = {aligned: original for original, aligned in task.spelling.items()}
    if task.rule == "polarity":
        spelling = {"negative": -1.0, "positive": 1.0}
    n_samples = sum(count for _, _, count in cells)
    return ZeroShotAnswers(
        task,
        variant,
        [str(i) for i in range(n_samples)],
        np.array([spelling.get(truth, truth) for truth, _, count in cells for _ in range(count)]),
        [answer for _, answer, count in cells for _ in range(count)],
        "counts",
    )


@functools.cache
def _counts():
    """Return (dataset, variant) -> list of (class, counts of each class, of others, of none)."""
    text = files("lstmfcn.emotion.zero_shot").joinpath("matrices.csv").read_text(encoding="utf-8")
    found = {}
    for row in csv.DictReader(text.splitlines()):
        counts = [int(count) for count in row["counts"].split()]
        found.setdefault((row["dataset"], row["variant"]), []).append((row["truth"], counts))
    return found


def _find_task(root, dataset):
    """Return one of the 19 tasks, or one made of the labels in a folder."""
    try:
        return zero_shot_task(dataset)
    except ValueError:
        folder = root / str(dataset)
        if not str(dataset) or not folder.is_dir():
            raise
    labels = read_csv(folder / "label.csv", ("name", "gt"))
    vocabulary = sorted({row["gt"] for row in labels.values()})
    variants = sorted(
        path.name.removesuffix(".csv").removeprefix("label-gpt4v").removeprefix("-")
        for path in folder.glob("label-gpt4v*.csv")
    )
    return ZeroShotTask(str(dataset), vocabulary, variants=tuple(variants) or ("",))


def _ranked(cell):
    return tuple(label.strip() for label in cell.split(",") if label.strip())


def _read(path, columns, task):
    """Return name -> row, the true labels checked and intensities made numbers."""
    rows = read_csv(path, columns)
    for row in rows.values():
        if task.rule == "polarity":
            try:
                row["gt"] = float(row["gt"])
            except ValueError:
                row["gt"] = math.nan
            if not math.isfinite(row["gt"]):
                raise ValueError(
                    f"{path}: the gt of {row['name']!r} is no number, but {task.title} has "
                    "intensities; give the label as a number such as -1.6."
                )
        elif task.true_class(row["gt"]) is None:
            raise ValueError(
                f"{path}: the gt of {row['name']!r} is {row['gt']!r}; expected one of "
                f"{', '.join(task.vocabulary)}."
            )
    return rows


def read_csv(path, columns):
    """Return sample_name -> row (dict of str to str) of a CSV file with a column ``name``.

    Raises
    ------
    ValueError
        If it is no UTF-8 text, lacks a column, has no rows, ragged ones or a name twice.
    OSError
        If it is not there.
    """
    text = read_text(path, columns)
    head, *lines = [line for _, line in csv_rows(path, text)] or [[]]
    counted = Counter(head)
    if any(counted[column] != 1 for column in columns):
        raise ValueError(
            f"{path} has the columns {shown(', '.join(head)) or '(none)'}; expected "
            f"{', '.join(columns)}, each once."
        )
    rows = {}
    for number, line in enumerate(lines, start=1):
        if len(line) != len(head):
            raise ValueError(
                f"{path}: row {number} has {len(line)} cells under {len(head)} columns; put cells "
                "that hold commas in quotes."
            )
        row = dict(zip(head, line, strict=True))
        name = sample_name(row["name"])
        if not name:
            raise ValueError(f"{path}: row {number} has no name; name every sample.")
        if name in rows:
            raise ValueError(
                f"{path} has {name!r} twice ({rows[name]['name']!r} and {row['name']!r}); keep one "
                "row for each sample."
            )
        rows[name] = row
    if not rows:
        raise ValueError(f"{path} has no rows below its header; give one for each sample.")
    return rows


def read_text(path, columns):
    """Return the text of a table of these columns, which is named if the file is not there."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} does not exist; it should have the columns {', '.join(columns)}."
        ) from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is no text in UTF-8 (byte {error.start}); save it as such."
        ) from None
