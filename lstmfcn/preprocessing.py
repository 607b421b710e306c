"""How do series become network input? They are normalised, brought to one length and transposed.

The public axis order is (n_samples, n_channels, n_timepoints). :func:`to_keras` alone turns it into
(n_samples, n_timepoints, n_channels). A memory-mapped array is converted batch by batch during
training; any other array at once.
"""

from dataclasses import asdict, dataclass, field, replace

import numpy as np

from lstmfcn import validation
from lstmfcn.lengths import interpolate
from lstmfcn.moments import check_squares
from lstmfcn.pages import Pages, is_memory_mapped
from lstmfcn.validation import VALUES_AT_A_TIME
from lstmfcn.warning import warn

LARGEST_FLOAT = float(np.finfo(np.float64).max)
LARGEST_COUNT = 2**31 - 1  # of channels, or timepoints, in a file
LARGEST_VALUE = 1e15  # the variance of what layers make of it still fits float32
LARGEST_SQUARED = 1e18  # its square fits float32


@dataclass(frozen=True)
class Normalizer:
    """Z-normalisation with statistics of the training data.

    ``kind`` is "dataset", "series" or None. "dataset" normalises each channel by its mean and
    standard deviation over all training timepoints, ``mean`` and ``scale``. "series" normalises
    each channel of each series by its own statistics, as in the paper's fair protocol. None leaves
    values as they are.
    """

    kind: str | None
    mean: tuple = ()
    scale: tuple = ()

    @classmethod
    def fit(cls, kind, series):
        """Learn from checked series; refuse values whose squares float64 cannot hold."""
        if kind != "dataset":
            return cls(kind)
        n_channels = series[0].shape[0]
        count, total = 0, np.zeros(n_channels)
        low, high = np.full(n_channels, np.inf), np.full(n_channels, -np.inf)
        pages = Pages(series)
        for values in series:
            pages.read(values.nbytes)
            count += values.shape[1]
            with np.errstate(over="ignore"):  # what overflows is refused below
                total += values.sum(axis=1, dtype=np.float64)
            low = np.minimum(low, values.min(axis=1))
            high = np.maximum(high, values.max(axis=1))
        check_squares(np.maximum(np.abs(low), np.abs(high)))
        mean = total / count
        squares = np.zeros(n_channels)
        for values in series:
            pages.read(values.nbytes)
            squares += np.square(values - mean[:, np.newaxis], dtype=np.float64).sum(axis=1)
        scale = _without_constants(np.sqrt(squares / count), low, high)
        return cls(kind, tuple(mean.tolist()), tuple(scale.tolist()))

    @classmethod
    def from_json(cls, content, n_channels):
        """Build a normaliser from its attributes; refuse values that ``fit`` cannot produce."""
        kind, mean, scale = (content[key] for key in ("kind", "mean", "scale"))
        if (
            kind not in (None, "series", "dataset")
            or not len(mean) == len(scale) == (n_channels if kind == "dataset" else 0)
            or not all(map(_is_finite, (*mean, *scale)))
            or not all(number > 0 for number in scale)
        ):
            raise ValueError("its normalisation does not fit its series")
        return cls(kind, tuple(map(float, mean)), tuple(map(float, scale)))

    def largest(self):
        """Return the absolute value that raw series must stay below, for float32 arithmetic."""
        if self.kind == "dataset":
            room = LARGEST_VALUE * np.array(self.scale) - np.abs(self.mean)
            return float(max(room.min(), 0.0))
        return LARGEST_VALUE if self.kind is None else LARGEST_SQUARED

    def __call__(self, values):
        """Normalise (..., n_channels, n_timepoints) in float64."""
        values = np.array(values, np.float64)  # a copy: what follows works in place
        if self.kind == "dataset":
            values -= np.array(self.mean)[:, np.newaxis]
            values /= np.array(self.scale)[:, np.newaxis]
        elif self.kind == "series":
            low, high = (f(axis=-1, keepdims=True) for f in (values.min, values.max))
            check_squares(np.maximum(np.abs(low), np.abs(high))[..., 0])
            scale = values.std(axis=-1, keepdims=True)
            values -= values.mean(axis=-1, keepdims=True)
            values /= _without_constants(scale, low, high)
        return values


