"""Which model gave the answers in a folder, and to what was it asked?"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from lstmfcn.zero_shot.ask.cache import CACHE, asked_model, last_run
from lstmfcn.zero_shot.score.files import answers_from_counts, read_zero_shot, true_labels
from lstmfcn.zero_shot.score.scores import score_zero_shot
from lstmfcn.zero_shot.score.tasks import TASKS, ZeroShotTask, zero_shot_task

ANSWERS = "label-gpt4v"  # what files of answers begin with, whoever gave them


def load_run(folder, variant=None):
    """Load the answers that a run of one's own left in its folder.

    Parameters
    ----------
    folder : str or path-like
        Of `lstmfcn emotion zero-shot run --out`, or any with ``label.csv`` (``name,gt``) and
        ``label-gpt4v.csv`` (``name,gt,gpt4v``).
    variant : str, optional
        Part of the file's name; by default the only one.

    Returns
    -------
    ZeroShotAnswers
        The vocabulary is that of the run's question. A folder called as one of the 19 datasets has
        its rule and its spellings.

    Raises
    ------
    FileNotFoundError, ValueError
        If files are not there, or samples have no true label.

    See Also
    --------
    lstmfcn.zero_shot.score_zero_shot : Scores them.
    lstmfcn.zero_shot.load_zero_shot : One of several datasets in a folder.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.zero_shot import load_run, score_zero_shot
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = "name,gt,gpt4v\\na,happy,happy\\nb,sad,happy\\n"
    ...     for file in ("label.csv", "label-gpt4v.csv"):
    ...         _ = (Path(folder) / file).write_text(rows)
    ...     score_zero_shot(load_run(folder)).accuracy
    0.5
    """
    folder = Path(folder)
    labels = folder / "label.csv"
    stems = sorted(path.stem for path in folder.glob(f"{ANSWERS}*.csv"))
    variants = tuple(stem.removeprefix(ANSWERS).removeprefix("-") for stem in stems)
    if not variants or not labels.exists():
        raise FileNotFoundError(
            f"{folder} has no label.csv and {ANSWERS}.csv; name the folder of a run (--out)."
        )
    if variant is None and len(variants) > 1:
        raise ValueError(
            f"{folder} has several variants; choose one of {', '.join(map(repr, variants))}."
        )
    variant = variants[0] if variant is None else variant
    if variant not in variants:
        raise ValueError(
            f"variant={variant!r} is not in {folder}; it has {', '.join(map(repr, variants))}."
        )
    task = replace(_task(folder, labels, variant), variants=variants, published={}, label_files={})
    return read_zero_shot(folder / task.files(variant)[0], labels, task, variant)


def _task(folder, labels, variant):
    """Return the task of a folder: of the name, if the vocabulary fits, or of the question."""
    asked = last_run(folder / CACHE, variant).get("vocabulary")
    if not isinstance(asked, list) or not all(isinstance(label, str) for label in asked):
        asked = None  # damaged, or no run wrote it
    true = true_labels(labels)
    if not true:
        raise ValueError(f"{labels} has no true labels; ask about samples that have a gt.")
    try:
        known = zero_shot_task(folder.resolve().name)
    except ValueError:
        known = None
    if known is not None and (asked is None or set(asked) == set(known.vocabulary)):
        return known
    return ZeroShotTask(folder.resolve().name, asked or true)


def answered_by(folder, answers):
    """Return who gave the answers in a folder, as words.

    The model that the last run of the variant asked; GPT-4V, if the answers count as the released
    ones do; or nobody knows.

    Parameters
    ----------
    folder : str or path-like
    answers : ZeroShotAnswers

    Returns
    -------
    str
    """
    model = asked_model(Path(folder) / CACHE, answers.variant)
    if model is None:
        model = "GPT-4V" if _are_released(answers) else "an unnamed model"
    return model


def _are_released(answers):
    task = TASKS.get(answers.task.name)
    if task is None or answers.variant not in task.variants:
        return False
    ours, theirs = (
        score_zero_shot(one, oov="wrong", missing="wrong", align_labels=True, n_bootstrap=1)
        for one in (answers, answers_from_counts(task.name, answers.variant))
    )
    counts = [(one.n_missing, one.n_out_of_vocabulary) for one in (ours, theirs)]
    return counts[0] == counts[1] and np.array_equal(ours.matrix, theirs.matrix)
