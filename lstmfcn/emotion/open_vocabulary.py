"""How well do sets of free emotion words match, and which set is a classifier's answer?"""

import ast
import functools
import io
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path

import numpy as np

from lstmfcn.emotion.clip_labels import read_clips, refuse_rows, repeated
from lstmfcn.features.npy import read_header
from lstmfcn.untrusted import listed, open_file, open_zip
from lstmfcn.validation import check_choice

LONGEST_ANSWER = 2**20  # bytes of one file of synonyms; the released ones take 2 kB
LARGEST_DIRECTORY = 2**24  # bytes of a zip's list of such files
TOKENIZERS = ("mertools", "literal", "mer2025")
CANDIDATES = tuple(round(0.01 * step, 2) for step in range(1, 100))


@dataclass(frozen=True)
class SampleScore:
    """The two sets of one clip, synonyms replaced by one word, their precision and recall."""

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
    accuracy, recall : float
        Means over the clips.
    average : float
        Half their sum: what the track ranks by.
    samples : tuple of SampleScore
        In order of the names, each with `name`, the sets `ground_truth` and `predictions` with
        synonyms replaced by one word, `accuracy` and `recall`.

    See Also
    --------
    open_vocabulary_scores : Computes them.
    """

    accuracy: float
    recall: float
    average: float
    samples: tuple = field(repr=False)


def open_vocabulary_scores(ground_truth, predictions, groups=None, *, tokenizer="mertools"):
    """Score predicted sets of emotion words against true ones, as the track MER-OV does.

    G and P are the true and the predicted set of a clip, each word replaced by the first word of
    its group. Accuracy is |G n P| / |P|, recall is |G n P| / |G|. Both are averaged over the clips.
    Both are 0 for an empty prediction and for an empty truth.

    Parameters
    ----------
    ground_truth, predictions : path, or dict of str to sequence of str
        A CSV file with the columns `name` and `openset`, such as ``"['happy', 'calm']"``; or the
        words of each clip, or such a text. Predictions for clips without a truth do not count.
    groups : path, dict, sequence, callable or None, default=None
        Which words mean the same, lower and upper case alike; the last group of a word counts:

        - a zip or a folder with one `CLIP.npy` per clip that holds a language model's answer as
          text, as released with MER2024;
        - a dict of clip to groups, each group a sequence of words, or such an answer;
        - a sequence of groups for all clips;
        - a function of a clip's name and the sorted list of its words that returns groups;
        - None: only equal words match.
    tokenizer : {"mertools", "literal", "mer2025"}, default="mertools"
        How a text becomes words. "mertools" cuts it at quotation marks, apostrophes included, which
        the published numbers need; "literal" reads it as a Python list; "mer2025" cuts it at
        quotation marks and commas.

    Returns
    -------
    OpenVocabularyScores

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is not there, clips have no prediction or no groups (all are listed), or a text
        is no list of words.

    See Also
    --------
    label_sets : Predictions of a classifier of single classes.
    mer_scores : The measures of the other tracks.

    References
    ----------
    Lian et al., "MER 2024: Semi-Supervised Learning, Noise Robustness, and Open-Vocabulary
    Multimodal Emotion Recognition", 2024, arXiv:2404.17113.

    Examples
    --------
    >>> from lstmfcn.emotion import open_vocabulary_scores
    >>> truth, predicted = {"a": ["happy", "relieved"], "b": ["sad"]}, {"a": ["joyful"], "b": []}
    >>> open_vocabulary_scores(truth, predicted, groups=[["happy", "joyful"]])
    OpenVocabularyScores(accuracy=0.5, recall=0.25, average=0.375)
    """
    truth = read_label_sets(ground_truth, tokenizer=tokenizer)
    predicted = read_label_sets(predictions, tokenizer=tokenizer)
    if not truth:
        raise ValueError("there are no clips to score; pass the words of at least one.")
    names = sorted(truth)  # one order of addition, whatever the order of the files
    remedy = "give every clip one, an empty list if there are no words"
    refuse_absent(names, predicted, "prediction", remedy)
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

    See Also
    --------
    open_vocabulary_scores : Scores them.

    Examples
    --------
    >>> from lstmfcn.emotion import read_label_sets
    >>> read_label_sets({"a": "['very happy', 'calm']", "b": ["sad"], "c": "[]"})
    {'a': ['very happy', 'calm'], 'b': ['sad'], 'c': []}
    """
    check_choice(tokenizer, "tokenizer", TOKENIZERS)
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser()
        open_file(path, remedy="pass a CSV file").close()  # no pipe or device, which would not end
        rows, _, problems = read_clips(path, ("name", "openset"))
        refuse_rows(path.name, problems)
        source = {row["name"]: row["openset"] for _, row in rows}
    if not isinstance(source, Mapping):
        raise TypeError(
            f"label sets of type {type(source).__name__} are not known; pass the path of a CSV "
            "file, or a dict of clip to words."
        )
    return {name: _words(name, value, tokenizer) for name, value in source.items()}


