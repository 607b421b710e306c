"""What was GPT-4V asked in each of the 19 datasets, and what was published about its answers?

The facts are those of Lian, Sun, Sun, Chen, Wen, Gu, Liu, Tao, "GPT-4V with Emotion: A Zero-shot
Benchmark for Generalized Emotion Recognition", 2023, arXiv:2312.04293, in the early version whose
tables lie beside the released answers (19 datasets, 25 numbers). The rules of scoring are not
stated there: the four below are those that give its numbers.
"""

import re
from dataclasses import dataclass, field

__all__ = ["RULES", "TASKS", "ZeroShotTask", "zero_shot_task"]

RULES = {
    "keep": ("accuracy",),
    "drop": ("accuracy", "uar"),
    "polarity": ("waf",),
    "exact": ("accuracy",),
}
"""The four published rules, and the metrics that each one prints.

``"keep"``: accuracy of the answered samples; answers out of the vocabulary are wrong.
``"drop"``: weighted (WAR, the accuracy) and unweighted average recall (UAR) of the samples
answered within the vocabulary. ``"polarity"``: weighted F1 (WAF) of positive against negative
intensity, zero left out; any answer without the word "positive" is negative. ``"exact"``: accuracy
of the answered samples, by exact spelling.
"""

POLARITY = ("negative", "positive")


