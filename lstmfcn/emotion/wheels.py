"""How well do sets of emotion words match on wheels of emotions, as MER2025 scores them?"""

import math
from dataclasses import dataclass, field
from pathlib import Path

from lstmfcn.datasets.parsing import csv_rows, decode
from lstmfcn.datasets.xlsx import xlsx_rows
from lstmfcn.emotion.open_vocabulary import read_label_sets, refuse_absent, split_words
from lstmfcn.untrusted import listed, open_file
from lstmfcn.validation import check_choice

LEVELS = (1, 2)
SHEETS = (".xlsx", ".csv")


@dataclass(frozen=True)
class EmotionWheels:
    """Wheels of emotions, and the words that lead to them.

    Attributes
    ----------
    words : dict of str to tuple of str
        Word to the words of wheels that it may mean, sorted.
    wheels : dict of str to dict of int to dict of str to str
        Name of a wheel to level (1: the inner ring; 2: the ring around it) to the class of each
        word on the wheel.

    See Also
    --------
    read_wheels : Reads them from a folder.
    wheel_scores : Scores sets of words.
    """

    words: dict = field(repr=False)
    wheels: dict = field(repr=False)

    def classes(self, words, wheel, level):
        """Return the set of classes of words on a wheel; words that are not known have none."""
        on_wheel = self.wheels[wheel][level]
        found = (
            next((on_wheel[one] for one in self.words.get(word, ()) if one in on_wheel), None)
            for word in words
        )
        return {one for one in found if one is not None}


@dataclass(frozen=True)
class WheelScores:
    """Scores on wheels of emotions.

    Attributes
    ----------
    level : {1, 2}
    f1, precision, recall : float
        Means over the wheels.
    wheels : tuple of dict
        One per wheel, with ``wheel``, ``f1``, ``precision``, ``recall`` and ``n``. ``f1`` is of the
        mean precision and the mean recall; ``n`` is the number of clips with a class on the wheel.
    n : int
        Clips with a truth.
    unknown : tuple of str
        Words of the truth or the predictions that lead to no wheel.

    See Also
    --------
    wheel_scores : Computes them.
    """

    level: int
    f1: float
    precision: float
    recall: float
    wheels: tuple = field(repr=False)
    n: int
    unknown: tuple = field(repr=False)


