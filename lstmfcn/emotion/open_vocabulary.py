"""How well do sets of free emotion words match, and which set does a classifier's answer mean?

Two words count as the same where a group of synonyms holds both. Nothing here asks a language
model: the groups are an argument.
"""

import ast
import functools
import io
import math
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path

import numpy as np

from lstmfcn.datasets.parsing import csv_rows, decode
from lstmfcn.emotion.npy import read_header
from lstmfcn.outside import shown
from lstmfcn.validation import check_choice

__all__ = [
    "OpenVocabularyScores",
    "SampleScore",
    "calibrate_label_sets",
    "label_sets",
    "open_vocabulary_scores",
    "read_label_sets",
]

MOST_LISTED = 50  # names in one message
LONGEST_ANSWER = 2**20  # bytes of one file of synonyms; the released ones take 2 kB
CANDIDATES = tuple(round(0.01 * step, 2) for step in range(1, 100))


@dataclass(frozen=True)
class SampleScore:
    """One clip's two sets, after synonyms were replaced by one of them, and their overlap.

    Attributes
    ----------
    name : str
    ground_truth, predictions : frozenset of str
    accuracy : float
        Share of the predicted set that is true: a precision.
    recall : float
        Share of the true set that was predicted.
    """

    name: str
    ground_truth: frozenset
    predictions: frozenset
    accuracy: float
    recall: float


@dataclass(frozen=True)
class OpenVocabularyScores:
    """The scores of MER-OV.

    Attributes
    ----------
    accuracy : float
        Mean set accuracy of the clips.
    recall : float
        Mean set recall.
    average : float
        Half their sum: what the track ranks by.
    samples : tuple of SampleScore
        In order of the names.
    """

    accuracy: float
    recall: float
    average: float
    samples: tuple = field(repr=False)


def open_vocabulary_scores(ground_truth, predictions, groups=None, *, tokenizer="mertools"):
    """Score predicted sets of emotion words against true ones, as the track MER-OV does.

    With G and P the true and the predicted set of a clip, each word replaced by the first word of
    the group that it is in, accuracy is |G n P| / |P| and recall |G n P| / |G|, both averaged over
    the clips. An empty prediction scores 0 and 0, and so does an empty truth.

    Parameters
    ----------
    ground_truth, predictions : path, or dict of str to sequence of str
        A CSV file with the columns `name` and `openset`, such as ``"['happy', 'calm']"``; or the
        words of each clip, whose value may also be such a text. Predictions for clips without a
        truth do not count.
    groups : path, dict, sequence, callable or None, default=None
        Which words mean the same, lower and upper case alike:

        - a zip or a folder with one `CLIP.npy` per clip that holds a language model's answer as
          text, as released with MER2024;
        - a dict of clip to groups, each group a sequence of words, or such an answer;
        - a sequence of groups for all clips;
        - a function of a clip's name and the sorted list of its words that returns groups;
        - None: only equal words match.

        A word in several groups belongs to the last one.
    tokenizer : {"mertools", "literal"}, default="mertools"
        How a text becomes words. "mertools" cuts it at quotation marks, apostrophes included, which
        the published numbers need; "literal" reads it as a Python list.

    Returns
    -------
    OpenVocabularyScores

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If clips have no prediction or no groups (all are listed), or a text is no list of words.

    References
    ----------
    Lian et al., "MER 2024: Semi-Supervised Learning, Noise Robustness, and Open-Vocabulary
    Multimodal Emotion Recognition", 2024, arXiv:2404.17113; MERTools,
    https://github.com/zeroQiaoba/MERTools (the rule, not the code).

    Examples
    --------
    >>> from lstmfcn.emotion import open_vocabulary_scores
    >>> scores = open_vocabulary_scores(
    ...     {"a": ["happy", "relieved"], "b": ["sad"]},
    ...     {"a": ["joyful"], "b": []},
    ...     groups=[["happy", "joyful"]],
    ... )
    >>> scores.accuracy, scores.recall, scores.average
    (0.5, 0.25, 0.375)
    """
    check_choice(tokenizer, "tokenizer", tuple(TOKENIZERS))
    truth = read_label_sets(ground_truth, tokenizer=tokenizer)
    predicted = read_label_sets(predictions, tokenizer=tokenizer)
    if not truth:
        raise ValueError("there are no clips to score; pass the words of at least one.")
    names = sorted(truth)  # one order of addition, whatever the order of the files
    _refuse_names(
        [name for name in names if name not in predicted],
        "prediction",
        "give every clip one, an empty list if there are no words",
    )
    groups_of = _groups(groups, names, tokenizer)
    samples = [_score(name, truth[name], predicted[name], groups_of) for name in names]
    accuracy = math.fsum(sample.accuracy for sample in samples) / len(samples)
    recall = math.fsum(sample.recall for sample in samples) / len(samples)
    return OpenVocabularyScores(accuracy, recall, (accuracy + recall) / 2, tuple(samples))


