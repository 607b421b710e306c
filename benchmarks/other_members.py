"""Which other kinds of classifier could vote with the network? Candidates of ``front.py``.

``multirocket``, ``shapelets`` and ``nearest_series`` need aeon.
"""

import numpy as np
import scipy.special
from sklearn.ensemble import ExtraTreesClassifier

SIZE, N_KERNELS, N_GROUPS = 9, 8, 64  # of the dictionary: length, kernels that compete, groups
DEPTH, PER_QUANTILE, N_TREES = 6, 4, 200  # of intervals: halvings, values for each quantile


def kernels_without_rivals(X, y, X_held, seed):
    """Fit the part of the package's fixed kernels that is MiniROCKET's; return probabilities."""
    from lstmfcn.networks.rocket import MOST_MEASURED, N_EXCEEDED, Rocket

    X, X_held = (((x - X.mean()) / X.std())[..., np.newaxis] for x in (X, X_held))
    X, X_held = X.astype(np.float32), X_held.astype(np.float32)
    layer, rng = Rocket(y.max() + 1, X.shape[1]), np.random.default_rng(seed)
    layer.build(X.shape)
    layer.measure(X[rng.choice(len(X), min(len(X), MOST_MEASURED), replace=False)], seed=rng)

    def read(series):
        parts = [layer.features(series[k : k + 64]) for k in range(0, len(series), 64)]
        return np.concatenate(parts)[:, :N_EXCEEDED]

    return _regressed(read(X), y, read(X_held))


def dictionary(X, y, X_held, seed):
    """Count which random kernel responds most, then fit a ridge regression; return probabilities.

    Series are (n_samples, n_timepoints). Dempster, Schmidt, Webb, "Hydra: Competing Convolutional
    Kernels for Fast and Accurate Time Series Classification", 2023, arXiv:2203.13652.
    """
    found, held = (np.sqrt(counts) for counts in _counts(X / X.std(), X_held / X.std(), seed))
    return _regressed(found, y, held)


def _regressed(features, y, held):
    """Return probabilities of held-out samples by the ridge regression of the fixed kernels."""
    from lstmfcn.networks.ridge import fit_linear

    mean = features.mean(axis=0)
    kernel, bias, scale, _ = fit_linear(features - mean, y, np.ones(len(y)), y.max() + 1)
    return scipy.special.softmax(scale * ((held - mean) @ kernel + bias), axis=1)


