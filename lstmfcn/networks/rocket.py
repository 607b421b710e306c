"""How do fixed kernels decide beside learned ones? A linear layer reads what they answer.

Its features are those of MiniROCKET, and how often random kernels win against rivals, as in Hydra.
"""

import itertools

import numpy as np

from lstmfcn.networks.backend import check_usable, keras, tf
from lstmfcn.networks.fitted import memory_errors_explained, rows_per_batch
from lstmfcn.networks.layers import is_plain
from lstmfcn.networks.ridge import fit_linear, linear_loss

SIZE = 9  # of a kernel: three of its weights are 2, the others -1
N_ROWS, MOST_RATES = 59, 8  # thresholds of each kernel; dilation rates among them
MOST_CHANNELS = 9  # that a kernel reads
STEP, SOFT = 6.0, 0.1  # of relu6; what it takes to rise, in standard deviations of the answers
N_GROUPS, N_RIVALS = 32, 8  # half of the groups read changes from one timepoint to the next
CLOSE = 0.9  # part of the winner's answer above which a rival wins a little, too
FLAT = 0.01  # part of the deviation of what is read: where answers are smaller, less is won
GOLDEN = (5**0.5 + 1) / 2  # its multiples fill the unit interval evenly
MOST_SERIES = 4096  # that the linear layer is fitted to: the effort grows with their square
TOGETHER = 4  # rows of thresholds: the memory grows with them
MOST_MEASURED = 64  # among which thresholds are drawn
MEASURED_TIMEPOINTS = 2**17  # in all series that are measured at once
AT_ONCE = 2**13  # timepoints of all series that are read together: they stay in the cache
EAGER_TIMEPOINTS = 2**15  # in all series that are read without compiling, which takes half a second
SMALLEST_DEVIATION = 1e-6  # of answers that vary
OF_MEMORY = "the fixed kernels", "pass rocket=False"


def _kernels():
    """Return the weights of all kernels, (9, 84)."""
    weights = np.full((SIZE, 84), -1.0, np.float32)
    for k, taps in enumerate(itertools.combinations(range(SIZE), 3)):
        weights[list(taps), k] = 2.0
    return weights


KERNELS = _kernels()
N_KERNELS = KERNELS.shape[1]
N_EXCEEDED, N_RANDOM = N_ROWS * N_KERNELS, N_GROUPS * N_RIVALS
N_FEATURES = N_EXCEEDED + MOST_RATES * N_RANDOM


def dilation_rates(n_timepoints):
    """Return eight dilation rates, perhaps some of them equal: a kernel spans at most the series.

    A rate that is whole but for a rounding error is whole, on any processor.

    >>> dilation_rates(100).tolist()
    [1, 1, 2, 2, 4, 6, 8, 12]
    """
    most = np.log2(max(1.0, (n_timepoints - 1) / (SIZE - 1)))
    return np.floor(2 ** np.linspace(0.0, most, MOST_RATES) + 1e-6).astype(int)


