"""Which clips is a model trained on, and which ones are scored? A fixed split, or folds."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from lstmfcn.emotion.clip_labels import EMOTIONS, ClipTable, counted
from lstmfcn.emotion.corpus import check_labels, joined, load_corpus, merged_classes
from lstmfcn.emotion.mer2024 import Track, load_track
from lstmfcn.emotion.open_vocabulary import read_label_sets
from lstmfcn.files import check_writable
from lstmfcn.meta.folds import make_folds, read_folds, write_folds
from lstmfcn.untrusted import listed
from lstmfcn.warning import warn

HELD_OUT = "held-out training clips"  # scored where no test clips are labelled
OWN_SPLITS = ("test", "noisy", "open vocabulary")  # files and datasets have plain names
N_FOLDS = 5  # where no test clips are labelled, one of so many is held out
EVERYTHING = -1  # the part that trains on all labelled clips, and scores none


@dataclass(frozen=True, eq=False)
class Source:
    """The clips of a corpus, how they are split, and where their features lie.

    Of a fixed split there is one part. Of folds, each holds out one part, and all scores are of
    all parts together. The part :data:`EVERYTHING` trains on all labelled clips.
    """

    name: str
    root: Path  # of the feature sets
    found: Track
    group: str | None = None
    on_missing: str = "error"
    folds: tuple = ()  # rows of `labelled` that each fold holds out
    title: str = ""  # of the folds in tables
    full_test: ClipTable | None = None  # of track "noise": the clean test clips

    @cached_property
    def labelled(self):
        """All labelled clips that folds divide."""
        return joined([self.found.train, self.found.test])

    @property
    def n_parts(self):
        """Trainings that are scored, for each seed."""
        return len(self.folds) or 1

    @property
    def holds_out(self):
        """Whether scored models have not seen all labels that there are to train on."""
        return bool(self.folds) or HELD_OUT in self.tables(0)

    def tables(self, part):
        """Return split -> ClipTable of a part: "train", perhaps "unlabelled", then the tests."""
        tables = {"train": self.found.train}
        if self.found.unlabelled is not None:
            tables["unlabelled"] = self.found.unlabelled
        if part == EVERYTHING:
            return tables | ({"train": self.labelled} if self.folds else {})
        if self.folds:
            return self._hold_out(tables, self.labelled, self.folds[part], self.title)
        if self.found.name == "ov":
            source, names = self.found.ground_truth, read_label_sets(self.found.ground_truth)
            return tables | {"open vocabulary": ClipTable(source.name, tuple(names), None, ())}
        tests = {"noisy" if self.found.name == "noise" else "test": self.found.test}
        tests["clean"] = self.full_test
        tests = {test: table for test, table in tests.items() if table is not None}
        if tests:
            return tables | tests
        return self._hold_out(tables, self.found.train, self._one_fold, HELD_OUT)

    @cached_property
    def _one_fold(self):
        table = self.found.train
        refusal = f"no test clips are labelled, and {table.source} cannot give some"
        n_folds = min(N_FOLDS, _n_groups(table, self.group))
        return folds_of(table, n_folds, self.group, refusal)[0]

    def _hold_out(self, tables, table, held, title):
        train, test = table[np.setdiff1d(np.arange(len(table)), held)], table[held]
        tables = {**tables, "train": train}
        if self.group is not None and "unlabelled" in tables:
            unlabelled = tables["unlabelled"]
            known = ~np.isin(unlabelled.groups(self.group), np.unique(test.groups(self.group)))
            tables["unlabelled"] = unlabelled[known]
        return tables | {title: test}

    def scored(self):
        """Return test -> ClipTable of all parts together, in the order of the parts."""
        parts = [self.tables(part) for part in range(self.n_parts)]
        tests = [test for test in parts[0] if test not in ("train", "unlabelled")]
        return {
            test: parts[0][test] if len(parts) == 1 else joined([part[test] for part in parts])
            for test in tests
        }

    def within(self, part, n_folds):
        """Return the training clips of a part in folds of their own: no test clip is among them."""
        train = self.tables(part)["train"]
        n_folds = min(n_folds, _n_groups(train, self.group))
        folds = folds_of(train, n_folds, self.group, "feature sets cannot be ranked")
        found = Track("full", train, None, None)
        return replace(self, found=found, folds=tuple(folds), title=HELD_OUT, full_test=None)

    def with_folds(self, folds, stored_in=None):
        """Return the source divided into folds: a number of them, or "loso".

        "loso" leaves out one value of `group` at a time, by default one speaker. ``stored_in`` is
        the folder of the results: it keeps the folds, and a later call reads them.
        """
        table, group, rows = self.labelled, self.group, None
        title = f"{folds} folds" + (f" by {group}" if group else "")
        if folds == "loso":
            group = group or "speaker"
            title = f"leave one {group} out"
        path = stored_in and Path(stored_in) / f"{title.replace(' ', '-')}.csv"
        if path and path.exists():
            try:
                rows = read_folds(path, table.names)
            except ValueError as error:
                raise ValueError(f"{error} For other clips, use another folder.") from None
            if group is not None:
                _check_groups(rows, table.groups(group), group, path, one_each=folds == "loso")
        if rows is None:
            if folds == "loso":
                names = table.groups(group)
                rows = [np.flatnonzero(names == name) for name in np.unique(names)]
                if len(rows) < 2:
                    raise ValueError(
                        f"{table.source} has one {group}, which cannot be left out; choose "
                        "n_folds=5."
                    )
            else:
                rows = folds_of(table, folds, group, f"{folds} folds are not possible")
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
                check_writable(path)
                write_folds(path, rows, table.names)
        return replace(self, group=group, folds=tuple(rows), title=title)


def open_source(
    root,
    track="full",
    *,
    labels=None,
    label_column=None,
    classes=None,
    merge=None,
    group=None,
    on_missing="error",
):
    """Find the clips of a track, or of one table of labels: Source.

    Parameters
    ----------
    root : str or path
        The folder of the features, and, without `labels`, of the label files in MER2024's layout.
    track : {"full", "semi", "noise", "ov"}, default="full"
    labels : str or path, default=None
        One table of all clips, as for `load_corpus`.
    label_column, merge
        As for `load_labels`.
    classes : sequence of str, default=None
        The emotions to keep, in order; clips of others are left out. None takes MER2024's six, or,
        where none of these occurs and of one table, the labels that do.
    group : str, default=None
        A column such as "speaker", no value of which may be in train and in test.
    on_missing : {"error", "drop", "zeros"}, default="error"
        As for `select_features`.
    """
    root = Path(root).expanduser()
    reading = {"label_column": label_column, "merge": merge, "group": group}
    full_test = None
    if labels is None:
        found, classes = _load_track(root, track, classes, reading)
        if track == "noise":
            full = load_track(root, "full", classes=classes, others="drop", **reading)
            full_test = full.test
        name = root.resolve().name
    else:
        if track not in ("full", "semi"):
            raise ValueError(
                f"track={track!r} needs the files of MER2024's layout; leave track out, or labels."
            )
        found = load_corpus(labels, classes=classes, **reading)
        if track == "semi" and found.unlabelled is None:
            raise ValueError(
                f"{Path(labels).name} has no clip without an emotion, which track='semi' learns "
                "from; leave track out."
            )
        found = replace(found, name=track)
        labels = Path(labels).expanduser().resolve()
        name = labels.parent.name or labels.stem
    _check_classes(found.train)
    return Source(name, root, found, group, on_missing, full_test=full_test)


def _check_classes(table):
    """Refuse a single emotion, and tell which ones have one clip."""
    labels, counts = np.unique(table.y, return_counts=True)
    if len(labels) < 2:
        raise ValueError(
            f"{table.source} has {len(table)} clip{'s' if len(table) > 1 else ''} of one emotion, "
            f"{labels[0]}, to train on; a classifier needs two emotions, with several clips each."
        )
    if rare := labels[counts == 1].tolist():
        warn(
            f"{table.source} has one clip of {', '.join(rare)}, from which nothing general can be "
            "learned; add clips, leave the emotion out with classes=..., or join it to another "
            "with merge=..."
        )


def _load_track(root, track, classes, reading):
    """Load a track, and return it and its classes; None takes MER2024's if any occurs."""
    raw = load_track(root, track, classes=None, **{**reading, "merge": None, "group": None})
    tables = [table for table in (raw.train, raw.test) if table is not None]
    labels, counts = np.unique(np.concatenate([table.y for table in tables]), return_counts=True)
    found, merge = dict(zip(labels.tolist(), counts.tolist(), strict=True)), reading["merge"] or {}
    source = " and ".join(table.source for table in tables)
    classes = merged_classes(classes, merge)
    check_labels(source, found, classes, merge)
    known = {merge.get(label, label) for label in found}
    if classes is None and not known.isdisjoint(EMOTIONS):
        classes = EMOTIONS
        others = {label: n for label, n in found.items() if merge.get(label, label) not in classes}
        if others:
            raise ValueError(
                f"{source} has labels besides MER2024's six: {counted(others)}; all its labels are "
                f"{counted(found)}. Name those to keep by classes=..., or rename some by merge=..."
            )
    return load_track(root, track, classes=classes, others="drop", **reading), classes