def label_sets(probabilities, classes, *, threshold=None, nucleus=None, vocabulary=None):
    """Turn class probabilities into sets of at least one emotion word.

    Parameters
    ----------
    probabilities : array of shape (n_clips, n_classes)
        In [0, 1]; for `nucleus`, rows add up to 1.
    classes : sequence of str
        The class of each column.
    threshold : float, default=None
        In [0, 1]: every class at least as probable is in the set, and always the most probable.
    nucleus : float, default=None
        In (0, 1]: the most probable classes that together have at least this probability. Pass
        either this or `threshold`.
    vocabulary : dict of str to sequence of str, default=None
        The words of each class; None takes its name.

    Returns
    -------
    list of list of str
        The words of each clip, the most probable class first.

    See Also
    --------
    calibrate_label_sets : Finds the threshold or nucleus.

    References
    ----------
    The nucleus: Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020,
    arXiv:1904.09751.

    Examples
    --------
    >>> from lstmfcn.emotion import label_sets
    >>> probabilities, classes = [[0.1, 0.5, 0.4], [0.9, 0.05, 0.05]], ["angry", "happy", "neutral"]
    >>> label_sets(probabilities, classes, threshold=0.3)
    [['happy', 'neutral'], ['angry']]
    >>> label_sets(probabilities, classes, nucleus=0.95)
    [['happy', 'neutral', 'angry'], ['angry', 'happy']]
    """
    probabilities, words = _checked(probabilities, classes, vocabulary)
    if (threshold is None) == (nucleus is None):
        raise ValueError("pass either threshold or nucleus, and not both.")
    rule, value = ("threshold", threshold) if nucleus is None else ("nucleus", nucleus)
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
    """Find the threshold or nucleus that scores best, on other clips than the test clips.

    Parameters
    ----------
    probabilities : array of shape (n_clips, n_classes)
        Of clips that the classifier was not trained on, or from cross-validation.
    classes, names : sequence of str
        The class of each column, and the clip of each row.
    ground_truth, groups
        As for `open_vocabulary_scores`.
    rule : {"threshold", "nucleus"}, default="threshold"
    vocabulary : dict of str to sequence of str, default=None
        As for `label_sets`.
    candidates : sequence of float, default=0.01, 0.02, ..., 0.99
        The first of equally good ones is taken.

    Returns
    -------
    value, average : float
        The argument for `label_sets`, and the score it reaches on these clips.

    See Also
    --------
    label_sets : Applies the value.

    Examples
    --------
    >>> from lstmfcn.emotion import calibrate_label_sets
    >>> truth = {"a": ["happy", "sad"], "b": ["happy"]}
    >>> calibrate_label_sets([[0.6, 0.4], [0.8, 0.2]], ["happy", "sad"], ["a", "b"], truth)
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
    refuse_absent(names, truth, "ground truth", "leave these clips out")
    groups_of = functools.cache(_groups(groups, names, "mertools"))

    @functools.cache  # neighbouring candidates differ in few clips
    def average(name, predicted):
        sample = _score(name, truth[name], predicted, groups_of)
        return (sample.accuracy + sample.recall) / 2

    scores = {}
    for value in candidates:
        predicted = map(tuple, _label_sets(probabilities, words, rule, value))
        scores[float(value)] = math.fsum(map(average, names, predicted)) / len(names)
    if not scores:
        raise ValueError("candidates is empty; pass at least one number.")
    return max(scores.items(), key=lambda pair: pair[1])


def _score(name, truth, predicted, groups_of):
    """Score one clip: G, P, |G n P| / |P| and |G n P| / |G|."""
    G, P = ({word.lower() for word in words} for words in (truth, predicted))
    first = {}
    for group in groups_of(name, tuple(sorted(G | P))):
        first.update(dict.fromkeys(group, group[0]))
    G, P = (frozenset(first.get(word, word) for word in words) for words in (G, P))
    both = len(G & P)
    return SampleScore(name, G, P, both / len(P) if P else 0.0, both / len(G) if G else 0.0)


def _mertools_words(text):
    """Return what stands between quotation marks, between the first brackets of a text."""
    start = text.find("[")
    if start < 0:
        return [word.strip() for word in text.split(",") if word.strip()]  # "happy, sad"
    return _pieces("['\"]", text[start + 1 :].partition("]")[0])


def split_words(text):
    """Return what stands between quotation marks and commas, as MER2025 reads a list of words.

    >>> split_words("['very happy', 'calm']"), split_words("happy,happily"), split_words("[]")
    (['very happy', 'calm'], ['happy', 'happily'], [])
    """
    text = text.removeprefix("[").removesuffix("]")
    return [piece.strip() for piece in re.split("['\",]", text) if piece.strip()]


def _mertools_groups(text):
    return [_pieces("['\"]", piece) for piece in _pieces(r"[\[\]]", text)]


def _pieces(separators, text):
    return [piece for piece in re.split(separators, text) if piece.strip() not in ("", ",")]


def _literal_list(text):
    """Return the list that a text spells in Python, or None."""
    try:
        value = ast.literal_eval(text.strip())
    except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
        return None
    return list(value) if isinstance(value, list | tuple) else None


def _words(name, value, tokenizer):
    """Return the words of one clip, from a text or a collection."""
    if not isinstance(name, str):
        raise TypeError(f"the clip {name!r} is of type {type(name).__name__}, not text.")
    if value is None or (isinstance(value, Real) and value != value):
        return []
    if isinstance(value, str):
        if tokenizer == "mer2025":
            return split_words(value)
        literal = tokenizer == "literal" and value.strip()
        words = _literal_list(value) if literal else _mertools_words(value)
        if words is None or not all(isinstance(word, str) for word in words):
            raise ValueError(
                f"clip {name!r} has {value[:100]!r}, which is no list of words; expected a text "
                "such as \"['happy', 'calm']\"."
            )
        return words
    if not isinstance(value, Sequence | set | frozenset | np.ndarray) or isinstance(value, bytes):
        raise TypeError(f"clip {name!r} has {value!r}; expected a sequence of words.")
    words = sorted(value) if isinstance(value, set | frozenset) else list(value)
    if not all(isinstance(word, str) for word in words):
        raise TypeError(f"clip {name!r} has words that are no text: {words!r}.")
    return words


def _groups(groups, names, tokenizer):
    """Return a function of a clip's name and words that returns lower-case lists of words."""
    if isinstance(groups, str | os.PathLike):
        groups = _read_groups(Path(groups).expanduser(), {f"{name}.npy" for name in names})
    if isinstance(groups, Mapping):
        remedy = "add them, an empty list where no words mean the same"
        refuse_absent(names, groups, "group of synonyms", remedy)
        found = {name: _checked_groups(name, groups[name], tokenizer) for name in names}
        return lambda name, words: found[name]
    if isinstance(groups, Callable):
        return lambda name, words: _checked_groups(name, groups(name, list(words)), tokenizer)
    if isinstance(groups, Sequence | None):
        for_all = _checked_groups("all clips", groups or [], tokenizer)
        return lambda name, words: for_all
    raise TypeError(
        f"groups is of type {type(groups).__name__}; pass a zip or folder, a dict, a sequence of "
        "groups, a function, or None."
    )