def _counts(X, X_held, seed):
    """Return each kernel's sum of winning responses over time, and its number of smallest ones."""
    rng = np.random.default_rng(seed)
    rates = 2 ** np.arange(1 + int(np.log2(max(1, (X.shape[1] - 1) / (SIZE - 1)))))
    found = [], []
    for rate in rates.tolist():
        for is_difference in (False, True):
            kernels = rng.standard_normal((SIZE, N_GROUPS // 2 * N_KERNELS)).astype(np.float32)
            kernels -= kernels.mean(axis=0)
            kernels /= np.abs(kernels).sum(axis=0)
            for parts, series in zip(found, (X, X_held), strict=True):
                series = np.diff(series) if is_difference else series
                parts.append(_wins(series.astype(np.float32), kernels, rate))
    return tuple(np.maximum(0.0, np.hstack(parts)) for parts in found)


def _wins(series, kernels, rate):
    from lstmfcn.networks.backend import tf

    rows = []
    for start in range(0, len(series), 128):
        some = series[start : start + 128, np.newaxis, :, np.newaxis]
        kernels_of_conv = kernels[np.newaxis, :, np.newaxis]
        answer = tf.nn.conv2d(some, kernels_of_conv, 1, "SAME", dilations=[1, rate])[:, 0]
        answer = tf.reshape(answer, [*answer.shape[:2], -1, N_KERNELS])
        largest = tf.reduce_max(answer, axis=-1, keepdims=True)
        best = tf.reduce_sum(tf.one_hot(tf.argmax(answer, -1), N_KERNELS) * largest, axis=1)
        worst = tf.reduce_sum(tf.one_hot(tf.argmin(answer, -1), N_KERNELS), axis=1)
        rows.append(tf.reshape(tf.concat([best, worst], axis=1), [len(answer), -1]).numpy())
    return np.concatenate(rows)


def interval_trees(X, y, X_held, seed):
    """Fit extremely randomized trees to quantiles of dyadic intervals; return probabilities.

    Series are (n_samples, n_timepoints). Dempster, Schmidt, Webb, "QUANT: A Minimalist Interval
    Method for Time Series Classification", 2024, arXiv:2308.00928.
    """
    trees = ExtraTreesClassifier(
        N_TREES, criterion="entropy", max_features=0.1, random_state=seed
    ).fit(_quantiles(X), y)
    return trees.predict_proba(_quantiles(X_held))


def _quantiles(X):
    """Return quantiles of the series, its smoothed changes, its curvature and its spectrum."""
    changes = np.diff(X)
    if changes.shape[1] >= 5:
        padded = np.pad(changes, [(0, 0), (2, 2)], mode="edge")
        changes = np.lib.stride_tricks.sliding_window_view(padded, 5, axis=1).mean(axis=-1)
    found = []
    for values in (X, changes, np.diff(X, 2), np.abs(np.fft.rfft(X))):
        n_timepoints = values.shape[1]
        for depth in range(min(DEPTH, 1 + int(np.log2(max(2, n_timepoints))))):
            ends = np.linspace(0, n_timepoints, 2**depth + 1).astype(int)
            half = -(-int(np.median(np.diff(ends))) // 2) if depth else 0
            shifts = (0, half) if half > 0 and np.median(np.diff(ends)) > 1 else (0,)
            for shift in shifts:
                for start, end in zip(ends[:-1] + shift, ends[1:] + shift, strict=True):
                    if start < end <= n_timepoints:
                        found.append(_of_interval(values[:, start:end]))
    return np.hstack(found)


def _of_interval(values):
    n_quantiles = 1 + (values.shape[1] - 1) // PER_QUANTILE
    if n_quantiles == 1:
        return np.median(values, axis=1, keepdims=True)
    quantiles = np.quantile(values, np.linspace(0, 1, n_quantiles), axis=1).T
    quantiles[:, 1::2] -= values.mean(axis=1, keepdims=True)
    return quantiles


def multirocket(X, y, X_held, seed):
    """Fit a ridge regression to aeon's MultiROCKET features; return probabilities.

    Tan, Dempster, Bergmeir, Webb, "MultiRocket: Multiple Pooling Operators and Transformations for
    Fast and Effective Time Series Classification", 2022, arXiv:2102.00457.
    """
    from aeon.transformations.collection.convolution_based import MultiRocket

    transform = MultiRocket(random_state=seed, n_jobs=1)
    X, X_held = (x[:, np.newaxis].astype(np.float32) for x in (X, X_held))
    features = np.asarray(transform.fit_transform(X), np.float64)
    return _regressed(features, y, np.asarray(transform.transform(X_held), np.float64))


def shapelets(X, y, X_held, seed):
    """Fit a ridge regression to aeon's random dilated shapelets; return probabilities.

    Guillaume, Vrain, Elloumi, "Random Dilated Shapelet Transform: A New Approach for Time Series
    Shapelets", 2022, arXiv:2109.13514.
    """
    from aeon.transformations.collection.shapelet_based import RandomDilatedShapeletTransform

    transform = RandomDilatedShapeletTransform(4000, random_state=seed, n_jobs=1)
    features = np.nan_to_num(transform.fit_transform(X[:, np.newaxis], y))
    return _regressed(features, y, np.nan_to_num(transform.transform(X_held[:, np.newaxis])))


def nearest_series(X, y, X_held, seed):
    """Compare distances to each class's nearest series; return probabilities.

    The distance is move-split-merge of normalised series, within a fifth of the length if there are
    200 timepoints or more. Stefan, Athitsos, Das, "The Move-Split-Merge Metric for Time Series",
    2013, doi:10.1109/TKDE.2012.88. The scale of the logits is that of the lowest cross-entropy when
    each series is left out in turn.
    """
    from aeon.distances import pairwise_distance

    def nearest(distances):
        of_class = [distances[:, y == label].min(axis=1) for label in range(y.max() + 1)]
        return -np.log(np.maximum(np.stack(of_class, axis=1), 1e-9))

    X, X_held = ((x - x.mean(axis=1, keepdims=True)) for x in (X, X_held))
    X, X_held = ((x / (x.std(axis=1, keepdims=True) + 1e-8))[:, np.newaxis] for x in (X, X_held))
    options = {"method": "msm", "window": 1.0 if X.shape[2] < 200 else 0.2}
    distances = pairwise_distance(X, **options)
    np.fill_diagonal(distances, 1e6)  # left out
    truth = np.eye(y.max() + 1)[y]
    scales = np.exp(np.linspace(-3, 5, 81))
    logs = [scipy.special.log_softmax(scale * nearest(distances), axis=1) for scale in scales]
    best = scales[np.argmax([np.mean((truth * of_one).sum(axis=1)) for of_one in logs])]
    return scipy.special.softmax(best * nearest(pairwise_distance(X_held, X, **options)), axis=1)