def read_label_sets(source, *, tokenizer="mertools"):
    """Read the words of each clip.

    Parameters
    ----------
    source, tokenizer
        As for `open_vocabulary_scores`.

    Returns
    -------
    dict of str to list of str

    Examples
    --------
    >>> from lstmfcn.emotion.open_vocabulary import read_label_sets
    >>> read_label_sets({"a": "['very happy', 'calm']", "b": ["sad"], "c": "[]"})
    {'a': ['very happy', 'calm'], 'b': ['sad'], 'c': []}
    """
    check_choice(tokenizer, "tokenizer", tuple(TOKENIZERS))
    if isinstance(source, str | os.PathLike):
        source = _read_csv(Path(source).expanduser())
    if not isinstance(source, Mapping):
        raise TypeError(
            f"label sets of type {type(source).__name__} are not known; pass the path of a CSV "
            "file, or a dict of clip to words."
        )
    return {name: _words(name, value, tokenizer) for name, value in source.items()}


def label_sets(probabilities, classes, *, threshold=None, nucleus=None, vocabulary=None):
    """Turn class probabilities into sets of emotion words, of any size from one.

    Parameters
    ----------
    probabilities : array of shape (n_clips, n_classes)
        In [0, 1]; for `nucleus`, rows add up to 1.
    classes : sequence of str
        The class of each column.
    threshold : float, default=None
        In [0, 1]: every class at least as probable is in the set, and always the most probable.
    nucleus : float, default=None
        In (0, 1]: the most probable classes that together have at least this probability. Either
        this or `threshold`; `calibrate_label_sets` finds a value.
    vocabulary : dict of str to sequence of str, default=None
        The words to say for a class; None says its name.

    Returns
    -------
    list of list of str
        The words of each clip, those of the most probable class first.

    References
    ----------
    Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020, arXiv:1904.09751 (the
    nucleus).

    Examples
    --------
    >>> from lstmfcn.emotion import label_sets
    >>> probabilities = [[0.1, 0.5, 0.4], [0.9, 0.05, 0.05]]
    >>> label_sets(probabilities, ["angry", "happy", "neutral"], threshold=0.3)
    [['happy', 'neutral'], ['angry']]
    >>> label_sets(
    ...     probabilities, ["angry", "happy", "neutral"], nucleus=0.95,
    ...     vocabulary={"angry": ["angry"], "happy": ["happy", "joyful"], "neutral": ["calm"]},
    ... )
    [['happy', 'joyful', 'calm', 'angry'], ['angry', 'happy', 'joyful']]
    """
    probabilities, words = _checked(probabilities, classes, vocabulary)
    if (threshold is None) == (nucleus is None):
        raise ValueError("pass either threshold or nucleus, and not both.")
    rule, value = ("threshold", threshold) if nucleus is None else ("nucleus", nucleus)
    _check_value(rule, value, probabilities)
    return _label_sets(probabilities, words, rule, value)


