"""How are a model's answers read from files, and written to them?"""

import contextlib
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmfcn.datasets.parsing import csv_rows, decode
from lstmfcn.files import packaged_rows, write_csv
from lstmfcn.untrusted import open_file, shown
from lstmfcn.zero_shot.score.tasks import ZeroShotTask, zero_shot_task

MEDIA = re.compile(r"\.(jpe?g|png|tif|avi|mp4)$", re.IGNORECASE)
OUT_OF_VOCABULARY = "(out of vocabulary)"  # stands for such an answer in counts


@dataclass(frozen=True)
class ZeroShotAnswers:
    """A model's answers to the samples of one dataset, without training on it.

    Attributes
    ----------
    task : ZeroShotTask
    variant : str
    names : list of str
        All samples of the label file, in its order; without folders and endings of media files.
    y_true : ndarray of shape (n_samples,)
        Their labels as the label file spells them, or intensities (float).
    ranked : list of tuple of str
        The labels answered for each sample, best first; ``()`` where there is no answer.
    source : {"csv", "counts"}
        With ``"counts"`` the names are made up.

    See Also
    --------
    load_zero_shot, read_zero_shot, answers_from_counts : Make it.
    lstmfcn.zero_shot.score_zero_shot : Scores answers.
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
        """Names of the samples whose best-ranked answer is not in the vocabulary."""
        return [
            name
            for name, answer in zip(self.names, self.ranked, strict=True)
            if answer and self.task.predicted_class(answer[0]) is None
        ]


def sample_name(name):
    """Return a sample's name without folder and media ending, in which files differ."""
    return MEDIA.sub("", re.split(r"[/\\]", str(name).strip())[-1])


def load_zero_shot(root, dataset, variant=None, *, task=None):
    """Load the answers to one dataset from a folder in the layout of GPT-4V's released answers.

    Parameters
    ----------
    root : str or path-like
        Folder with a folder for each dataset: ``cmumosi/label.csv`` with all samples and
        ``cmumosi/label-gpt4v-multi.csv`` with the answered ones, columns ``name,gt,gpt4v``.
    dataset : str
        One of the 19, see :func:`zero_shot_task`, or another folder in ``root``.
    variant : str, optional
        ``"multi"``, say, or the name of its file; by default the published one.
    task : ZeroShotTask, optional
        Of a dataset that is not one of the 19; by default its labels are its vocabulary.

    Returns
    -------
    ZeroShotAnswers

    See Also
    --------
    read_zero_shot : Reads two files of any name.
    answers_from_counts : Needs no files; the released ones have no licence.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.zero_shot import load_zero_shot
    >>> with tempfile.TemporaryDirectory() as root:
    ...     (Path(root) / "mine").mkdir()
    ...     for file in ("label.csv", "label-gpt4v.csv"):
    ...         text = "name,gt,gpt4v\\n1.jpg,happy,\\n2.jpg,sad,happy\\n"
    ...         _ = (Path(root) / "mine" / file).write_text(text)
    ...     answers = load_zero_shot(root, "mine")
    >>> answers.names, answers.ranked, answers.missing
    (['1', '2'], [(), ('happy',)], ['1'])
    """
    root = Path(root)
    if not root.is_dir():
        remedy = "give the one that holds a folder for each dataset"
        raise FileNotFoundError(f"{root} is no folder; {remedy}.")
    task = task or _find_task(root, dataset)
    variant = task.variant(variant)
    answers, labels = (root / task.name / file for file in task.files(variant))
    return read_zero_shot(answers, labels, task, variant)


