"""Which clips of one table are trained on, tested on and predicted? Any corpus, by column names."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from lstmfcn.emotion.clip_labels import (
    ClipTable,
    checked_classes,
    clip_table,
    counted,
    labelled_table,
    read_clips,
)
from lstmfcn.emotion.mer2024 import Track, check_splits
from lstmfcn.untrusted import listed

SPLIT = "split"  # column that says what a clip is for
TRAIN = ("train", "training", "dev", "devel", "development", "val", "valid", "validation")
TEST = ("test", "testing", "eval", "evaluation")


def load_corpus(path, *, label_column=None, classes=None, merge=None, group=None):
    """Read the clips and labels of one table.

    Clips without an emotion are unlabelled. A column `split` says which labelled clips are trained
    on (train, dev, val) and which are tested on (test, eval); without it all are trained on. Clips
    of the split "unlabelled" are unlabelled, whatever their emotion.

    Parameters
    ----------
    path : str or path
        A CSV file, as for `load_labels`.
    label_column, merge
        As for `load_labels`.
    classes : sequence of str, default=None
        The emotions to keep, in order, by their old or new names; clips of others are left out.
        None keeps all.
    group : str, default=None
        A column, such as "speaker", no value of which may be in train and in test.

    Returns
    -------
    Track
        Of the name "full", or "semi" where there are unlabelled clips.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load_labels`, or if a split is unknown, or `merge` or `classes` name a label that no
        clip has.

    See Also
    --------
    load_track : Reads the files of MER2024's layout.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion import load_corpus
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.csv")
    ...     rows = "a.wav,sad,train\\nb.wav,happy,train\\nc.wav,excited,test\\nd.wav,,\\n"
    ...     _ = path.write_text(f"file,emotion,split\\n{rows}")
    ...     track = load_corpus(path, merge={"excited": "happy"})
    >>> track.train.names, track.test.y.tolist(), track.unlabelled.names
    (('a', 'b'), ['happy'], ('d',))
    """
    path = Path(path).expanduser()
    rows, extra, problems = read_clips(path, ("name", "discrete"), None, label_column)
    merge = dict(merge or {})
    for _, row in rows:
        if row.get(SPLIT, "").lower() == "unlabelled":
            row["discrete"] = ""
    found = Counter(row["discrete"] for _, row in rows if row["discrete"])
    if not found:
        raise ValueError(f"{path.name} has no clip with an emotion; label some of each class.")
    classes = merged_classes(classes, merge)
    check_labels(path.name, found, classes, merge)
    all_classes = checked_classes(classes or sorted({merge.get(label, label) for label in found}))
    parts = {"train": [], "test": [], "unlabelled": []}
    for place, row in rows:
        split = row.get(SPLIT, "").lower() or "train"
        part = "test" if split in TEST else "train"
        if split not in (*TRAIN, *TEST, "unlabelled"):
            problems.append(
                f"{place}: the split {row[SPLIT]!r} is unknown; expected train, dev or test"
            )
        parts["unlabelled" if not row["discrete"] else part].append((place, row))
    tables = {
        part: labelled_table(path, some, extra, problems, all_classes, merge, "drop")
        for part, some in parts.items()
        if some and part != "unlabelled"
    }
    unlabelled = parts["unlabelled"]
    tables["unlabelled"] = None
    if unlabelled:
        tables["unlabelled"] = clip_table(path, unlabelled, extra, y=None, classes=all_classes)
    if "train" not in tables:
        raise ValueError(f"{path.name} has no labelled clip to train on; see its column split.")
    if "test" in tables:
        named = (
            replace(tables[part], source=f"{part} of {path.name}") for part in ("train", "test")
        )
        check_splits(*named, group=group)
    name = "semi" if unlabelled else "full"
    return Track(name, tables["train"], tables["unlabelled"], tables.get("test"))


def joined(tables):
    """Return the clips of several labelled tables as one ClipTable."""
    first, *_ = tables = [table for table in tables if table is not None]
    columns = [name for name in first.columns if all(name in table.columns for table in tables)]
    return ClipTable(
        " and ".join(dict.fromkeys(table.source for table in tables)),
        tuple(name for table in tables for name in table.names),
        np.concatenate([table.y for table in tables]),
        first.classes,
        columns={name: np.concatenate([t.columns[name] for t in tables]) for name in columns},
        left_out=dict(sum((Counter(table.left_out) for table in tables), Counter())),
    )


def merged_classes(classes, merge):
    """Return classes to keep under the names that `merge` gives them, each once.

    >>> merged_classes(["sad", "excited", "happy"], {"excited": "happy"})
    ['sad', 'happy']
    """
    if not classes or not merge:
        return classes  # of which each may be named once
    return list(dict.fromkeys(merge.get(label, label) for label in classes))


def check_labels(source, found, classes, merge):
    """Refuse classes, and labels to merge, that no clip has."""
    known = {merge.get(label, label) for label in found}
    for name, wanted, there in (("merge", merge, set(found)), ("classes", classes or (), known)):
        absent = [label for label in wanted if label not in there]
        if absent:
            raise ValueError(
                f"{source} has no clip of {listed(absent)}; its labels are {counted(found)}. "
                f"Correct {name}=..."
            )