def calibrate_label_sets(
    probabilities,
    classes,
    names,
    ground_truth,
    groups=None,
    *,
    rule="threshold",
    vocabulary=None,
    candidates=CANDIDATES,
):
    """Find the threshold or nucleus that scores best, on clips that are not the test clips.

    Parameters
    ----------
    probabilities : array of shape (n_clips, n_classes)
        Of clips that the classifier was not trained on, or from cross-validation.
    classes : sequence of str
        The class of each column.
    names : sequence of str
        The clip of each row.
    ground_truth, groups
        As for `open_vocabulary_scores`.
    rule : {"threshold", "nucleus"}, default="threshold"
    vocabulary : dict of str to sequence of str, default=None
        As for `label_sets`.
    candidates : sequence of float, default=0.01, 0.02, ..., 0.99
        Of equally good ones, the first is taken.

    Returns
    -------
    value : float
        For the argument of `label_sets` of the rule's name.
    average : float
        The score it reaches on these clips.

    Examples
    --------
    >>> from lstmfcn.emotion import calibrate_label_sets
    >>> calibrate_label_sets(
    ...     [[0.6, 0.4], [0.8, 0.2]], ["happy", "sad"], ["a", "b"],
    ...     {"a": ["happy", "sad"], "b": ["happy"]},
    ... )
    (0.21, 1.0)
    """
    check_choice(rule, "rule", ("threshold", "nucleus"))
    probabilities, words = _checked(probabilities, classes, vocabulary)
    names = list(names)
    if len(names) != len(probabilities) or len(set(names)) != len(names):
        raise ValueError(
            f"there are {len(set(names))} different names for {len(probabilities)} rows of "
            "probabilities; pass the name of each clip once."
        )
    truth = read_label_sets(ground_truth)
    _refuse_names(
        [name for name in names if name not in truth], "ground truth", "leave these clips out"
    )
    truth = {name: truth[name] for name in names}
    groups_of = _groups(groups, names, "mertools")
    asked = functools.cache(lambda name, words: groups_of(name, list(words)))
    candidates = list(candidates)
    for value in candidates:
        _check_value(rule, value, probabilities)
    if not candidates:
        raise ValueError("candidates is empty; pass at least one number.")
    known = {}  # neighbouring candidates differ in few clips

    def average(value):
        total = []
        for name, said in zip(names, _label_sets(probabilities, words, rule, value), strict=True):
            key = name, frozenset(said)
            if key not in known:
                sample = _score(name, truth[name], said, lambda n, words: asked(n, tuple(words)))
                known[key] = (sample.accuracy + sample.recall) / 2
            total.append(known[key])
        return math.fsum(total) / len(total)

    scores = [average(value) for value in candidates]
    best = int(np.argmax(scores))
    return float(candidates[best]), scores[best]


def _score(name, truth, predicted, groups_of):
    """Score one clip: G, P, |G n P| / |P| and |G n P| / |G|."""
    truth, predicted = ([word.lower() for word in words] for words in (truth, predicted))
    first = {}
    for group in groups_of(name, sorted({*truth, *predicted})):
        first.update(dict.fromkeys(group, group[0]))
    G = frozenset(first.get(word, word) for word in truth)
    P = frozenset(first.get(word, word) for word in predicted)
    both = len(G & P)
    return SampleScore(name, G, P, both / len(P) if P else 0.0, both / len(G) if G else 0.0)


def _mertools_words(text):
    """Return what stands between quotation marks, between the first brackets of a text."""
    start = text.find("[")
    if start < 0:
        return [word.strip() for word in text.split(",") if word.strip()]  # "happy, sad"
    return _quoted(text[start + 1 :].partition("]")[0])


def _quoted(text):
    return [piece for piece in re.split("['\"]", text) if piece.strip() not in ("", ",")]


def _literal_words(text):
    value = _literal(text)
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise ValueError
    return list(value)


def _literal(text):
    try:
        return ast.literal_eval(text.strip())
    except (MemoryError, RecursionError, SyntaxError, TypeError) as error:
        raise ValueError from error


def _mertools_groups(text):
    pieces = [piece for piece in re.split(r"[\[\]]", text) if piece.strip() not in ("", ",")]
    return [_quoted(piece) for piece in pieces]


def _literal_groups(text):
    value = _literal(text)
    if not isinstance(value, list | tuple):
        raise ValueError
    return value


TOKENIZERS = {
    "mertools": (_mertools_words, _mertools_groups),
    "literal": (_literal_words, _literal_groups),
}