def read_zero_shot(answers, labels, task, variant=""):
    """Read a CSV file of answers, and the label file of all samples.

    Parameters
    ----------
    answers : str or path-like
        Columns ``name,gt,gpt4v``: sample, true label, labels ranked by the model, best first,
        joined by commas. An empty cell is no answer.
    labels : str or path-like, or None
        Columns ``name,gt``, all samples. With None, the samples without an answer are not known.
    task : ZeroShotTask
    variant : str, default=""

    Returns
    -------
    ZeroShotAnswers

    See Also
    --------
    load_zero_shot : Finds the files of a dataset in a folder.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.zero_shot import ZeroShotTask, read_zero_shot
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
        if task.true_class(row["gt"]) != task.true_class(known[name]["gt"]):
            raise ValueError(
                f"{answers} says that {row['name']!r} is {row['gt']}, and {labels} that it is "
                f"{known[name]['gt']}; give files of the same release."
            )
    cells = (answered.get(name, {}).get("gpt4v", "") for name in known)
    return ZeroShotAnswers(
        task,
        variant,
        list(known),
        np.array([row["gt"] for row in known.values()]),
        [tuple(filter(None, map(str.strip, cell.split(",")))) for cell in cells],
    )


def answers_from_counts(dataset, variant=None):
    """Return answers with the counts of the released answers, which come with this package.

    Parameters
    ----------
    dataset, variant : str
        As in :func:`load_zero_shot`; one of the 19 datasets.

    Returns
    -------
    ZeroShotAnswers
        Only best-ranked answers. Names are made up. An intensity is its sign, and samples of
        intensity zero are left out.

    See Also
    --------
    load_zero_shot : Reads the released answers from files.

    Examples
    --------
    >>> from lstmfcn.zero_shot import answers_from_counts, score_zero_shot
    >>> score = score_zero_shot(answers_from_counts("SAMM"))
    >>> score.n_correct, score.n, round(100 * score.accuracy, 2)
    (23, 135, 17.04)
    """
    task = zero_shot_task(dataset)
    variant = task.variant(variant)
    rows = packaged_rows("lstmfcn.zero_shot.score", "matrices.csv")
    rows = [row for row in rows if (row["dataset"], row["variant"]) == (task.name, variant)]
    truths = [row["truth"] for row in rows]
    # (n_classes, n_answers): of each class, answers out of the vocabulary, no answer.
    counts = np.array([row["counts"].split() for row in rows], dtype=int)
    labels = {task.predicted_class(label): label for label in reversed(task.vocabulary)}
    answers = [*((labels[truth],) for truth in truths), (OUT_OF_VOCABULARY,), ()]
    spelling = {aligned: original for original, aligned in task.spelling.items()}
    if task.rule == "polarity":
        spelling = {"negative": -1.0, "positive": 1.0}
    cells = np.repeat(np.arange(counts.size), counts.ravel())  # (n_samples,)
    truth, answer = np.divmod(cells, len(answers))
    return ZeroShotAnswers(
        task,
        variant,
        [str(i) for i in range(len(cells))],
        np.array([spelling.get(truth, truth) for truth in truths])[truth],
        [answers[i] for i in answer],
        "counts",
    )


def shared_samples(labels, answers, *, column="discrete"):
    """Return the samples of a label file, such as that of a test split, that a model has answered.

    Parameters
    ----------
    labels : str or path-like
        CSV file with the columns ``name`` and ``column``.
    answers : ZeroShotAnswers
    column : str, default="discrete"

    Returns
    -------
    names : list of str
        As the label file has them, in its order.
    y_true : ndarray of shape (n_shared,)
        Their labels in that file, for ``y_true`` of :func:`compare_to_zero_shot`.

    See Also
    --------
    lstmfcn.zero_shot.compare_to_zero_shot : Takes these names and labels.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.zero_shot import answers_from_counts, shared_samples
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "label-test.csv"
    ...     _ = file.write_text("name,discrete\\nnot-answered,positive\\n7,negative\\n")
    ...     shared_samples(file, answers_from_counts("CMU-MOSI"))
    (['7'], array(['negative'], dtype='<U8'))
    """
    rows = read_csv(labels, ("name", column))
    answered = set(map(sample_name, answers.names)) - set(map(sample_name, answers.missing))
    shared = [row for name, row in rows.items() if name in answered]
    if not shared:
        raise ValueError(
            f"none of the {len(rows)} samples of {labels} was answered in {answers.task.title}; "
            "give a label file of the same dataset, with its names."
        )
    return [row["name"] for row in shared], np.array([row[column] for row in shared])


def _find_task(root, dataset):
    """Return one of the 19 tasks, or one made of the labels in a folder."""
    folder = root / str(dataset)
    try:
        return zero_shot_task(dataset)
    except ValueError:
        if not str(dataset) or not folder.is_dir():
            raise
    vocabulary = true_labels(folder / "label.csv")
    stems = (path.stem for path in folder.glob("label-gpt4v*.csv"))
    variants = sorted(stem.removeprefix("label-gpt4v").removeprefix("-") for stem in stems)
    return ZeroShotTask(str(dataset), vocabulary, variants=tuple(variants) or ("",))


def true_labels(path):
    """Return the labels of a label file, sorted; an empty cell is none."""
    found = {row["gt"] for row in read_csv(path, ("name", "gt")).values()}
    return sorted(label for label in found if label.strip())


def _read(path, columns, task):
    """Return name -> row with checked true labels; intensities are numbers."""
    rows = read_csv(path, columns)
    for row in rows.values():
        if task.rule == "polarity":
            with contextlib.suppress(ValueError):
                row["gt"] = float(row["gt"])
            if isinstance(row["gt"], str) or not math.isfinite(row["gt"]):
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
    """Return sample_name -> row (dict of str to str) of a CSV file with a column ``name``."""
    return by_name(((row["name"], row) for _, row in read_rows(path, columns)), f"{path}: ")


def by_name(named, place=""):
    """Return sample_name -> item of pairs (name, item), at least one; refuse equal and empty names.

    Error sentences begin with ``place``, such as "FILE: ".
    """
    items, names = {}, {}
    for name, item in named:
        key = sample_name(name)
        if not key:
            raise ValueError(f"{place}a sample has the name {name!r}; name every sample.")
        if key in items:
            raise ValueError(
                f"{place}{key!r} is there twice ({names[key]!r} and {name!r}); give every sample a "
                "name of its own."
            )
        items[key], names[key] = item, name
    if not items:
        raise ValueError(f"{place}there are no samples; give at least one.")
    return items


def read_rows(path, columns, optional=()):
    """Yield (row number from 1, dict of column to cell) of a CSV file with these columns."""
    text = read_text(path, (*columns, *optional))
    head, *lines = [line for _, line in csv_rows(path, text)] or [[]]
    counted = {head.count(column) for column in columns}
    if counted != {1} or any(head.count(column) > 1 for column in optional):
        expected = " and any of ".join(filter(None, map(", ".join, (columns, optional))))
        raise ValueError(
            f"{path} has the columns {shown(', '.join(head)) or '(none)'}; expected {expected}, "
            "each once."
        )
    for number, line in enumerate(lines, start=1):
        if len(line) != len(head):
            raise ValueError(
                f"{path}: row {number} has {len(line)} cells under {len(head)} columns; put cells "
                "that hold commas in quotes."
            )
        yield number, dict(zip(head, line, strict=True))


def read_text(path, columns):
    """Return the text of a table with these columns."""
    with open_file(path, remedy=f"give a table with the columns {', '.join(columns)}") as file:
        return decode(shown(path), file.read())


def write_answers(folder, samples, answers, variant=""):
    """Write ``label.csv`` with all samples, and ``label-gpt4v.csv`` with the answered ones.

    ``answers`` has an Answer or None for each Sample; those with labels are written. A comma within
    a label becomes a semicolon. Samples that other variants in the folder asked about stay in
    ``label.csv``.
    """
    labels = Path(folder) / "label.csv"
    path = labels.with_name(f"label-gpt4v{'-' if variant else ''}{variant}.csv")
    found = [
        (sample.name, sample.gt, ",".join(label.replace(",", ";") for label in answer.ranked))
        for sample, answer in zip(samples, answers, strict=True)
        if answer is not None and answer.ranked
    ]
    columns = ("name", "gt", "gpt4v")
    rows = [(one.name, one.gt, "") for one in samples]
    if labels.exists() and set(labels.parent.glob("label-gpt4v*.csv")) - {path}:
        known = {sample_name(one.name) for one in samples}
        before = read_csv(labels, ("name", "gt"))
        rows += [(row["name"], row["gt"], "") for key, row in before.items() if key not in known]
    write_csv(labels, columns, rows)
    write_csv(path, columns, found)
