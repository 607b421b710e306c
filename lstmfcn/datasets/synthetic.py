"""How are series made whose deciding pattern is known, to check maps against the truth?"""

from dataclasses import dataclass

import numpy as np

AMPLITUDE = 2.0  # of a pattern, at its peak


@dataclass(frozen=True)
class PlantedEvidence:
    """Labelled series and where the evidence for each label lies.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_timepoints) or (n_samples, n_channels, n_timepoints)
    y : int ndarray of shape (n_samples,)
    evidence : bool ndarray of the shape of ``X``
        True on the pattern that decides the class.

    See Also
    --------
    planted_evidence : Makes them.
    lstmfcn.evaluation.pointing_game : Compares maps with ``windows``.
    """

    X: np.ndarray
    y: np.ndarray
    evidence: np.ndarray

    @property
    def windows(self):
        """The evidence over time, whichever channel holds it: bool (n_samples, n_timepoints)."""
        return self.evidence if self.evidence.ndim == 2 else self.evidence.any(axis=1)


def planted_evidence(
    n_samples=300,
    *,
    n_timepoints=200,
    n_channels=1,
    n_classes=3,
    pattern_length=20,
    n_distractors=2,
    noise=0.5,
    random_state=None,
):
    """Make series whose class is decided by one short pattern at a random place.

    Each series is white noise with one pattern of its class and ``n_distractors`` distractors, at
    places that do not overlap. Distractors have the same length and energy, and carry no
    information about the class. A pattern is a sine under a Hann window; its number of periods
    depends on the class. A distractor has more periods than any class. With several channels,
    each pattern and distractor lies in a random channel.

    Parameters
    ----------
    n_samples, n_timepoints, n_channels, n_classes, n_distractors : int
        Classes are equally frequent (to one).
    pattern_length : int, default=20
        In timepoints; at least 4 per period of the fastest pattern.
    noise : float >= 0, default=0.5
        Standard deviation of the noise; a pattern's peak is 2.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    PlantedEvidence

    See Also
    --------
    lstmfcn.evaluation.faithfulness : Checks maps where the evidence is unknown.

    Examples
    --------
    >>> from lstmfcn.datasets import planted_evidence
    >>> planted = planted_evidence(6, random_state=0)
    >>> planted.X.shape, planted.y.tolist(), planted.evidence.sum(axis=1).tolist()
    ((6, 200), [2, 2, 1, 0, 0, 1], [20, 20, 20, 20, 20, 20])
    """
    from lstmfcn.validation import check_counts, check_random_state  # imports scikit-learn

    check_counts(
        n_samples=n_samples,
        n_timepoints=n_timepoints,
        n_channels=n_channels,
        pattern_length=pattern_length,
    )
    check_counts(least=2, n_classes=n_classes)
    check_counts(least=0, n_distractors=n_distractors)
    if not (np.isfinite(noise) and noise >= 0):
        raise ValueError(f"noise={noise!r} must be a number of at least 0.")
    n_kinds = n_classes + (n_distractors > 0)
    if pattern_length < 4 * n_kinds:
        raise ValueError(
            f"pattern_length={pattern_length} does not hold the {n_kinds} periods of the fastest "
            f"pattern; make it at least {4 * n_kinds}."
        )
    n_bursts = 1 + n_distractors
    if n_bursts * pattern_length > n_timepoints:
        raise ValueError(
            f"{n_bursts} patterns of {pattern_length} timepoints do not fit into n_timepoints="
            f"{n_timepoints}; make it at least {n_bursts * pattern_length}."
        )
    random = check_random_state(random_state)
    y = random.permutation(np.arange(n_samples) % n_classes)
    X = noise * random.normal(size=(n_samples, n_channels, n_timepoints))
    evidence = np.zeros(X.shape, bool)
    t = np.arange(pattern_length)
    window = np.sin(np.pi * (t + 0.5) / pattern_length) ** 2
    bursts = [
        AMPLITUDE * window * np.sin(2 * np.pi * (kind + 1) * (t + 0.5) / pattern_length)
        for kind in range(n_kinds)
    ]
    for i, label in enumerate(y):
        # Gaps between the bursts: the rest of the series, cut at random places.
        spare = n_timepoints - n_bursts * pattern_length
        starts = np.sort(random.randint(spare + 1, size=n_bursts))
        starts = random.permutation(starts + pattern_length * np.arange(n_bursts))
        for burst, (start, channel) in enumerate(
            zip(starts, random.randint(n_channels, size=n_bursts), strict=True)
        ):
            place = slice(start, start + pattern_length)
            X[i, channel, place] += bursts[n_classes if burst else label]
            evidence[i, channel, place] = burst == 0
    if n_channels == 1:
        X, evidence = X[:, 0], evidence[:, 0]
    return PlantedEvidence(X, y, evidence)
