"""Which labels does a model's reply rank for each sample? Nothing is guessed.

A reply is read as strict JSON, then as lists in the style of Python, then by its brackets. The
first way that finds an answer for every sample counts. If none does, no sample has an answer.
"""

import json
import re
import unicodedata
from dataclasses import dataclass, field, replace

STATUSES = ("ok", "oov", "refused", "parse_error", "truncated", "transport_error")
"""What can become of a sample: its best-ranked label is in the vocabulary, or out of it; the model
declined; the reply cannot be read, or ends too early; no reply came."""

ANSWERED = ("ok", "oov")

MAX_CHARACTERS = 100_000  # 1000 tokens are some 4000
MAX_DEPTH = 20  # of brackets within brackets
NEAR = 60  # characters in which a sample's number is looked for
RESULT = ("result", "results", "ranking", "labels", "categories")
NUMBER = ("name", "sample", "index", "number", "id")
REFUSAL = re.compile(
    r"\b(sorry|apologi[sz]e|can(?:no|['\u2019])t|unable|not able|won['\u2019]t|not possible"
    r"|not comfortable|as an ai|decline|need more)\b|\u62b1\u6b49|\u5bf9\u4e0d\u8d77|\u65e0\u6cd5"
    r"|\u4e0d\u80fd",
    re.IGNORECASE,
)
# What models put around their thoughts; other families' marks become these.
THOUGHT = re.compile(
    r"<(/?)(?:\w{1,20}:)?(?:think(?:ing)?|thoughts?|reasoning|reflection|analysis|scratchpad)"
    r"(?:[ \t][^<>\n]{0,80})?>",
    re.IGNORECASE,
)
THOUGHT_BEGINS = re.compile(
    r"<[|\uff5c]begin[_\u2581]of[_\u2581]thought[|\uff5c]>|\u25c1think\u25b7|\[THINK\]"
    r"|<start_of_thought>|<\|channel\|>(?:analysis|commentary)\b[^<\n]{0,80}<\|message\|>"
)
THOUGHT_ENDS = re.compile(
    r"<[|\uff5c]end[_\u2581]of[_\u2581]thought[|\uff5c]>|\u25c1/think\u25b7|\[/THINK\]"
    r"|<end_of_thought>|<\|channel\|>final\b[^<\n]{0,80}<\|message\|>"
)
TOKEN_MARK = re.compile(r"<\|\w{1,40}\|>")  # which an endpoint should have taken out
FINAL = re.compile(
    r"(?<![\w\"'])final[ _-](?:answer|output|result|ranking|response|label|classification"
    r"|prediction|decision|verdict)s?\b(?![\"'])|<(?:answer|output|solution)>|\\boxed(?=\{)"
    r"|\u6700\u7ec8(?:\u7b54\u6848|\u7ed3\u679c|\u8f93\u51fa|\u56de\u7b54)"
    r"|(?:^|[.!?])[ \t]*[*#_>]{0,6}[ \t]?(?:the )?(?:answer|conclusion)s?[*_]{0,4}[ \t]?[:\uff1a]",
    re.IGNORECASE | re.MULTILINE,
)
SAMPLE_NUMBER = r"(?:sample|image|video|text|no\.?)?[\s_#\"'*]*(\d{1,6})[\"'*]*"
TOKEN = re.compile(
    r"""\s+|[\[\]{}:,]|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|-?\d{1,15}(?:\.\d{1,15})?"""
    r"|None\b|True\b|False\b|null\b|true\b|false\b"
)
NUMERAL = re.compile(r"[\d\s.%-]+")
NO_LABELS = "the list for this sample holds something else than labels"
AS_JSON = {"None": "null", "True": "true", "False": "false"}


@dataclass(frozen=True)
class Answer:
    """What became of one sample.

    Attributes
    ----------
    status : str
        One of :data:`STATUSES`.
    ranked : tuple of str, default=()
        Labels, best first, none twice. Labels of the vocabulary are spelled as there, others as the
        model wrote them. A truncated answer has its whole labels.
    reason : str, default=""
        Why there is no answer.

    See Also
    --------
    parse_answers : Reads answers from a reply.
    """

    status: str
    ranked: tuple = ()
    reason: str = ""