def _checked_groups(name, groups, tokenizer):
    if isinstance(groups, str):
        groups = _literal_list(groups) if tokenizer == "literal" else _mertools_groups(groups)
    if not isinstance(groups, list | tuple) or not all(
        isinstance(group, list | tuple | set | frozenset)
        and all(isinstance(word, str) for word in group)
        for group in groups
    ):
        raise ValueError(
            f"the groups of synonyms of {name} are no list of lists of words; expected for example "
            "[['happy', 'joyful'], ['sad']]."
        )
    ordered = (sorted(group) if isinstance(group, set | frozenset) else group for group in groups)
    return [[word.lower() for word in group] for group in ordered if group]


def _read_groups(path, wanted):
    """Return a dict of clip to answer, from the wanted CLIP.npy in a zip or folder."""
    expected = "expected a zip with one CLIP.npy per clip"
    found = {}
    if path.is_dir():
        for file in path.glob("*.npy"):
            if file.name in wanted and file.is_file():
                with open(file, "rb") as opened:
                    found[file.name] = opened.read(LONGEST_ANSWER + 1)
    elif not path.is_file():
        raise FileNotFoundError(f"there is no file or folder {path}; {expected}.")
    else:
        with open_zip(path, "zip", expected, LARGEST_DIRECTORY) as archive:
            members = [(name, name.rpartition("/")[2]) for name in archive.namelist()]
            members = [(name, file) for name, file in members if file in wanted]
            for name, file in members:
                with archive.open(name) as opened:
                    found[file] = opened.read(LONGEST_ANSWER + 1)
        twice = repeated(file for _, file in members)
        if twice:
            raise ValueError(f"{path.name} holds {twice[0]} twice; remove one of them.")
    return {file[:-4]: _text(f"{path.name}: {file}", data) for file, data in found.items()}


