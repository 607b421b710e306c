"""Which classifier, features and training does a run use? One dataclass, to and from JSON."""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lstmfcn.validation import brief, check_choice, check_counts

MODELS = {  # name in the command line -> label in tables, class
    "lstmfcn": ("LSTM-FCN", "LSTMFCNClassifier"),
    "alstmfcn": ("ALSTM-FCN", "ALSTMFCNClassifier"),
    "fcn": ("FCN", "FCNClassifier"),
    "ensemble": ("Ensemble", "LSTMFCNEnsemble"),
    "attention": ("Attention fusion", "AttentionFusionClassifier"),
    "svm": ("SVM", "LinearBaseline"),
    "logreg": ("Logistic regression", "LinearBaseline"),
}
BASELINES = ("svm", "logreg")
MOST_MEMBERS = LONGEST_CONTEXT = 1000  # which a foreign model file cannot exceed
N_UPDATES, BATCH_SIZE, MIN_EPOCHS = 2000, 16, 10  # of training on copies
# The published network: recipes were chosen with it, and sequences of features are short.
SHAPE = {
    "n_filters": (128, 256, 128),
    "n_steps": None,
    "dilation_rates": None,
    "views": ["values"],
    "rocket": False,
}
TRACK_DEFAULTS = {"noise": {"n_copies": 3}, "semi": {"pseudo_labels": {"threshold": 0.8}}}
NOT_IN_NAMES = re.compile(r"[^\w.+ ()-]")