DECLINED = Answer("refused", reason="the model declined to answer for this sample")


@dataclass(frozen=True)
class _Entry:
    """What a reply holds about one sample; ``items`` is None where the sample was declined."""

    items: tuple | None
    number: int | None = None
    is_record: bool = False
    is_whole: bool = True
    is_text: bool = False
    reason: str = ""
    is_in_prose: bool = field(default=False, compare=False)  # behind words on its line


class _Unreadable(ValueError):
    """The reply as a whole answers no sample; its message says why."""


def parse_answers(reply, n_samples, vocabulary, finish_reason="stop"):
    """Read a reply about ``n_samples`` samples.

    Parameters
    ----------
    reply : str
    n_samples : int
        At least 1.
    vocabulary : sequence of str
        Labels to choose from; case does not matter.
    finish_reason : str, default="stop"
        The endpoint's: ``"length"`` if the reply was cut, ``"content_filter"``.

    Returns
    -------
    list of Answer of length n_samples

    See Also
    --------
    lstmfcn.zero_shot.ZeroShotRunner : Asks a model, and reads its replies.

    Notes
    -----
    Thoughts are no part of the reply: text between ``<think>`` and ``</think>``, and what other
    models put around theirs. Text after the words "final answer", or others that say the same,
    comes first; there, labels of the vocabulary need no brackets.

    If the reply numbers its lists, the numbers must be exactly 1 to n_samples. Otherwise the lists
    are in the order of the samples. No sample has an answer if there are more or fewer lists, or
    the reply can be read in two ways that differ. Nothing that was cut, declined, or not a list of
    texts becomes a label. Labels after the first may be out of the vocabulary.

    Examples
    --------
    >>> from lstmfcn.zero_shot import parse_answers
    >>> reply = '[{"name": 2, "result": ["Sad", "bored"]}, {"name": 1, "result": ["happy"]}]'
    >>> for answer in parse_answers(reply, 2, ("happy", "sad")):
    ...     print(answer.status, answer.ranked)
    ok ('happy',)
    ok ('sad', 'bored')
    """
    text = _without_thoughts(reply or "", finish_reason == "length")
    spelling = {label_key(label): label for label in vocabulary}
    try:
        if finish_reason == "content_filter":
            raise _Unreadable("the endpoint's filter withheld the reply")
        if reply and not text and finish_reason == "length":
            raise _Unreadable("the reply ends within a thought; ask with a larger max_tokens")
        entries = _read_final(text, n_samples, spelling)
    except _Unreadable as error:
        status = "truncated" if finish_reason == "length" else "parse_error"
        prose = _prose(text), _prose(FINAL.split(text)[-1])
        if finish_reason == "content_filter" or any(map(_declines, prose)):
            status = "refused"
        return [Answer(status, reason=str(error))] * n_samples
    return [_answer(entry, spelling) for entry in entries]


