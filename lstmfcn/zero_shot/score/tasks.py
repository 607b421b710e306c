"""What was GPT-4V asked in each of the 19 datasets, and which numbers were published?

The source is Lian, Sun, Sun, Chen, Wen, Gu, Liu, Tao, "GPT-4V with Emotion: A Zero-shot Benchmark
for Generalized Emotion Recognition", 2023, arXiv:2312.04293, in the early version that comes with
the released answers. It does not state how they were scored: the rules below give its numbers.
"""

import re
from dataclasses import dataclass, field

from lstmfcn.files import packaged_rows
from lstmfcn.validation import check_choice

RULES = {
    "keep": ("accuracy",),
    "drop": ("accuracy", "uar"),
    "polarity": ("waf",),
    "exact": ("accuracy",),
}
"""The rules and the metrics that each one prints.

``"keep"``: accuracy of the answered samples; answers out of the vocabulary are wrong. ``"exact"``:
the same, by exact spelling. ``"drop"``: weighted (WAR, the accuracy) and unweighted average recall
(UAR) of the samples answered within the vocabulary. ``"polarity"``: weighted F1 (WAF) of positive
against negative intensity, zero left out; any answer without the word "positive" is negative.
"""

POLARITY = ("negative", "positive")


@dataclass(frozen=True)
class ZeroShotTask:
    """One dataset as a model was asked about it: vocabulary, rule of scoring, files.

    Attributes
    ----------
    name : str
        The folder of its files.
    vocabulary : tuple of str
        The labels that the model had to choose from, in their order.
    title : str
        As printed; by default the name.
    rule : str, default="keep"
        One of :data:`RULES`.
    variants : tuple of str, default=("",)
        Ways in which it was asked, the published ones first; ``""`` is the only one.
    published : mapping of variant to dict of metric to float
        In per cent, to two decimals.
    sentiments : mapping of label to "positive" or "negative"
        Where answers are scored by their sentiment.
    spelling : mapping of label to label
        True labels that the vocabulary spells differently.
    label_files : mapping of variant to str
        Where variants have different label files; by default all have ``label.csv``.

    See Also
    --------
    zero_shot_task : One of the 19 datasets by its name.
    """

    name: str
    vocabulary: tuple
    title: str = ""
    rule: str = "keep"
    variants: tuple = ("",)
    published: dict = field(default_factory=dict)
    sentiments: dict = field(default_factory=dict)
    spelling: dict = field(default_factory=dict)
    label_files: dict = field(default_factory=dict)

    def __post_init__(self):
        check_choice(self.rule, "rule", RULES)
        vocabulary = tuple(self.vocabulary)
        is_set = not isinstance(self.vocabulary, str) and len(set(vocabulary)) == len(vocabulary)
        if not is_set or len(vocabulary) < 2:
            raise ValueError(
                f"vocabulary={self.vocabulary!r} is not a list of at least two different labels; "
                "pass those that the model had to choose from."
            )
        object.__setattr__(self, "vocabulary", vocabulary)
        object.__setattr__(self, "title", self.title or self.name)

    def classes(self, align_labels=True):
        """Return the classes that are scored, as a tuple of str.

        Without ``align_labels``, each true label in ``spelling`` is a class of its own.
        """
        if self.rule == "polarity" or self.sentiments:
            return POLARITY
        return self.vocabulary if align_labels else (*self.vocabulary, *self.spelling)

    def predicted_class(self, label):
        """Return the class of an answer, or None if it is out of the vocabulary."""
        if label not in self.vocabulary:
            return None
        if self.rule == "polarity":
            return POLARITY["positive" in label]
        return self.sentiments.get(label, label)

    def true_class(self, label, align_labels=True):
        """Return the class of a true label or intensity, or None; 0.0 has none."""
        if self.rule == "polarity":
            return None if label == 0 else POLARITY[bool(label > 0)]
        label = self.spelling.get(label, label) if align_labels else label
        label = self.sentiments.get(label, label)
        return label if label in self.classes(align_labels) else None

    def variant(self, text):
        """Return the variant that a text means: ``"multi"``, ``"label-gpt4v-multi.csv"``.

        None means the published or only one; a ValueError if there are several.
        """
        if text is None:
            candidates = list(self.published or self.variants)
            if len(candidates) > 1:
                raise ValueError(
                    f"{self.name} has several variants; choose one of {', '.join(candidates)}."
                )
            return candidates[0]
        parts = str(text).removesuffix(".csv").split("-")
        variant = "-".join(part for part in parts if part not in ("label", "gpt4v", ""))
        if variant not in self.variants:
            known = ", ".join(self.variants) if any(self.variants) else "none, leave it out"
            raise ValueError(f"variant={text!r} of {self.name} is unknown; choose of: {known}.")
        return variant

    def files(self, variant):
        """Return the names of the file of answers and of the label file of a variant."""
        if self.label_files:
            return f"label-{variant}-gpt4v.csv", self.label_files[variant]
        return f"label-gpt4v{'-' if variant else ''}{variant}.csv", "label.csv"


def _packaged_tasks():
    """Return name -> task of the 19 datasets, in the order of the tables."""
    published = {}
    for row in packaged_rows("lstmfcn.zero_shot.score", "published.csv"):
        numbers = published.setdefault(row["dataset"], {}).setdefault(row["variant"], {})
        numbers[row["metric"]] = float(row["percent"])
    tasks = {}
    for row in packaged_rows("lstmfcn.zero_shot.score", "tasks.csv"):
        vocabulary, variants = row["vocabulary"].split(";"), tuple(row["variants"].split(";"))
        positive, label_files = row["positive"].split(";"), row["label_files"].split(";")
        tasks[row["dataset"]] = ZeroShotTask(
            row["dataset"],
            vocabulary,
            row["title"],
            row["rule"],
            variants,
            published[row["dataset"]],
            {label: POLARITY[label in positive] for label in vocabulary} if row["positive"] else {},
            dict([row["spelling"].split("=")]) if row["spelling"] else {},
            dict(zip(variants, label_files, strict=True)) if row["label_files"] else {},
        )
    return tasks


TASKS = _packaged_tasks()
"""The 19 datasets: name of the folder -> :class:`ZeroShotTask`, in the order of the tables."""
OTHER_NAMES = {"sfew": "sfew2", "fer2013": "ferplus", "casme": "casme1"}


def zero_shot_task(name):
    """Return one of the 19 datasets.

    Parameters
    ----------
    name : str
        Its folder (``"cmumosi"``) or its title (``"CMU-MOSI"``), in any case.

    Returns
    -------
    ZeroShotTask

    See Also
    --------
    ZeroShotTask : A dataset of your own.

    Examples
    --------
    >>> from lstmfcn.zero_shot import zero_shot_task
    >>> task = zero_shot_task("CMU-MOSI")
    >>> task.name, task.rule, task.published
    ('cmumosi', 'polarity', {'multi': {'waf': 80.43}})
    """
    key = _key(name)
    for task in TASKS.values():
        if key in (task.name, _key(task.title)) or OTHER_NAMES.get(key) == task.name:
            return task
    raise ValueError(f"dataset={name!r} is unknown; choose one of {', '.join(TASKS)}.")


def _key(name):
    return re.sub(r"[^a-z0-9+]", "", str(name).lower())