def folds_of(table, n_folds, group, refusal):
    """Return the rows that each fold holds out: stratified, of whole groups."""
    groups = None if group is None else table.groups(group)
    n_groups = _n_groups(table, group)
    if n_groups < 2:
        raise ValueError(f"{refusal}: it has one {group or 'clip'}, which would be on both sides.")
    if n_groups < n_folds:
        what = f"values of {group}" if group else "clips"
        raise ValueError(
            f"{refusal}: {table.source} has {n_groups} {what}; choose n_folds={n_groups} at most."
        )
    try:
        return make_folds(len(table), n_folds, random_state=0, y=table.y, groups=groups)
    except ValueError:
        labels, counts = np.unique(table.y, return_counts=True)
        n_clips = f"{counts.min()} clip{'s' if counts.min() > 1 else ''}"
        raise ValueError(
            f"{refusal}: of {labels[counts.argmin()]} it has {n_clips}, and {n_folds} folds need "
            f"{n_folds}; label more clips."
        ) from None


def _check_groups(rows, groups, group, path, *, one_each):
    """Refuse stored folds that divide a group, or, of "loso", that hold out several."""
    held_out = [set(groups[held].tolist()) for held in rows]
    for k, found in enumerate(held_out):
        if one_each and len(found) > 1:
            other = f"fold {k} holds out {listed(sorted(found))}"
        elif divided := found & set().union(*held_out[:k], *held_out[k + 1 :]):
            other = f"{min(divided)} is in several folds"
        else:
            continue
        raise ValueError(
            f"{path} has folds of other values of {group}: {other}. Use another folder for the "
            "results."
        )


def _n_groups(table, group):
    return len(table) if group is None else len(np.unique(table.groups(group)))