def _words(name, value, tokenizer):
    """Return the words of one clip, from a text or a collection."""
    if not isinstance(name, str):
        raise TypeError(f"the clip {name!r} is of type {type(name).__name__}, not text.")
    if value is None or (isinstance(value, Real) and value != value):
        return []
    if isinstance(value, str):
        if not value.strip():
            return []
        try:
            return TOKENIZERS[tokenizer][0](value)
        except ValueError as error:
            raise ValueError(
                f"clip {name!r} has {value[:100]!r}, which is no list of words; expected a text "
                "such as \"['happy', 'calm']\"."
            ) from error
    if not isinstance(value, Sequence | set | frozenset | np.ndarray) or isinstance(value, bytes):
        raise TypeError(f"clip {name!r} has {value!r}; expected a sequence of words.")
    words = sorted(value) if isinstance(value, set | frozenset) else list(value)
    if not all(isinstance(word, str) for word in words):
        raise TypeError(f"clip {name!r} has words that are no text: {words!r}.")
    return words


def _read_csv(path):
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; expected a CSV file of label sets.")
    rows = csv_rows(path.name, decode(path.name, path.read_bytes()))
    _, header = next(rows, (0, []))
    header = [name.strip() for name in header]
    if header.count("name") != 1 or header.count("openset") != 1:
        raise ValueError(
            f"{path.name} has the columns {shown(', '.join(header)) or '(none)'}; expected name "
            "and openset, each once, in the first line."
        )
    found, problems = {}, []
    for number, cells in rows:
        row = dict(zip(header, cells, strict=False))
        name = row.get("name", "").strip()
        if len(cells) != len(header):
            problems.append(f"line {number}: {len(cells)} columns; the header has {len(header)}")
        elif not name:
            problems.append(f"line {number}: the name is empty")
        elif name in found:
            problems.append(f"line {number}: the name {shown(repr(name))} is there twice")
        else:
            found[name] = row["openset"]
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems[:MOST_LISTED])
        raise ValueError(f"{path.name} has {len(problems)} lines to correct or remove:{listed}")
    return found


def _groups(groups, names, tokenizer):
    """Return a function of a clip's name and words that returns lower-case lists of words."""
    if groups is None:
        return lambda name, words: []
    if isinstance(groups, str | os.PathLike):
        groups = _read_groups(Path(groups).expanduser(), set(names))
    if isinstance(groups, Mapping):
        _refuse_names(
            [name for name in names if name not in groups],
            "group of synonyms",
            "add them, an empty list where no words mean the same",
        )
        found = {name: _checked_groups(name, groups[name], tokenizer) for name in names}
        return lambda name, words: found[name]
    if isinstance(groups, Callable):
        return lambda name, words: _checked_groups(name, groups(name, words), tokenizer)
    if isinstance(groups, Sequence):
        for_all = _checked_groups("of all clips", groups, tokenizer)
        return lambda name, words: for_all
    raise TypeError(
        f"groups is of type {type(groups).__name__}; pass a zip or folder, a dict, a sequence of "
        "groups, a function, or None."
    )


def _checked_groups(name, groups, tokenizer):
    if isinstance(groups, str):
        try:
            groups = TOKENIZERS[tokenizer][1](groups)
        except ValueError:
            groups = None
    sound = isinstance(groups, list | tuple) and all(
        isinstance(group, list | tuple | set | frozenset)
        and all(isinstance(word, str) for word in group)
        for group in groups
    )
    if not sound:
        raise ValueError(
            f"the groups of synonyms of {name} are no list of lists of words; expected for example "
            "[['happy', 'joyful'], ['sad']]."
        )
    ordered = (sorted(group) if isinstance(group, set | frozenset) else group for group in groups)
    return [[word.lower() for word in group] for group in ordered if group]