@dataclass(frozen=True)
class EmotionRecipe:
    """How emotions are learned from feature sets: everything but data, track and seed.

    Parameters that do not go together raise a ValueError.

    Parameters
    ----------
    features : sequence of str
        Feature sets. Empty for a mean of other recipes.
    model : {"lstmfcn", "alstmfcn", "fcn", "ensemble", "attention", "svm", "logreg"}, \
default="alstmfcn"
        "ensemble" is :class:`lstmfcn.LSTMFCNEnsemble` of ALSTM-FCNs, for one feature set.
        "attention" is the baseline of MERTools, which fuses several feature sets in its own way.
        "svm" and "logreg" are linear classifiers of functionals or pooled frames.
    fusion : {"branch", "early", "late", None}, default=None
        Of several feature sets, as in :class:`lstmfcn.emotion.FusionClassifier`; None is "branch".
    settings : dict of str to JSON value, default={}
        Further parameters of the classifier, whose network is else the published one.
    n_epochs : int, default=None
        None leaves the number to the classifier; with augmented copies it means about 2000 updates.
    n_copies : int, default=0
        Augmented copies of each training clip.
    augmentation : dict of str to JSON value, default={}
        Parameters of :class:`lstmfcn.emotion.AugmentedClassifier`.
    n_timepoints : int, default=None
        Length that sequences are brought to; by default the median length of the training clips, in
        other modes than "resample" the length of the longest, at most 150.
    mode : {"resample", "mertools", "pad", None}, default=None
        How: interpolated, behind zeros, or as lists that classifiers pad and mask. None is
        "resample", but for utterances of a video "mertools".
    standardize_by : str, default=None
        A column such as "speaker": :func:`lstmfcn.emotion.standardize_by_group` standardises each
        of its values, over all clips that are not tested on, and over those of each test split.
    n_babble : int, default=0
        Copies of each training clip with others talking in the background, as by
        :func:`lstmfcn.emotion.with_babble`.
    babble_features : str, default=None
        The feature set that gets the babble, natural logarithms of power such as log-mel frames.
        Other feature sets are repeated without. None takes the only one.
    context : pair of int, default=(0, 0)
        Context window: utterances of the same video before and after the own one, at most 1000.
    n_mixed : int, default=0
        Each training utterance is replaced by so many copies, each mixed with one of another class.
    pseudo_labels : dict of str to JSON value, default=None
        Of track "semi", parameters of :class:`lstmfcn.emotion.PseudoLabelClassifier`.
    n_members : int, default=1
        Ensemble: so many classifiers, at most 1000, with seeds of their own, whose probabilities
        are averaged.
    mean_of : sequence of EmotionRecipe, default=()
        Ensemble of these recipes, each with its own features. Of the other parameters it takes
        `n_members` alone.

    Attributes
    ----------
    name : str
        Model, feature sets, fusion and copies: short, and fit for a folder's name. Long names of
        feature sets are cut, and end in six letters of their hash.
    label : str
        The name and everything else that is not a default: no two recipes have the same.

    See Also
    --------
    lstmfcn.emotion.recipe.default_recipe : Recipe with the defaults of a track.
    lstmfcn.emotion.PRESETS : Recipes that were chosen on training clips.

    Examples
    --------
    >>> from lstmfcn.emotion.recipe import EmotionRecipe
    >>> recipe = EmotionRecipe(["text"], "lstmfcn", settings={"n_cells": 64}, context=(4, 4))
    >>> recipe.label
    'LSTM-FCN text, cells 64, context 4+4'
    >>> EmotionRecipe.from_json(recipe.to_json()) == recipe
    True
    """

    features: tuple = ()
    model: str = "alstmfcn"
    fusion: str | None = None
    settings: Mapping = field(default_factory=dict)
    n_epochs: int | None = None
    n_copies: int = 0
    augmentation: Mapping = field(default_factory=dict)
    n_timepoints: int | None = None
    mode: str | None = None
    standardize_by: str | None = None
    n_babble: int = 0
    babble_features: str | None = None
    context: tuple = (0, 0)
    n_mixed: int = 0
    pseudo_labels: Mapping | None = None
    n_members: int = 1
    mean_of: tuple = ()

    def __post_init__(self):
        if isinstance(self.features, str):
            object.__setattr__(self, "features", (self.features,))
        for name in ("features", "context", "mean_of"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        check_counts(most=MOST_MEMBERS, n_members=self.n_members)
        if len(self.context) != 2:
            raise ValueError(
                f"context={brief(self.context)} must be two numbers: utterances before and after."
            )
        places = {f"context[{i}]": number for i, number in enumerate(self.context)}
        check_counts(least=0, most=LONGEST_CONTEXT, **places)
        if self.mean_of:
            own = sorted(set(self.to_json()) - {"mean_of", "n_members"})
            if own or any(one.mean_of or one.n_members > 1 for one in self.mean_of):
                raise ValueError(
                    f"a mean of recipes takes neither an ensemble nor {own[0] if own else 'a mean'}"
                    "; give its recipes what they need."
                )
            return
        self._check_model()
        check_counts(least=0, n_babble=self.n_babble, n_copies=self.n_copies, n_mixed=self.n_mixed)
        if self.n_babble and len(self.features) > 1 and self.babble_features is None:
            raise ValueError(
                f"n_babble={self.n_babble} is for one feature set, of log spectra; name one, or "
                "leave n_babble out."
            )
        if self.n_babble and self.n_mixed:
            raise ValueError("n_babble and n_mixed do not go together; leave one of them out.")

    def _check_model(self):
        check_choice(self.model, "model", tuple(MODELS))
        several = len(self.features) > 1
        if self.fusion is not None:
            check_choice(self.fusion, "fusion", ("branch", "early", "late"))
            if not several:
                raise ValueError(
                    f"fusion={self.fusion!r} needs several feature sets, but only "
                    f"{', '.join(self.features)} was named; name more, or leave fusion out."
                )
            if self.model in BASELINES:
                raise ValueError(
                    f"model={self.model!r} reads all feature sets as one vector; leave fusion out."
                )
            if self.model == "attention":
                raise ValueError(
                    "model='attention' fuses in its own way; leave fusion out, or choose another "
                    "model."
                )
        elif several and self.model == "ensemble":
            raise ValueError(
                f"model='ensemble' reads one feature set, not {', '.join(self.features)}; name "
                "one, or take n_members of another model."
            )
        elif several and self.model not in ("attention", *BASELINES):
            object.__setattr__(self, "fusion", "branch")

    @property
    def members(self):
        """Recipes of one classifier each, whose probabilities are averaged."""
        if self.mean_of:
            inner = [member for recipe in self.mean_of for member in recipe.members]
            return tuple(inner) * self.n_members
        return (replace(self, n_members=1),) * self.n_members

    @property
    def uses_unlabelled(self):
        """Whether unlabelled clips are learned from."""
        return any(member.pseudo_labels is not None for member in self.members)

    def on_labels_alone(self):
        """Return the same recipe without pseudo-labels."""
        mean_of = tuple(recipe.on_labels_alone() for recipe in self.mean_of)
        return replace(self, pseudo_labels=None, mean_of=mean_of)

    @property
    def name(self):
        if self.mean_of:
            names = [recipe.name for recipe in self.mean_of]
            return short_name(f"mean of {' and '.join(names)}", f"mean of {len(names)} recipes")
        features = short_name("+".join(self.features), f"{len(self.features)} feature sets")
        words = [MODELS[self.model][0], features]
        if self.fusion:
            words.append(f"{self.fusion} fusion")
        if self.n_copies:
            words.append(f"{self.n_copies} {'copy' if self.n_copies == 1 else 'copies'}")
        if self.uses_unlabelled:
            words.append("pseudo-labels")
        return NOT_IN_NAMES.sub("_", " ".join(words))

    @property
    def label(self):
        words = [self.name]
        if self.mean_of:
            words = [f"mean of {' and '.join(f'({recipe.label})' for recipe in self.mean_of)}"]
        for options in (self.augmentation, self.pseudo_labels or {}, self.settings):
            words += _words(options)
        for value, text in (
            (self.n_epochs, f"epochs {self.n_epochs}"),
            (self.n_timepoints, f"timepoints {self.n_timepoints}"),
            (self.mode, self.mode),
            (self.standardize_by, f"by {self.standardize_by}"),
            (self.n_babble, f"babble {self.n_babble}"),
            (self.babble_features, f"of {self.babble_features}"),
            (any(self.context), f"context {'+'.join(map(str, self.context))}"),
            (self.n_mixed, f"mixed {self.n_mixed}"),
            (self.n_members > 1, f"ensemble of {self.n_members}"),
        ):
            words += [text] if value else []
        return ", ".join(words)

    def describe(self):
        """Return what records say of the recipe: JSON values."""
        target = "mean" if self.mean_of else MODELS[self.model][1]
        return {"target": target, "parameters": self.to_json()}

    def to_json(self):
        """Return what differs from the defaults as JSON values."""
        default, values = vars(EmotionRecipe()), {}
        for name, value in vars(self).items():
            if value != default[name]:
                values[name] = list(value) if isinstance(value, tuple) else value
        if self.mean_of:
            values["mean_of"] = [recipe.to_json() for recipe in self.mean_of]
        return values

    @classmethod
    def from_json(cls, values):
        """Return the recipe of what :meth:`to_json` returned."""
        mean_of = [cls.from_json(recipe) for recipe in values.get("mean_of", ())]
        return cls(**{**values, "mean_of": mean_of})

    def build(self, seed, *, n_series=None):
        """Return an unfitted classifier; of several :attr:`members` each builds its own.

        `seed` is the random_state of everything in it. With copies and without `n_epochs` the
        number of series to train on, `n_series`, decides the epochs.
        """
        import lstmfcn
        from lstmfcn import emotion

        if len(self.members) > 1:
            raise ValueError(f"this recipe has {len(self.members)} members; build each of them.")
        if self.model in BASELINES:
            from lstmfcn.meta.linear import LinearBaseline

            return LinearBaseline(self.model, random_state=seed)
        shape = {} if self.model == "attention" else SHAPE
        settings = {**shape, **self.settings, "random_state": seed}
        if self.n_epochs is not None:
            settings["n_epochs"] = self.n_epochs
        elif self.n_copies and n_series is not None:  # "auto" would wait for a loss on mixtures
            n_batches = math.ceil(n_series * (1 + 2 * self.n_copies) / BATCH_SIZE)
            settings["n_epochs"] = max(MIN_EPOCHS, math.ceil(N_UPDATES / n_batches))
        room = emotion if self.model == "attention" else lstmfcn
        if self.model == "ensemble":
            built = lstmfcn.LSTMFCNEnsemble(lstmfcn.ALSTMFCNClassifier(**settings))
            built.set_params(random_state=seed)
        else:
            built = getattr(room, MODELS[self.model][1])(**settings)
        if self.fusion is not None:
            built = emotion.FusionClassifier(built, self.fusion, random_state=seed)
        if self.n_copies:
            built = emotion.AugmentedClassifier(
                built, n_copies=self.n_copies, **self.augmentation, random_state=seed
            )
        if self.pseudo_labels is not None:
            built = emotion.PseudoLabelClassifier(built, **self.pseudo_labels, random_state=seed)
        return built


def default_recipe(track, **options):
    """Return a recipe with the defaults of a track, which parameters of EmotionRecipe replace.

    >>> default_recipe("noise", features=["text"]).label
    'ALSTM-FCN text 3 copies'
    """
    return EmotionRecipe(**{**TRACK_DEFAULTS.get(track, {}), **options})


def short_name(name, instead=None, most=60):
    """Return a name, or, of a long one, another text or its beginning, and a hash of the whole.

    >>> short_name("text"), short_name("clip-vit-" * 10, "10 sets")
    ('text', '10 sets 644980')
    """
    if len(name.encode()) <= most:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    if instead is None or instead.startswith("1 "):
        instead = name.encode()[: most - 10].decode(errors="ignore").rstrip("-_. ")
    return f"{instead} {digest}"


def _words(settings):
    """Yield settings as words: "cells 64", "no mixup", "soft"."""
    for name, value in sorted(settings.items()):
        word = name.removeprefix("n_").replace("_", " ")
        if isinstance(value, list | tuple):
            value = "-".join(map(str, value))
        if value is True:
            yield word
        else:
            yield f"{word} {value}" if value or value is False else f"no {word}"