def _is_finite(number):
    """Whether a JSON value is a number that a float can hold."""
    return type(number) in (int, float) and abs(number) <= LARGEST_FLOAT


def _without_constants(scale, low, high):
    """Replace scales of values that differ by rounding errors at most, in any unit, by 1."""
    largest = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    is_constant = high.astype(np.float64) - low <= 4 * np.finfo(np.float64).eps * largest
    return np.where(is_constant, 1.0, scale)


@dataclass(frozen=True)
class SeriesReader:
    """Facts about the series of ``fit``; checks later series and makes network inputs of them.

    ``n_timepoints`` is the length of the longest series. ``unequal_length`` ("pad", "resample" or
    None) is the treatment of series of another length; None refuses them.

    >>> X = [np.ones((2, 5)), np.zeros((2, 3))]
    >>> reader = SeriesReader.learn(X).with_normalization("dataset", X)
    >>> values, mask = reader.to_inputs(X)
    >>> values.shape, mask.sum(axis=1).tolist()
    ((2, 5, 2), [5.0, 3.0])
    """

    n_channels: int
    n_timepoints: int
    unequal_length: str | None = None
    normalizer: Normalizer = field(default_factory=lambda: Normalizer(None))

    @classmethod
    def learn(cls, series, unequal_length="auto"):
        """Return a reader with the channels and the length of these series.

        ``unequal_length="auto"`` is "pad" for a list of series, and None for an array.
        """
        if unequal_length == "auto":
            unequal_length = "pad" if isinstance(series, list) else None
        longest = int(max(values.shape[1] for values in series))
        return cls(int(series[0].shape[0]), longest, unequal_length)

    def with_normalization(self, normalization, series):
        """Return a reader with the normalisation of these series."""
        return replace(self, normalizer=Normalizer.fit(normalization, series))

    def with_length_of(self, series):
        """Return a reader with the length of these series, for a network that takes any length."""
        if isinstance(series, list) and not self.unequal_length:
            return self  # whose check refuses them
        longest = int(max(values.shape[1] for values in series))
        return self if longest == self.n_timepoints else replace(self, n_timepoints=longest)

    @property
    def n_values(self):
        """Values of the longest series: channels times timepoints."""
        return self.n_channels * self.n_timepoints

    @property
    def is_masked(self):
        """Whether the network needs to know which timepoints are padding."""
        return self.unequal_length == "pad"

    def check(self, series, name):
        """Refuse series that do not match the series of ``fit``; ``name`` is the estimator's."""
        validation.check_matches_fit(series, self, name)

    def to_inputs(self, series):
        """Return the network's inputs: series (n, T, C) and, where lengths differ, the mask."""
        if is_memory_mapped(series) and series.shape[2] == self.n_timepoints:
            values = OnDemand(series, self.normalizer)
            mask = np.broadcast_to(np.float32(1), values.shape[:2])
            return (values, mask) if self.is_masked else (values,)
        values, mask = to_keras(series, self.n_timepoints, self.normalizer, self.unequal_length)
        return (values,) if mask is None else (values, mask)

    def to_json(self):
        """Return the reader as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content):
        """Build a reader from :meth:`to_json`; refuse, in a clause, what ``fit`` cannot produce."""
        normalizer = Normalizer.from_json(content["normalizer"], content["n_channels"])
        reader = cls(**{**content, "normalizer": normalizer})
        for name in ("n_channels", "n_timepoints"):
            validation.check_counts(most=LARGEST_COUNT, **{name: getattr(reader, name)})
        if reader.unequal_length not in (None, "pad", "resample"):
            raise ValueError(f"unequal_length={reader.unequal_length!r} is not possible")
        return reader


def to_keras(series, n_timepoints, normalizer, unequal_length):
    """Normalise, bring to one length, and turn into Keras' axis order.

    ``series`` is an array (n_samples, n_channels, T) or a list of (n_channels, T_i). With "pad",
    shorter series are padded with zeros; longer series lose their end, with one warning. With
    "resample", series are interpolated to ``n_timepoints``. Returns float32 series (n_samples,
    n_timepoints, n_channels) and, with "pad", a mask (n_samples, n_timepoints) with 1 on observed
    timepoints; else None.
    """
    n_samples, n_channels = len(series), series[0].shape[0]
    out = np.zeros((n_samples, n_timepoints, n_channels), np.float32)
    if not isinstance(series, list) and series.shape[2] == n_timepoints:
        n_rows = max(1, VALUES_AT_A_TIME // (n_timepoints * n_channels))
        for start in range(0, n_samples, n_rows):
            rows = slice(start, start + n_rows)
            out[rows] = _normalized(normalizer, series[rows]).transpose(0, 2, 1)
        return out, np.ones(out.shape[:2], np.float32) if unequal_length == "pad" else None

    mask = np.zeros((n_samples, n_timepoints), np.float32) if unequal_length == "pad" else None
    for i, raw in enumerate(series):
        values = _normalized(normalizer, raw)
        if unequal_length == "resample":
            values = interpolate(values, n_timepoints)
        length = min(values.shape[1], n_timepoints)
        out[i, :length] = values[:, :length].T
        if mask is not None:
            mask[i, :length] = 1.0
    if unequal_length == "pad":
        warn_of_cuts(series, n_timepoints)
    return out, mask


def warn_of_cuts(series, n_timepoints):
    """Warn if series are longer than what padding makes of all."""
    n_cut = sum(values.shape[1] > n_timepoints for values in series)
    if n_cut:
        warn(
            f"{n_cut} of {len(series)} series are longer than the {n_timepoints} timepoints seen "
            "in fit; their ends were cut. Use unequal_length='resample' to keep them whole.",
        )


class MappedRows:
    """Some rows of a memory-mapped array, read from disk when they are indexed.

    >>> rows = MappedRows(np.arange(12).reshape(4, 1, 3), np.array([3, 0]))
    >>> rows.shape, rows[0].tolist(), rows[1:].tolist()
    ((2, 1, 3), [[9, 10, 11]], [[[0, 1, 2]]])
    """

    def __init__(self, array, rows):
        self.base, self._rows = array, rows
        self.shape, self.dtype = (len(rows), *array.shape[1:]), array.dtype

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        return self.base[self._rows[rows]]

    def take(self, rows):
        """Return some of these rows, without reading them."""
        return MappedRows(self.base, self._rows[rows])


def take(series, rows):
    """Take rows of an array of series, of mapped rows, or of a list of series.

    Anything memory-mapped gives MappedRows, so that nothing is read yet.
    """
    if isinstance(series, list):
        return [series[i] for i in rows]
    if isinstance(series, MappedRows):
        return series.take(rows)
    return MappedRows(series, rows) if is_memory_mapped(series) else series[rows]


class OnDemand:
    """Memory-mapped series whose rows :func:`to_keras` converts when they are indexed.

    ``shape`` is in the network's order, (n_samples, n_timepoints, n_channels).

    >>> inputs = OnDemand(np.zeros((100, 2, 30)), Normalizer(None))
    >>> inputs.shape, inputs[[5, 3]].shape, inputs[90:].dtype
    ((100, 30, 2), (2, 30, 2), dtype('float32'))
    """

    def __init__(self, series, normalizer):
        self._series, self._normalizer, self._pages = series, normalizer, Pages(series)
        n_samples, n_channels, n_timepoints = series.shape
        self.shape = (n_samples, n_timepoints, n_channels)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """Return the rows of a slice or a sequence of indices, as float32."""
        series = self._series[rows]
        self._pages.read(series.nbytes, len(series))
        return to_keras(series, self.shape[1], self._normalizer, None)[0]


def _normalized(normalizer, values):
    with np.errstate(over="ignore", invalid="ignore"):
        normalized = normalizer(values)
        fits = max(normalized.max(), -normalized.min()) < LARGEST_VALUE
    if not fits:
        raise ValueError(
            f"X has values of up to {np.abs(values).max():.3g}, which after normalisation "
            f"(normalization={normalizer.kind!r}) are too large for float32 arithmetic; rescale X."
        )
    return normalized


def without_weightless(series, labels, weights):
    """Drop series of weight zero, so that length and normalisation do not depend on them."""
    if weights.all():
        return series, labels, weights
    kept = np.flatnonzero(weights)
    return take(series, kept), labels[kept], weights[kept]