def _text(source, data):
    """Return the text in a .npy file that holds one, without unpickling anything."""
    expected = "expected one text that numpy.save wrote"
    if len(data) > LONGEST_ANSWER:
        raise ValueError(f"{source} is larger than {LONGEST_ANSWER:,} bytes; {expected}.")
    file = io.BytesIO(data)
    shape, _, dtype = read_header(source, file)
    text = file.read()
    if dtype.kind != "U" or math.prod(shape) != 1 or len(text) != dtype.itemsize:
        raise ValueError(
            f"{source} holds an array of type {dtype} and shape {shape} in {len(text)} bytes; "
            f"{expected}."
        )
    try:  # numpy raises SystemError for invalid characters
        return text.decode("utf-32-be" if dtype.str[0] == ">" else "utf-32-le").rstrip("\0")
    except UnicodeDecodeError as error:
        raise ValueError(f"{source} holds invalid characters; {expected}.") from error


def refuse_absent(names, known, what, remedy):
    """Refuse clips that a dict does not know; all are listed."""
    absent = [name for name in names if name not in known]
    if absent:
        raise ValueError(f"there is no {what} for {listed(absent)}; {remedy}.")


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
    absent = [name for name in classes if not vocabulary.get(name)]
    if absent:
        raise ValueError(f"vocabulary has no words for {', '.join(absent)}; add them.")
    return probabilities, [_words(name, vocabulary[name], "mertools") for name in classes]


def _label_sets(probabilities, words, rule, value):
    """Return the words of each clip for one threshold or nucleus, which is checked."""
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
    order = np.argsort(-probabilities, axis=1, kind="stable")  # (n_clips, n_classes)
    ordered = np.take_along_axis(probabilities, order, axis=1)
    if rule == "threshold":
        sizes = (ordered >= value).sum(axis=1)
    else:
        # Classes before which less than the nucleus is gathered; 1e-9 forgives rounding.
        gathered = np.cumsum(ordered, axis=1) - ordered
        sizes = (gathered < value - 1e-9).sum(axis=1)
    return [
        list(dict.fromkeys(word for column in row[: max(1, size)] for word in words[column]))
        for row, size in zip(order.tolist(), sizes.tolist(), strict=True)
    ]