def _read_groups(path, wanted):
    """Return the answers in a zip or folder of CLIP.npy, of the clips that are wanted."""
    if path.is_dir():
        files = {file.stem: file for file in sorted(path.glob("*.npy"))}
        return {
            name: _text(file.name, _first_bytes(file))
            for name, file in files.items()
            if name in wanted and file.is_file()
        }
    if not path.is_file():
        raise FileNotFoundError(f"there is no file or folder {path}; expected groups of synonyms.")
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                *_, base = member.split("/")
                name = base.removesuffix(".npy")
                if not base.endswith(".npy") or name not in wanted:
                    continue
                if name in found:
                    raise ValueError(f"{path.name} holds {base} twice; remove one of them.")
                with archive.open(member) as file:
                    found[name] = _text(f"{path.name}: {base}", file.read(LONGEST_ANSWER + 1))
    except (
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(
            f"{path.name} is no zip or is damaged; expected a zip with one CLIP.npy per clip."
        ) from error
    return found


def _first_bytes(path):
    with open(path, "rb") as file:
        return file.read(LONGEST_ANSWER + 1)


def _text(source, data):
    """Return the text in a .npy file that holds one, without unpickling anything."""
    expected = "expected one text that numpy.save wrote"
    if len(data) > LONGEST_ANSWER:
        raise ValueError(f"{source} is larger than {LONGEST_ANSWER:,} bytes; {expected}.")
    file = io.BytesIO(data)
    try:
        shape, _, dtype = read_header(source, file)
    except ValueError as error:
        raise ValueError(f"{error}.") from error
    text = file.read()
    if dtype.kind != "U" or math.prod(shape) != 1 or len(text) != dtype.itemsize:
        raise ValueError(
            f"{source} holds an array of type {dtype} and shape {shape} in {len(text)} bytes; "
            f"{expected}."
        )
    try:  # numpy's own reading of characters that do not exist ends in a SystemError
        return text.decode("utf-32-be" if dtype.str[0] == ">" else "utf-32-le").rstrip("\0")
    except UnicodeDecodeError as error:
        raise ValueError(f"{source} holds what is no character; {expected}.") from error


def _refuse_names(names, missing, remedy):
    if names:
        more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
        listed = ", ".join(names[:MOST_LISTED])
        raise ValueError(f"there is no {missing} for {listed}{more}; {remedy}.")


def _checked(probabilities, classes, vocabulary):
    """Return the probabilities as an array, and the words of each class."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    classes = [str(name) for name in classes]
    if probabilities.ndim != 2 or not probabilities.size or probabilities.shape[1] != len(classes):
        raise ValueError(
            f"the probabilities have the shape {probabilities.shape}; pass one row for each clip "
            f"and one column for each of {len(classes)} classes."
        )
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("the probabilities hold NaN or values outside [0, 1].")
    if len(set(classes)) != len(classes):
        raise ValueError(f"classes={classes!r} must hold each class once.")
    if vocabulary is None:
        return probabilities, [[name] for name in classes]
    if not isinstance(vocabulary, Mapping):
        raise TypeError("vocabulary must be a dict of class to words.")
    silent = [name for name in classes if not vocabulary.get(name)]
    if silent:
        raise ValueError(f"vocabulary has no words for {', '.join(silent)}; add them.")
    return probabilities, [_words(name, vocabulary[name], "mertools") for name in classes]


def _check_value(rule, value, probabilities):
    if not isinstance(value, Real) or not 0 <= value <= 1 or (rule == "nucleus" and value == 0):
        interval = "(0, 1]" if rule == "nucleus" else "[0, 1]"
        raise ValueError(f"{rule}={value!r} must be a number in {interval}.")
    sums = probabilities.sum(axis=1)
    if rule == "nucleus" and np.abs(sums - 1).max() > 1e-3:
        row = int(np.abs(sums - 1).argmax())
        raise ValueError(
            f"the probabilities of row {row} add up to {sums[row]:.4g}; nucleus needs rows that "
            "add up to 1, use threshold for others."
        )


def _label_sets(probabilities, words, rule, value):
    order = np.argsort(-probabilities, axis=1, kind="stable")  # (n_clips, n_classes)
    ordered = np.take_along_axis(probabilities, order, axis=1)
    if rule == "threshold":
        sizes = (ordered >= value).sum(axis=1)
    else:
        # Those before which less than the nucleus is gathered; 1e-9 forgives rounding.
        gathered = np.cumsum(ordered, axis=1) - ordered
        sizes = (gathered < value - 1e-9).sum(axis=1)
    return [
        list(dict.fromkeys(word for column in row[: max(1, size)] for word in words[column]))
        for row, size in zip(order.tolist(), sizes.tolist(), strict=True)
    ]