def label_key(label):
    """Return what all spellings of a label have in common: its letters without case."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def _answer(entry, spelling):
    """Return the answer that an entry is, labels as in the values of ``spelling``."""
    if entry.items is None:
        return DECLINED
    if entry.reason:
        return Answer("parse_error", reason=entry.reason)
    # On one line, without characters that cannot be seen or written.
    items = ["".join(filter(str.isprintable, " ".join(item.split()))) for item in entry.items]
    if entry.is_text and not all(label_key(item) in spelling for item in items):
        return Answer("parse_error", reason="this sample has a text in place of a list")
    ranked = tuple(dict.fromkeys(spelling.get(label_key(item), item) for item in items if item))
    if ranked and label_key(ranked[0]) not in spelling and NUMERAL.fullmatch(ranked[0]):
        return Answer("parse_error", reason=NO_LABELS)
    if not entry.is_whole:
        return Answer("truncated", ranked, "the reply ends within this sample's list")
    if not ranked:
        return Answer("refused", reason="the list for this sample is empty")
    if label_key(ranked[0]) in spelling:
        return Answer("ok", ranked)
    if _declines(ranked[0]):
        return DECLINED
    return Answer("oov", ranked)


def _without_thoughts(reply, is_cut):
    """Return a reply without thoughts, the word "output" and the fence of code around it.

    A thought without an end reaches to the end of the reply. Only of a reply that was not cut, and
    ends with a bracket, is it the answer.
    """
    reply = THOUGHT_ENDS.sub("</think>", THOUGHT_BEGINS.sub("<think>", reply))
    first, *rest = THOUGHT.split(reply)  # texts, and "/" or "" for the tags between them
    texts, tags = [first, *rest[1::2]], rest[::2]
    before, behind = ["/", *tags], [*tags, ""]
    if not is_cut and texts[-1].rstrip("` \r\n").endswith(("]", "}")):
        before[-1] = "/"
    # Text before an end without a beginning is a thought, too: the prompt's template has that one.
    tagged = zip(before, texts, behind, strict=True)
    text = "".join(text for begins, text, ends in tagged if (begins, ends) == ("/", ""))
    text = TOKEN_MARK.sub("", text).strip()
    text = re.sub(r"\Aoutput\b\s*:?", "", text, flags=re.IGNORECASE)
    return re.sub(r"^[ \t]*```\w*[ \t]*$", "", text, flags=re.MULTILINE).strip()


def _prose(text):
    """Return what a reply says before its first bracket."""
    return re.split(r"[\[{]", text, maxsplit=1)[0]


def _read_final(text, n_samples, spelling):
    """Return the entries of what follows the words "final answer", or of all where that fails."""
    final = FINAL.split(text)[-1]
    try:
        return _read(final, n_samples, spelling)
    except _Unreadable:
        if final == text or _declines(_prose(final)):
            raise
    plain = _read_plain(final, n_samples)
    if plain and all(label_key(item) in spelling for entry in plain for item in entry.items):
        return _in_order(plain)
    entries = _read(text, n_samples, spelling)
    # "[sad] ... Final answer: I would say happy" is not sad.
    said = label_key(final)  # Chinese words have no space between them
    named = {key for key in spelling if re.search(rf"\b{re.escape(key)}\b", said)}
    named |= {key for key in spelling if not key.isascii() and key in said}
    if named - {label_key(item) for entry in entries for item in (entry.items or ())[:1]}:
        raise _Unreadable("the final answer is no list of labels")
    return entries


def _read_plain(final, n_samples):
    """Return an entry for each line of a final answer without brackets; [] if it has others."""
    text = re.sub(r"</?\w{1,20}>|\\(?:boxed|text\w*)|[{}$`*#]", "", final)
    text = re.sub(r"\A[\s:\uff1a]*(?:(?:is|are)\b[\s:]*)?", "", text)
    lines = [line.strip(" \t-.>") for line in text.splitlines() if line.strip(" \t-.>")]
    if len(lines) != n_samples or len(text) > MAX_CHARACTERS:
        return []
    entries = []
    for line in lines:
        match = re.match(rf"{SAMPLE_NUMBER}\s*[:.)-]\s*", line, re.IGNORECASE)
        labels = line[match.end() :] if match else line
        items = tuple(filter(None, _split(labels.replace(">", ","))))
        entries.append(_Entry(items, int(match[1]) if match else None, is_text=True))
    return entries if all(entry.items for entry in entries) else []


def _read(text, n_samples, spelling):
    """Return an entry for each sample, in the order of the samples."""
    if not text:
        raise _Unreadable("the reply is empty")
    if len(text) > MAX_CHARACTERS:
        raise _Unreadable(
            f"the reply has {len(text)} characters; no more than {MAX_CHARACTERS} are read"
        )
    counts, decode_json = set(), json.JSONDecoder(object_pairs_hook=_without_twice).raw_decode
    for decode in (decode_json, _decode_python, None):
        candidates = _read_brackets(text) if decode is None else _read_values(text, decode)
        fitting = {tuple(entries) for entries in candidates if len(entries) == n_samples}
        # Records are what was asked for; a list beside them may repeat the categories.
        fitting = {e for e in fitting if all(one.is_record for one in e)} or fitting
        if len(fitting) > 1:
            raise _Unreadable("the reply can be read in two ways that differ")
        if fitting:
            entries = fitting.pop()
            # "I can't choose between [happy, sad]" declines, "I can't be sure: {...}" does not.
            if _declines(_prose(text)) and not all(entry.is_record for entry in entries):
                raise _Unreadable("the model declined to answer")
            if n_samples > 1 and any(_repeats(entry, spelling) for entry in entries):
                raise _Unreadable("a list repeats the categories, which may be no answer")
            return _in_order(entries)
        counts.update(map(len, candidates))
    if counts:
        raise _Unreadable(f"lists in the reply: {max(counts)}, expected {n_samples}")
    raise _Unreadable("the reply has no list of labels")


def _repeats(entry, spelling):
    """Whether a list within a sentence has the categories in the order of the prompt."""
    is_bare = entry.is_in_prose and entry.number is None and not entry.is_record
    return is_bare and list(map(label_key, entry.items or ())) == list(spelling)


def _declines(text):
    """Whether a text is a refusal. ("Sorry" alone is a feeling.)"""
    return REFUSAL.search(text) is not None and text.strip(" .").lower() != "sorry"


def _in_order(entries):
    """Return the entries in the order of the samples."""
    numbers = [entry.number for entry in entries]
    if set(numbers) == {None}:
        return entries
    if set(numbers) != set(range(1, len(entries) + 1)):
        given = ", ".join("-" if n is None else str(n) for n in numbers)
        raise _Unreadable(f"the lists have the numbers {given}; expected 1 to {len(entries)}")
    return sorted(entries, key=lambda entry: entry.number)


def _read_values(text, decode):
    """Return candidates, lists of entries of JSON or Python; none if a bracket opens no value."""
    candidates, single, position = [], [], 0
    while match := re.compile(r"[\[{]").search(text, position):
        before = text[position : match.start()]
        try:
            value, position = decode(text, match.start())
        except (ValueError, RecursionError):
            return []
        entries = _entries(value)
        if entries and len(entries) == 1:
            single.append(_numbered(entries[0], before))
        elif entries:
            candidates.append(entries)
    return candidates + [[entry] for entry in single] + ([single] if len(single) > 1 else [])


def _numbered(entry, before):
    """Return an entry with the number before it on its line, ``2: [...]``; note words there."""
    if re.search(r"[^\W\d_]", before.rsplit("\n", 1)[-1]):
        entry = replace(entry, is_in_prose=True)
    line = before.rstrip().rsplit("\n", 1)[-1]
    if entry.number is None and len(line) < NEAR:
        if match := re.fullmatch(rf"\W*{SAMPLE_NUMBER}\W*", line, re.IGNORECASE):
            return replace(entry, number=int(match[1]))
    return entry


def _entries(value, depth=0):
    """Return the entries that a decoded value holds, or None if it holds something else."""
    if isinstance(value, dict):
        return _entries_of_dict(value, depth)
    if all(isinstance(item, str) for item in value):
        return [_Entry(tuple(value))]
    if all(isinstance(item, dict) for item in value):
        found = [_entries_of_dict(item, 2) for item in value]
        if all(entries is not None and len(entries) == 1 for entries in found):
            return [entries[0] for entries in found]
    elif all(isinstance(item, list) for item in value):
        return [_entry(item) for item in value]
    return None


def _entries_of_dict(value, depth):
    """Return the entries of a record, of numbers with lists, or of what a record wraps."""
    fields = {str(key).strip().lower(): item for key, item in value.items()}
    results = [fields[key] for key in RESULT if key in fields]
    wraps = [item for item in fields.values() if isinstance(item, (list, dict))]
    items = results[0] if len(results) == 1 and isinstance(results[0], list) else results
    if len(results) == 1 and not any(isinstance(item, (list, dict)) for item in items):
        numbers = (_number(fields[key]) for key in NUMBER if key in fields)
        number = next((n for n in numbers if n is not None), None)
        return [_entry(results[0], number, is_record=True)]
    if fields and all(_number(key) is not None for key in fields):
        return [_entry(item, _number(key), is_record=True) for key, item in fields.items()]
    if len(wraps) == 1 and depth < 2:
        return _entries(wraps[0], depth + 1)
    return None


def _entry(item, number=None, is_record=False):
    """Return the entry of one sample: a list of texts, or one text of labels with commas."""
    if item is None or (isinstance(item, str) and _declines(item)):
        return _Entry(None, number, is_record)
    if isinstance(item, str):
        return _Entry(tuple(_split(item)), number, is_record, is_text=True)
    if isinstance(item, list) and all(isinstance(one, str) for one in item):
        return _Entry(tuple(item), number, is_record)
    return _Entry((), number, is_record, reason=NO_LABELS)


def _number(value):
    """Return the sample number that a value is ("sample 3", 3), or None."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    match = re.fullmatch(rf"\s*{SAMPLE_NUMBER}\s*\.?", str(value)[:40], re.IGNORECASE)
    return int(match[1]) if match else None