def row_rates(n_timepoints):
    """Return the dilation rate of each row of thresholds, (59,)."""
    return dilation_rates(n_timepoints)[np.arange(N_ROWS) * MOST_RATES // N_ROWS]


def count_rocket_weights(n_channels, n_classes):
    """Count the weights of a layer :class:`Rocket`."""
    of_channels = n_channels * (N_KERNELS + N_GROUPS) if n_channels > 1 else 0
    of_answers = N_EXCEEDED + MOST_RATES * (N_KERNELS + SIZE * N_RANDOM) + N_GROUPS
    return N_FEATURES * (n_classes + 1) + of_answers + of_channels + n_classes + 1


@keras.saving.register_keras_serializable(package="lstmfcn")
class Rocket(keras.layers.Layer):
    """Logits of a linear layer on the features of MiniROCKET, and on features like Hydra's.

    A feature of MiniROCKET is the part of the timepoints at which a kernel's answer exceeds a
    threshold. Within a tenth of the answers' standard deviation it does so in part: a rounding
    error then changes next to nothing. The kernels are fixed, and the thresholds quantiles of what
    they answer to training series.

    For Hydra, random kernels are rivals in groups of eight. At each timepoint the smallest answer
    wins. A feature is the part of the timepoints at which a kernel wins, which the amplitude of a
    series does not change. A rival close to the winner wins in part.

    Thresholds and random kernels are found by :meth:`measure`, and the linear layer by
    :func:`fit_rocket`. No gradient changes any of it, nor goes through. The dilation rates are
    those for series of ``n_timepoints``, also where the layer reads others.

    Dempster, Schmidt, Webb, "MiniRocket: A Very Fast (Almost) Deterministic Transform for Time
    Series Classification", 2021, arXiv:2012.08791. Dempster, Schmidt, Webb, "Hydra: Competing
    Convolutional Kernels for Fast and Accurate Time Series Classification", 2023, arXiv:2203.13652.

    >>> layer = Rocket(3, n_timepoints=20)
    >>> layer(np.ones((5, 20, 1), "float32")).shape, layer.count_params()
    (TensorShape([5, 3]), 52112)
    """

    at_once = AT_ONCE

    def __init__(self, n_classes, n_timepoints, **kwargs):
        super().__init__(**kwargs)
        self.n_classes, self.n_timepoints = n_classes, n_timepoints

    def build(self, series_shape, valid_shape=None):
        def weight(name, *shape, initializer="zeros"):
            return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False)

        n_channels, self.channels = series_shape[-1], None
        if n_channels > 1:
            self.channels = weight("channels", n_channels, N_KERNELS + N_GROUPS)
        self.slopes = weight("slopes", MOST_RATES, N_KERNELS, initializer="ones")
        self.thresholds = weight("thresholds", N_ROWS, N_KERNELS)  # of answers times slopes
        self.rivals = weight("rivals", MOST_RATES, SIZE, N_RANDOM)
        self.floors = weight("floors", N_GROUPS, initializer="ones")
        self.means = weight("means", N_FEATURES)
        self.kernel = weight("kernel", N_FEATURES, self.n_classes)
        self.bias = weight("bias", self.n_classes)
        self.scale = weight("scale", 1, initializer="ones")

    def call(self, series, valid=None):
        """Return the logits of series (batch, n_timepoints, n_channels), (batch, n_classes).

        ``valid`` is (batch, n_timepoints, 1), 1 on observed timepoints and 0 on padding, where
        ``series`` are 0.
        """
        features = self.features(tf.stop_gradient(series), valid) - self.means
        # In float32 the sum of so many would depend on the size of the batch.
        kind = tf.float32 if is_plain() else tf.float64
        product = tf.matmul(tf.cast(features, kind), tf.cast(self.kernel, kind))
        return self.scale * (tf.cast(product, tf.float32) + self.bias)

    def features(self, series, valid=None):
        """Return how often each answer exceeds its threshold, and how often each rival wins."""
        parts = []
        for answer, count, thresholds in self._answers(series, valid):
            few = _a_few(thresholds)
            sums = [tf.reduce_sum(_exceeds(answer, some), axis=1) for some in few]
            parts.append(tf.concat(sums, axis=1) / (STEP * count))
        exceeded = tf.reshape(tf.concat(parts, axis=1), [-1, N_EXCEEDED])
        wins = [tf.reduce_sum(won, axis=1) for _, won in self._wins(series, valid)]
        return tf.concat([exceeded, *wins], axis=1)

    def added_over_time(self, series, *arguments):
        """Return what each timepoint adds to a weighted sum of centred features.

        What a kernel's answer adds is shared out among the nine timepoints that it has read. The
        change from one timepoint to the next is the first's.

        ``arguments`` are perhaps ``valid``, and the weights (batch, n_features); the result is
        (batch, n_timepoints).
        """
        *valid, weights = arguments
        valid = valid[0] if valid else None
        there = tf.ones_like(series[:, :, 0]) if valid is None else valid[:, :, 0]
        mean = tf.reduce_sum(weights * self.means, axis=1, keepdims=True)
        total = -mean * there / tf.reduce_sum(there, axis=1, keepdims=True)
        of_wins = tf.split(weights[:, N_EXCEEDED:], 2 * MOST_RATES, axis=1)
        weights, first = tf.reshape(weights[:, :N_EXCEEDED], [-1, N_ROWS, N_KERNELS]), 0
        rates = np.unique(row_rates(self.n_timepoints)).tolist()
        for rate, (answer, count, thresholds) in zip(
            rates, self._answers(series, valid), strict=True
        ):
            added = tf.zeros_like(total)
            for some in _a_few(thresholds):
                of_these = weights[:, first : first + some.shape[0]] / (STEP * count)
                added += tf.einsum("ntrk,nrk->nt", _exceeds(answer, some), of_these)
                first += some.shape[0]
            total += _shared_out(added, rate, there)
        for of_these, (rate, won) in zip(of_wins, self._wins(series, valid), strict=True):
            total += _shared_out(tf.einsum("ntk,nk->nt", won, of_these), rate, there)
        return total

    def measure(self, series, valid=None, *, seed):
        """Draw channels, random kernels and thresholds: quantiles of answers to these series.

        ``series`` and ``valid`` are as for :meth:`call`; ``seed`` is one, or NumPy's generator.
        """
        rng = np.random.default_rng(seed)
        if self.channels is not None:
            self.channels.assign(self._draw_channels(rng))
        found, slopes = [], np.ones(self.slopes.shape)
        self.slopes.assign(slopes)
        n_timepoints = series.shape[1]
        size = max(1, MEASURED_TIMEPOINTS // n_timepoints)
        parts = [slice(start, start + size) for start in range(0, len(series), size)]
        answers = [
            (part.start, self._answers(series[part], None if valid is None else valid[part]))
            for part in parts
        ]
        for n_rows in np.unique(row_rates(self.n_timepoints), return_counts=True)[1]:
            chosen = rng.integers(len(series), size=N_KERNELS)
            values = np.empty((N_KERNELS, n_timepoints), np.float32)
            last = np.empty(N_KERNELS, np.float32)
            for start, of_part in answers:
                answer, count, _ = next(of_part)
                (each,) = np.nonzero((start <= chosen) & (chosen < start + len(answer)))
                rows = chosen[each] - start
                values[each] = answer.numpy()[rows, :, each]
                counts = np.broadcast_to(count[:, 0], (len(answer), N_KERNELS))
                last[each] = counts[rows, each] - 1.0
                del answer
            values = np.sort(values, axis=1)[:, ::-1].T
            values[np.isneginf(values)] = 0.0  # what does not count
            deviation = values.std(axis=0, where=np.arange(n_timepoints)[:, np.newaxis] <= last)
            deviation[deviation < SMALLEST_DEVIATION] = 1.0
            slope = slopes[len(found)] = STEP / (SOFT * deviation)
            first = sum(map(len, found)) * N_KERNELS + 1
            place = np.arange(first, first + n_rows * N_KERNELS) * GOLDEN % 1.0
            place = place.reshape(-1, N_KERNELS) * last  # from the largest on
            low = np.floor(place).astype(int)
            left, right = (
                np.take_along_axis(values, np.minimum(index, last.astype(int)), axis=0)
                for index in (low, low + 1)
            )
            found.append(slope * (left + (place - low) * (right - left)) - STEP / 2)
        self.slopes.assign(slopes)
        self.thresholds.assign(np.concatenate(found))
        self._draw_rivals(rng)
        squares, n_there = np.zeros((2, N_GROUPS // 2)), 0.0
        for part in parts:
            there = None if valid is None else valid[part]
            reads = self._read_by_groups(series[part], there)
            squares += [tf.reduce_sum(tf.square(read), axis=[0, 1]) for read in reads]
            n_there += np.size(series[part][:, :, 0]) if valid is None else np.sum(there)
        floors = np.maximum(FLAT * np.sqrt(squares / n_there), SMALLEST_DEVIATION)
        self.floors.assign(floors.ravel())

    def _draw_rivals(self, rng):
        """Draw random kernels whose weights add up to 0, and their absolute values to 1."""
        drawn = rng.standard_normal(self.rivals.shape)
        drawn -= drawn.mean(axis=1, keepdims=True)
        self.rivals.assign(drawn / np.abs(drawn).sum(axis=1, keepdims=True))

    def _draw_channels(self, rng):
        """Return 1 where a kernel reads a channel, else 0: few channels more often than many."""
        drawn = np.zeros(self.channels.shape, np.float32)
        n_channels = len(drawn)
        for kernel in range(drawn.shape[1]):
            exponent = rng.uniform(0.0, np.log2(min(n_channels, MOST_CHANNELS) + 1))
            drawn[rng.choice(n_channels, int(2**exponent), replace=False), kernel] = 1.0
        return drawn

    def _answers(self, series, valid):
        """Yield for each dilation rate all kernels' answers, how many count, and thresholds.

        Every other kernel answers only where it lies within the series, if that can be; where an
        answer does not count, it exceeds nothing. Counts are (batch or 1, 1, 84), thresholds
        (n_rows, 84).
        """
        rates, n_rows = np.unique(row_rates(self.n_timepoints), return_counts=True)
        there = tf.ones([1, series.shape[1], 1]) if valid is None else valid
        if self.channels is not None:
            series = tf.matmul(series, self.channels[:, :N_KERNELS])
        slopes, thresholds = tf.unstack(self.slopes), tf.split(self.thresholds, n_rows)
        for place, rate in enumerate(rates.tolist()):
            # Not by names, which would hold the large arrays while the caller uses others.
            yield *_counted_answer(series, there, place, rate, slopes[place]), thresholds[place]

    def _wins(self, series, valid):
        """Yield for each dilation rate which rivals win: those of values, then those of changes.

        That is the rate, and (batch, n_timepoints, 128): the most that a rival's wins add up to
        over time is 1.
        """
        there = tf.ones_like(series[:1, :, :1]) if valid is None else valid
        share = there / tf.maximum(tf.reduce_sum(there, axis=1, keepdims=True), 1.0)
        share = share[:, :, tf.newaxis] / (1.0 - CLOSE)
        floors = tf.split(self.floors, 2) * MOST_RATES
        for floor, (rate, groups) in zip(floors, self._groups(series, valid), strict=True):
            least = tf.reduce_min(groups, axis=2, keepdims=True)
            wins = tf.nn.relu(CLOSE * least - groups) * (share / (tf.abs(least) + floor))
            yield rate, tf.reshape(wins, [-1, series.shape[1], N_RANDOM // 2])

    def _groups(self, series, valid):
        """Yield as :meth:`_wins` what rivals answer, (batch, n_timepoints, 8, 16)."""
        reads = self._read_by_groups(series, valid)
        if self.channels is not None:
            reads = [tf.tile(read, [1, 1, N_RIVALS]) for read in reads]
        rivals = zip(*(tf.unstack(part) for part in tf.split(self.rivals, 2, axis=2)), strict=True)
        for rate, of_rate in zip(dilation_rates(self.n_timepoints).tolist(), rivals, strict=True):
            for read, kernels in zip(reads, of_rate, strict=True):
                answer = _answer(read, rate, kernels)
                yield rate, tf.reshape(answer, [-1, series.shape[1], N_RIVALS, N_GROUPS // 2])

    def _read_by_groups(self, series, valid):
        """Return values and changes, (batch, n_timepoints, 1) or (batch, n_timepoints, 16)."""
        changes = tf.pad(series[:, 1:] - series[:, :-1], [[0, 0], [0, 1], [0, 0]])
        if valid is not None:
            changes *= tf.pad(valid[:, 1:], [[0, 0], [0, 1], [0, 0]])
        if self.channels is None:
            return [series, changes]
        channels = tf.split(self.channels[:, N_KERNELS:], 2, axis=1)
        return [read @ which for read, which in zip((series, changes), channels, strict=True)]

    def compute_output_shape(self, series_shape, valid_shape=None):
        return series_shape[0], self.n_classes

    def get_config(self):
        own = {"n_classes": self.n_classes, "n_timepoints": self.n_timepoints}
        return {**super().get_config(), **own}


def _answer(values, rate, kernels):
    """Return what kernels (9, n_kernels) answer to one channel, or each to its own of as many."""
    if values.shape[2] == 1:
        values, kernels = tf.expand_dims(values, 1), tf.reshape(kernels, [1, SIZE, 1, -1])
        # With tf.squeeze TensorFlow takes a kernel whose sums depend on the size of the batch.
        return tf.nn.conv2d(values, kernels, 1, "SAME", dilations=[1, rate])[:, 0]
    taps = zip(_moved(values, rate, range(SIZE)), tf.unstack(kernels), strict=True)
    return tf.add_n([moved * row for moved, row in taps])


def _moved(values, rate, taps):
    """Return what each of these taps of a kernel meets, zeros beyond the ends."""
    around = rate * (SIZE // 2)
    padded, size = tf.pad(values, [[0, 0], [around, around], [0, 0]]), [-1, values.shape[1], -1]
    return [tf.slice(padded, [0, tap * rate, 0], size) for tap in taps]


def _counted_answer(series, there, place, rate, slopes):
    """Return all kernels' answers at dilation rate number ``place``, and how many count.

    ``there`` is (batch or 1, n_timepoints, 1), counts are (batch or 1, 1, 84) and at least 1.
    """
    first, last = _moved(there, rate, (0, SIZE - 1))
    is_short = SIZE // 2 * 2 * rate < series.shape[1]
    needs = ((np.arange(N_KERNELS) + place) % 2).astype(np.float32) * is_short
    counts = there - needs * (there - first * last)
    answer = tf.where(counts > 0, slopes * _answer(series, rate, KERNELS), -np.inf)
    return answer, tf.maximum(tf.reduce_sum(counts, axis=1, keepdims=True), 1.0)


def _shared_out(added, rate, there):
    """Share out what answers (batch, n_timepoints) add among what their kernels' weights have met.

    The share of a weight that met no timepoint, beyond an end, stays where the answer is.
    """
    n_timepoints, total = added.shape[1], tf.zeros_like(added)
    for shift in range(-(SIZE // 2) * rate, SIZE // 2 * rate + 1, rate):
        place = np.arange(n_timepoints) + shift
        meets = tf.roll(there, -shift, axis=1) * ((place >= 0) & (place < n_timepoints))
        total += tf.roll(added * meets, shift, axis=1) + added * (1.0 - meets)
    return total / SIZE


def _a_few(thresholds):
    """Cut (n_rows, 84) into parts of few rows: what exceeds them is held at once."""
    n_rows = thresholds.shape[0]
    sizes = [min(TOGETHER, n_rows - first) for first in range(0, n_rows, TOGETHER)]
    return tf.split(thresholds, sizes)


def _exceeds(answer, thresholds):
    """Return 6 where answers (batch, n_timepoints, 84) exceed each row of thresholds, 0 below."""
    return tf.nn.relu6(tf.expand_dims(answer, 2) - thresholds)


def rocket_of(model):
    """Return a model's layer of fixed kernels, or None."""
    return next((layer for layer in model.layers if isinstance(layer, Rocket)), None)


def fit_rocket(model, inputs, labels, weights, seed, *, anew=True):
    """Fit the layer ``rocket`` of a model, if it has one, to at most 4096 of these samples.

    ``inputs`` are the network's, ``labels`` and ``weights`` those of the samples; with one output,
    labels are numbers. Unless ``anew``, thresholds stay. The linear layer stays if its loss on
    these samples is below the leave-one-out loss of a layer fitted to them. It also stays where
    there is one class or sample. Classes without a sample keep their logits.
    """
    layer = rocket_of(model)
    if layer is None:
        return
    rng = np.random.default_rng(seed)
    classes = np.unique(labels) if layer.n_classes > 1 else [0]
    if not anew and (len(labels) < 2 or len(classes) < min(2, layer.n_classes)):
        return
    chosen = np.arange(len(labels))
    if len(chosen) > MOST_SERIES:
        chosen, weights = _some_of_each(labels, weights, rng, is_class=layer.n_classes > 1)
    if anew:
        some = rng.choice(chosen, min(len(chosen), MOST_MEASURED), replace=False)
        size = rows_per_batch(model.inputs[0].shape[1])
        seen = _seen(model, layer, inputs)
        with memory_errors_explained(*OF_MEMORY):
            parts = [seen(rows) for rows in np.split(some, range(size, len(some), size))]
            layer.measure(*map(np.concatenate, zip(*parts, strict=True)), seed=rng)
    features = _in_batches(layer.features, model, layer, inputs, chosen)
    means = features.mean(axis=0) if anew else layer.means.numpy()
    features -= means
    labels, weights = labels[chosen], weights[chosen]
    kernel, bias, scale, loss = fit_linear(
        features, labels, weights, layer.n_classes, starts=[N_EXCEEDED]
    )
    if not anew:
        old_kernel, old_bias, old_scale = (
            variable.numpy() for variable in (layer.kernel, layer.bias, layer.scale)
        )
        if linear_loss(old_scale * (features @ old_kernel + old_bias), labels, weights) <= loss:
            return
        if layer.n_classes > 1:
            absent = np.setdiff1d(np.arange(layer.n_classes), classes)
            kernel[:, absent] = old_kernel[:, absent] * (old_scale / scale)
            bias[absent] = old_bias[absent] * (old_scale / scale)
    values = means, kernel, bias, [scale]
    for variable, value in zip(
        (layer.means, layer.kernel, layer.bias, layer.scale), values, strict=True
    ):
        variable.assign(value)


def randomize_rocket(model, fitted, seed):
    """Give a model's layer of fixed kernels, if it has one, random weights of the linear layer.

    They are as large as those of the ``fitted`` model, whose kernels and thresholds it takes.
    """
    layer, theirs = rocket_of(model), rocket_of(fitted)
    if layer is not None:
        layer.set_weights(theirs.get_weights())
        kernel = theirs.kernel.numpy()
        layer.kernel.assign(np.random.default_rng(seed).normal(0.0, kernel.std(), kernel.shape))


def _some_of_each(labels, weights, rng, *, is_class):
    """Draw 4096 samples, half of them evenly from all classes; return rows and new weights.

    A class of few samples is in with all of them. Weights make up for what was left out.
    """
    order = rng.permutation(len(labels))
    if not is_class:
        return np.sort(order[:MOST_SERIES]), weights
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    by_class = order[np.argsort(codes[order], kind="stable")]
    place = np.empty(len(labels), int)  # of a sample in its class
    place[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    is_sure = place[order] < max(1, MOST_SERIES // (2 * len(counts)))
    n_others = max(0, MOST_SERIES - is_sure.sum())
    chosen = np.sort(np.concatenate([order[is_sure], order[~is_sure][:n_others]]))
    factors = counts / np.bincount(codes[chosen], minlength=len(counts))
    weights = weights * (factors * MOST_SERIES / len(labels))[codes]
    return chosen, weights.astype(np.float32)


def rocket_over_time(model, inputs, weights, target):
    """Return what timepoints add to a weighted sum of the layer's centred features.

    ``weights`` are (n_sums, n_features), ``target`` (n_samples,) says which sum is a sample's; the
    result is (n_samples, n_timepoints).
    """
    layer, rows = rocket_of(model), np.arange(len(target))
    weights = tf.constant(weights, tf.float32)

    def added(*arguments):
        *seen, target = arguments
        return layer.added_over_time(*seen, tf.gather(weights, target))

    return _in_batches(added, model, layer, inputs, rows, np.asarray(target, np.int32))


def _seen(model, layer, inputs):
    """Return a function to what the layer reads of some rows of the inputs."""
    read = keras.Model(model.inputs, layer.input)

    def seen(rows):
        batch = [tf.constant(array[rows]) for array in inputs]
        return keras.tree.flatten(read(batch, training=False))

    return seen


def _in_batches(method, model, layer, inputs, rows, *beside):
    """Return what a method of the layer makes of rows of the inputs, and of arrays beside them."""
    check_usable()
    n_timepoints = model.inputs[0].shape[1]
    is_compiled = len(rows) * n_timepoints > EAGER_TIMEPOINTS
    size = rows_per_batch(n_timepoints, AT_ONCE if is_compiled else EAGER_TIMEPOINTS)
    seen = _seen(model, layer, inputs)
    found = []
    with memory_errors_explained(*OF_MEMORY):
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            arguments = *seen(rows[part]), *(tf.constant(x[part]) for x in beside)
            if is_compiled and start == 0:
                specs = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in arguments]
                method = tf.function(method, specs, autograph=False)
            found.append(method(*arguments).numpy())
    return np.concatenate(found)