def read_wheels(folder):
    """Read wheels of emotions from a folder such as `emotion_wheel` of MER2025.

    Parameters
    ----------
    folder : str or path
        It holds `wheel1.xlsx`, `wheel2.xlsx`, ... with the columns `level1`, `level2` and `level3`,
        where an empty cell repeats the cell above; `synonym.xlsx` with `word_run1`, `synonym_run1`,
        `word_run2`, ...: a word of a wheel and the list of its synonyms; and `format.csv` with
        `name` and `format`: a word and its forms, separated by commas. Each may be a CSV file or a
        workbook.

    Returns
    -------
    EmotionWheels

    Raises
    ------
    FileNotFoundError, ValueError
        If a file or a column is not there.

    See Also
    --------
    wheel_scores : Scores sets of words on the wheels.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import read_wheels
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, text in {
    ...         "wheel1": "level1,level2,level3\\nhappy,proud,confident\\n,calm,relaxed\\n",
    ...         "synonym": "word_run1,synonym_run1\\nproud,['smug']\\ncalm,[]\\n",
    ...         "format": "name,format\\nsmug,\\"smugly,smugness\\"\\ncalm,calmed\\n",
    ...     }.items():
    ...         _ = Path(folder, f"{name}.csv").write_text(text)
    ...     wheels = read_wheels(folder)
    >>> wheels.classes(["smugly", "calmed", "hungry"], "wheel1", level=2) == {"calm", "proud"}
    True
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is no folder; expected one with wheel1.xlsx, synonym.xlsx and format.csv."
        )
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in SHEETS}
    wheels = {name: _wheel(path) for name, path in files.items() if name.startswith("wheel")}
    absent = [name for name in ("synonym", "format") if name not in files]
    if absent or not wheels:
        raise FileNotFoundError(
            f"{folder} has no {listed([*absent, *(() if wheels else ('wheel1',))])} (.xlsx or "
            ".csv); name the folder emotion_wheel of MER2025."
        )
    meant = _synonyms(files["synonym"])
    words = {}
    for word, names in _forms(files["format"]).items():
        words[word] = tuple(sorted({one for name in names for one in meant.get(name, ())}))
    return EmotionWheels(words, wheels)


def wheel_scores(ground_truth, predictions, wheels, *, level=1):
    """Score predicted sets of emotion words against true ones on wheels of emotions.

    Each form leads to a word, and the word to the words of wheels that it may mean. The first of
    these on the wheel, in alphabetical order, gives the class. Words that lead to no class do not
    count. For each wheel, clips without a true class are left out, and a clip without a predicted
    class scores 0. F1 is computed from the mean precision and the mean recall over the clips.

    Parameters
    ----------
    ground_truth, predictions : path, or dict of str to sequence of str
        As for :func:`open_vocabulary_scores`.
    wheels : EmotionWheels or path
    level : {1, 2}, default=1
        1: classes of the inner ring; 2: of the ring around it.

    Returns
    -------
    WheelScores

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_wheels`, or if clips have no prediction, or no true word leads to a wheel.

    See Also
    --------
    open_vocabulary_scores : MER2024's scores, by groups of synonyms.

    References
    ----------
    Lian et al., "MER 2025: When Affective Computing Meets Large Language Models", 2025,
    arXiv:2504.19423.

    Examples
    --------
    >>> from lstmfcn.emotion import EmotionWheels, wheel_scores
    >>> words = {"joyful": ("happy",), "happy": ("happy",), "sad": ("sad",)}
    >>> wheel = {"happy": "happy", "sad": "sad"}
    >>> wheels = EmotionWheels(words, {"wheel1": {1: wheel, 2: wheel}})
    >>> truth, predicted = {"a": ["joyful"], "b": ["sad"]}, {"a": ["happy", "sad"], "b": []}
    >>> scores = wheel_scores(truth, predicted, wheels)
    >>> scores.precision, scores.recall, round(scores.f1, 3)
    (0.25, 0.5, 0.333)
    """
    check_choice(level, "level", LEVELS)
    if not isinstance(wheels, EmotionWheels):
        wheels = read_wheels(wheels)
    truth, predicted = (
        {name: [word.lower().strip() for word in words] for name, words in read.items()}
        for read in (
            read_label_sets(one, tokenizer="mer2025") for one in (ground_truth, predictions)
        )
    )
    remedy = "give every clip one, an empty list if there are no words"
    refuse_absent(truth, predicted, "prediction", remedy)
    names = sorted(truth)  # one order of addition, whatever the order of the files
    rows = [_score(wheel, names, truth, predicted, wheels, level) for wheel in wheels.wheels]
    means = {key: math.fsum(row[key] for row in rows) / len(rows) for key in _KEYS}
    said = {word for name in names for word in (*truth[name], *predicted[name])}
    unknown = tuple(sorted(word for word in said if not wheels.words.get(word)))
    return WheelScores(level, **means, wheels=tuple(rows), n=len(names), unknown=unknown)


_KEYS = ("f1", "precision", "recall")


def _score(wheel, names, truth, predicted, wheels, level):
    """Return the scores on one wheel."""
    precision, recall = [], []
    for name in names:
        G, P = (wheels.classes(words[name], wheel, level) for words in (truth, predicted))
        if G:
            both = len(G & P)
            precision.append(both / len(P) if P else 0.0)
            recall.append(both / len(G))
    n = len(precision)
    if not n:
        raise ValueError(
            f"no true word of {len(names)} clips leads to {wheel}; give words of its language."
        )
    p, r = math.fsum(precision) / n, math.fsum(recall) / n
    f1 = 2 * p * r / (p + r) if p + r else 0.0
    return {"wheel": wheel, "f1": f1, "precision": p, "recall": r, "n": n}


def _table(path, columns):
    """Return the rows of a sheet as dicts of text; it has these columns."""
    if path.suffix == ".xlsx":
        rows = xlsx_rows(path)
    else:
        with open_file(path) as file:
            rows = [cells for _, cells in csv_rows(path.name, decode(path.name, file.read()))]
    head = [name.strip() for name in rows[0]] if rows else []
    absent = [name for name in columns if name not in head]
    if absent:
        raise ValueError(
            f"{path.name} has no column {listed(absent)}; its first row is {listed(head, 10)}."
        )
    return [dict(zip(head, [*row, *[""] * len(head)], strict=False)) for row in rows[1:]]


def _wheel(path):
    """Return level -> word -> class of one wheel; a later row overrides an earlier one."""
    tree, above = {}, dict.fromkeys(("level1", "level2", "level3"), "")
    for row in _table(path, above):
        above |= {key: row[key].lower().strip() for key in above if row[key].strip()}
        one, two, three = above.values()
        tree.setdefault(one, {}).setdefault(two, []).append(three)
    inner, outer = {}, {}
    for one, twos in tree.items():
        inner[one], outer[one] = one, min(twos)
        for two, threes in twos.items():
            inner |= dict.fromkeys([two, *threes], one)
            outer |= dict.fromkeys([two, *threes], two)
    return {1: inner, 2: outer}


def _synonyms(path):
    """Return word -> words of wheels that it may mean: itself, and those it is a synonym of."""
    meant = {}
    rows = _table(path, ("word_run1", "synonym_run1"))
    runs = [key.removeprefix("word_") for key in rows[0] if key.startswith("word_")] if rows else []
    for row in rows:
        for run in runs:
            word = row[f"word_{run}"].strip().lower()
            if not word:
                continue  # runs differ in their numbers of words
            for synonym in (word, *split_words(row.get(f"synonym_{run}", ""))):
                meant.setdefault(synonym.strip().lower(), set()).add(word)
    return meant


def _forms(path):
    """Return form -> words that have it; a word is a form of itself."""
    forms = {}
    for row in _table(path, ("name", "format")):
        for form in (row["name"], *split_words(row["format"])):
            forms.setdefault(form, set()).add(row["name"])
    return forms