@dataclass(frozen=True)
class ZeroShotTask:
    """One dataset as it was put to a model: labels to choose from, rule of scoring, files.

    Attributes
    ----------
    name : str
        The folder of its files.
    vocabulary : tuple of str
        The labels that the model was offered, in their order.
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

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot.tasks import ZeroShotTask
    >>> task = ZeroShotTask("mine", ("happy", "sad"))
    >>> task.files(""), task.predicted_class("happy"), task.predicted_class("Happy") is None
    (('label-gpt4v.csv', 'label.csv'), 'happy', True)
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
        if self.rule not in RULES:
            raise ValueError(f"rule={self.rule!r} is unknown; choose one of {', '.join(RULES)}.")
        vocabulary = tuple(self.vocabulary)
        if (
            isinstance(self.vocabulary, str)
            or len(set(vocabulary)) != len(vocabulary)
            or not (len(vocabulary) > 1)
        ):
            raise ValueError(
                f"vocabulary={self.vocabulary!r} is not a list of at least two different labels; "
                "pass those that the model was offered."
            )
        object.__setattr__(self, "vocabulary", vocabulary)
        object.__setattr__(self, "title", self.title or self.name)

    def classes(self, align_labels=True):
        """Return the classes that are scored, as a tuple of str.

        Parameters
        ----------
        align_labels : bool, default=True
            If not, a true label that the vocabulary spells differently is a class of its own.
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
        """Return the class of a true label (a number where intensities are), or None.

        None stands for an intensity of zero, and for a label that belongs to no class.
        """
        if self.rule == "polarity":
            return None if label == 0 else POLARITY[bool(label > 0)]
        if self.sentiments:
            return label if label in POLARITY else self.sentiments.get(label)
        label = self.spelling.get(label, label) if align_labels else label
        return label if label in self.classes(align_labels) else None

    def variant(self, text):
        """Return the variant that a text means: ``"multi"``, ``"label-gpt4v-multi.csv"``, None.

        Raises
        ------
        ValueError
            If there is no such variant, or none is named of several that were published, or of
            several of a dataset of which none was.
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


_INTENSITIES = ("negative", "weakly negative", "neutral", "weakly positive", "positive")
_GOOD = ("amusement", "awe", "content", "contentment", "excitement")


def _faces(name, title, vocabulary, accuracy, variants=("",)):
    published = {variants[0]: {"accuracy": accuracy}}
    return ZeroShotTask(name, vocabulary.split(), title, "keep", variants, published)


def _clips(name, title, vocabulary, war, uar, variants=("",)):
    published = {variants[0]: {"accuracy": war, "uar": uar}}
    return ZeroShotTask(name, vocabulary.split(), title, "drop", variants, published)


def _evoked(name, title, vocabulary, accuracy):
    sentiments = {
        label: "positive" if label.lower() in _GOOD else "negative" for label in vocabulary.split()
    }
    published = {"": {"accuracy": accuracy}}
    return ZeroShotTask(
        name, vocabulary.split(), title, "keep", published=published, sentiments=sentiments
    )


def _speech(name, title, vocabulary, rule, metric, value, spelling=None):
    variants, published = ("multi", "text", "video"), {"multi": {metric: value}}
    return ZeroShotTask(name, vocabulary, title, rule, variants, published, {}, spelling or {})


_TASKS = [
    _faces("ckplus", "CK+", "anger contempt disgust fear happy sadness surprise", 69.72),
    _faces("sfew2", "SFEW 2.0", "Angry Disgust Fear Happy Neutral Sad Surprise", 57.24),
    _faces(
        "rafdb",
        "RAF-DB",
        "Surprise Fear Disgust Happiness Sadness Anger Neutral",
        75.81,
        ("rgb", "grey"),
    ),
    _faces(
        "ferplus",
        "FERPlus",
        "neutral happiness surprise sadness anger disgust fear contempt",
        64.25,
    ),
    _faces(
        "affectnet",
        "AffectNet",
        "Surprise Contempt Happiness Anger Neutral Sadness Fear Disgust",
        42.77,
    ),
    _evoked(
        "abstract", "Abstract", "Amusement Anger Awe Content Disgust Excitement Fear Sad", 71.81
    ),
    _evoked(
        "artphoto",
        "ArtPhoto",
        "disgust awe sad fear anger excitement contentment amusement",
        80.40,
    ),
    ZeroShotTask(
        "twitter1",
        ("positive", "negative"),
        "Twitter I",
        variants=("five", "four", "three"),
        published={
            "five": {"accuracy": 97.81},
            "four": {"accuracy": 94.63},
            "three": {"accuracy": 90.71},
        },
        label_files={
            "five": "label_five_agree.csv",
            "four": "label_at_least_four_agree.csv",
            "three": "label_at_least_three_agree.csv",
        },
    ),
    _faces("twitter2", "Twitter II", "positive negative", 87.95),
    _faces("casme1", "CASME", "tense disgust repression surprise", 36.93),
    _faces("casme2", "CASME II", "happiness surprise disgust repression others", 14.64),
    _faces("samm", "SAMM", "Anger Contempt Happiness Surprise Other", 17.04),
    _clips("dfew", "DFEW", "Sad Neutral Angry Fear Surprise Happy Disgust", 43.80, 36.96),
    _clips("ferv39k", "FERV39k", "Angry Disgust Fear Happy Neutral Sad Surprise", 34.29, 24.92),
    _clips(
        "ravdess",
        "RAVDESS",
        "surprised neutral disgust sad happy calm fearful angry",
        34.31,
        36.98,
        ("3", "2"),
    ),
    _clips(
        "enterface",
        "eNTERFACE05",
        "happiness anger disgust fear surprise sadness",
        33.28,
        33.11,
        ("3", "2"),
    ),
    _speech("cmumosi", "CMU-MOSI", _INTENSITIES, "polarity", "waf", 80.43),
    _speech("sims", "CH-SIMS", _INTENSITIES, "polarity", "waf", 81.24),
    _speech(
        "mer2023",
        "MER2023",
        ("worried", "happy", "neutral", "angry", "surprised", "sad"),
        "exact",
        "accuracy",
        63.50,
        {"surprise": "surprised"},
    ),
]
TASKS = {task.name: task for task in _TASKS}
"""The 19 datasets: name of the folder -> :class:`ZeroShotTask`, in the order of the tables."""

_OTHER_NAMES = {"sfew": "sfew2", "fer2013": "ferplus", "casme": "casme1"}


def zero_shot_task(name):
    """Return one of the 19 datasets.

    Parameters
    ----------
    name : str
        Its folder (``"cmumosi"``) or its title (``"CMU-MOSI"``), in any case.

    Returns
    -------
    ZeroShotTask

    Raises
    ------
    ValueError
        If there is no such dataset.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot.tasks import zero_shot_task
    >>> task = zero_shot_task("CMU-MOSI")
    >>> task.name, task.rule, task.published
    ('cmumosi', 'polarity', {'multi': {'waf': 80.43}})
    """
    key = _key(name)
    for task in _TASKS:
        if key in (task.name, _key(task.title)) or _OTHER_NAMES.get(key) == task.name:
            return task
    raise ValueError(f"dataset={name!r} is unknown; choose one of {', '.join(TASKS)}.")


def _key(name):
    return re.sub(r"[^a-z0-9+]", "", str(name).lower())