def _without_twice(pairs):
    """Return a dict of pairs; of two results under one name none is taken."""
    if len({str(key).strip().lower() for key, _ in pairs}) != len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def _decode_python(text, start):
    """Return the value that begins at a position, and where it ends; raise ValueError if none."""
    tokens, depth, position = [], 0, start
    while True:
        match = TOKEN.match(text, position)
        if match is None:
            raise ValueError("no value")
        token, position = match[0], match.end()
        if token.isspace():
            continue
        if token in "]}" and tokens[-1:] == [","]:
            tokens.pop()
        if token.startswith("'"):
            token = json.dumps(token[1:-1].replace("\\'", "'"))
        tokens.append(AS_JSON.get(token, token))
        depth += (token in "[{") - (token in "]}")
        if depth > MAX_DEPTH:
            raise ValueError("no answer is as deep as this")
        if depth == 0:
            decoded = json.loads("".join(tokens), object_pairs_hook=_without_twice)
            return decoded, position


def _read_brackets(text):
    """Read the first brackets after each word "result", or "name", or else all innermost ones."""
    pieces = re.split(r"\b(names?|results?)\b", text, flags=re.IGNORECASE)
    words = [piece.lower()[:4] for piece in pieces[1::2]]
    if not words:
        entries, end = [], 0
        for match in re.finditer(r"\[([^\[\]]*)(\]|\Z)", text):
            entry = _between(match[1], bool(match[2]), is_last=match.end() == len(text))
            entries.append(_numbered(entry, text[end : match.start()]))
            end = match.end()
        return [entries] if entries else []
    entries, number = [], None
    listing = "resu" if "resu" in words else "name"
    for i, (word, piece) in enumerate(zip(words, pieces[2::2], strict=True)):
        if word == "name":
            match = re.match(rf"[\s\"':=]*{SAMPLE_NUMBER}(?!\w)", piece[:NEAR], re.I)
            number = int(match[1]) if match else None
        match = re.search(r"\[([^\]]*)(\]?)", piece)
        # "[{" opens the list of records.
        if word == listing and match and not re.match(r"\s*[\[{]", match[1]):
            entry = _between(match[1], bool(match[2]), is_last=i == len(words) - 1)
            entries.append(replace(entry, number=number, is_record=True))
            number = None
    return [entries] if entries else []


def _between(inside, is_closed, is_last):
    """Return the entry of what stands between brackets."""
    if is_closed:
        return _Entry(tuple(_split(inside)))
    if is_last:
        whole = re.findall(r'"([^"]*)"', inside) if '"' in inside else _split(inside)[:-1]
        return _Entry(tuple(whole), is_whole=False)
    return _Entry((), reason="the list for this sample has no end")


def _split(inside):
    """Return the items of a list, with or without quotes."""
    if not re.sub(r'"[^"]*"', "", inside).strip(", \n\t"):
        return re.findall(r'"([^"]*)"', inside)
    return [piece.strip(" \n\t\"'`\u201c\u201d\u2018\u2019") for piece in inside.split(",")]
