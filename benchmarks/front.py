"""Which network is most accurate for its training time? Candidates on folds of training splits.

    python benchmarks/front.py run --archive ARCHIVE.zip --jobs 2 [--only NAME ...] [--folds 0 1 2]
    python benchmarks/front.py draw   # log loss against seconds, into benchmarks/front.png

A plain TensorFlow loop in this file trains the candidates, so that rejected candidates need no code
in the package. Candidates with a ``classifier`` are classifiers of the package. Each training split
of ``study.FRONT_DATASETS`` is cut into three folds, of which fold k is held out. No test split is
read. ``run`` does the missing runs. ``benchmarks/.checkpoints/front`` keeps probabilities, for
``combine.py``, and ``benchmarks/results/front.csv`` accuracies, log losses (probabilities cut at
1e-3) and seconds. ``run --shifted`` holds out series unlike the others instead
(``study.shifted_fold``); its folder and its record are called "shifted".
"""

import argparse
import concurrent.futures
import csv
import multiprocessing
import os
import time

import numpy as np
import other_members
import scipy.special
import study
from scipy.ndimage import uniform_filter1d
from tqdm import tqdm

from lstmfcn.files import atomic_path

KEPT = {False: study.CHECKPOINTS / "front", True: study.CHECKPOINTS / "shifted"}
RECORD = study.RESULTS / "front.csv"
SHIFTED = study.RESULTS / "shifted.csv"
COLUMNS = ("configuration", "dataset", "fold", "accuracy", "log_loss", "seconds", "training_loss")
REFERENCE = "sees"  # beside which candidates are shown, on the same runs
CUT = 1e-3  # of probabilities: one confident error shall not outweigh a dataset
DEFAULT = {
    "n_filters": (64, 128, 64),
    "kernel_sizes": (8, 5, 3),
    "dilation_rates": (1, 1, 1),
    "n_steps": None,  # how many steps means between the blocks leave, to twice as many
    "pooling": "mean",
    "residual": False,
    "separable": False,  # convolutions of each filter alone, then one of size 1
    "heads": "last",  # blocks whose means the last layer reads
    "ridge": False,  # at last the last layer is a ridge regression
    "n_cells": 8,
    "n_updates": 2000,
    "batch_size": "auto",
    "learning_rate": 1e-3,
    "normalization": "dataset",  # "curve": the mean series taken away; "auto": if it is nearly all
    "view": "values",
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "weight_decay": 0.0,
    "weight_average": 0.0,  # decay of an exponential moving average
    "dropout": 0.0,  # of the averaged features
    "branches": None,  # "joint": convolutions of their own for each channel, whose means one layer
    # reads; "own losses": each decides alone, and the mean of their logits counts
    "warp": 0.0,  # strength of random smooth warping of time
}
SEES = {"n_steps": 32, "dilation_rates": (1, 2, 4), "normalization": "auto"}
DEEP = {
    **SEES,
    "n_filters": (64, 64, 128, 64),
    "kernel_sizes": (8, 5, 3, 3),
    "dilation_rates": (1, 2, 4, 8),
}
PACKAGED = {
    # Networks without fixed kernels beside them
    "LSTM-FCN": {"classifier": "LSTMFCNClassifier"},
    "LSTM-FCN, 2000 updates": {"classifier": "LSTMFCNClassifier", "n_updates": 2000},
    "ALSTM-FCN": {"classifier": "ALSTMFCNClassifier"},
}
OF_ANOTHER_KIND = {
    "kernels without rivals": other_members.kernels_without_rivals,
    "dictionary": other_members.dictionary,
    "interval trees": other_members.interval_trees,
    "MultiROCKET": other_members.multirocket,
    "shapelets": other_members.shapelets,
    "nearest series": other_members.nearest_series,
}
# What "sees" has more than "64", and what each change of it brings
CHANGES = {
    "32": {"n_filters": (32, 64, 32)},
    "16 steps": {"n_steps": 16},
    "64 steps": {"n_steps": 64},
    "maxima between": {"pooling": "max"},
    "kernels 16 9 5": {"kernel_sizes": (16, 9, 5)},
    "separable": {"separable": True},
    "residual": {"n_filters": (64, 64, 64), "residual": True},
    "all blocks": {"heads": "all"},
    "ridge head": {"ridge": True},
    "1000 updates": {"n_updates": 1000},
    "rate 3e-3": {"learning_rate": 3e-3},
    "batches of 8": {"batch_size": 8},
    "averaged weights": {"weight_average": 0.998},
    "smoothing": {"label_smoothing": 0.1},
    "mixup": {"mixup": 0.2},
    "decay": {"weight_decay": 0.1},
    "dropout": {"dropout": 0.3},
    "warping": {"warp": 0.1},
    "by series": {"normalization": "series"},
    "mean curve away": {"normalization": "curve"},
    "changes": {"view": "changes"},
    "sums": {"view": "sums"},
    "no trend": {"view": "no trend"},
    "spectrum": {"view": "spectrum"},
    "no trend beside": {"view": "values + no trend"},
}
TWO = {"view": "values + no trend", "branches": "own losses"}
CANDIDATES = {
    "MiniROCKET": {},
    "kernels": {},
    **{name: {} for name in OF_ANOTHER_KIND},
    "published shape": {"n_filters": (128, 256, 128)},
    "64": {},
    "64, means": {"n_steps": 32},
    "64, dilation": {"dilation_rates": (1, 2, 4)},
    "sees": SEES,
    **{f"sees, {name}": {**SEES, **change} for name, change in CHANGES.items()},
    "deep": DEEP,
    # Convolutions of their own for values and for what is no trend
    "two": {**SEES, **TWO, "branches": "joint"},
    "two, own losses": {**SEES, **TWO},
    "two deep": {**DEEP, **TWO, "branches": "joint"},
    "two deep, own losses": {**DEEP, **TWO},
    "three, own losses": {**SEES, **TWO, "view": "values + no trend + changes"},
    "values and changes, own losses": {**SEES, **TWO, "view": "values + changes"},
    "twice, own losses": {**SEES, **TWO, "view": "values + values"},
    **PACKAGED,
}


def normalised(kind, X, X_held):
    """Return both arrays (n_samples, n_timepoints, n_channels), by statistics of the first."""
    if kind == "auto":
        shared = 1 - np.square(X - X.mean(axis=0)).mean() / X.var()
        kind = "curve" if shared >= 0.99 else "dataset"
    if kind == "series":
        return [
            ((x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, keepdims=True) + 1e-8))[..., None]
            for x in (X, X_held)
        ]
    if kind == "curve":
        X, X_held = X - X.mean(axis=0), X_held - X.mean(axis=0)
    return [((x - X.mean()) / X.std())[..., np.newaxis] for x in (X, X_held)]


def viewed(view, X, X_held):
    """Return the input of the networks, each channel with a standard deviation of 1."""
    views = {
        "values": lambda x: x,
        "changes": lambda x: np.diff(x, axis=1, prepend=x[:, :1]),
        "sums": lambda x: np.cumsum(x - x.mean(axis=1, keepdims=True), axis=1),
        "spectrum": lambda x: (
            np.abs(np.fft.rfft(x - x.mean(axis=1, keepdims=True), n=2 * x.shape[1], axis=1)[:, 1:])
            ** 0.5
        ),
        "no trend": lambda x: (
            x - uniform_filter1d(x, max(3, x.shape[1] // 8), axis=1, mode="nearest")
        ),
    }
    if view == "values":
        return X, X_held
    names = view.split(" + ")
    made = [np.concatenate([views[name](x) for name in names], axis=2) for x in (X, X_held)]
    scale = made[0].std(axis=(0, 1), keepdims=True)
    return [x / scale for x in made]


def pool_sizes(settings, n_timepoints):
    """Return the pooling size before each block but the first."""
    gaps = [1] * (len(settings["n_filters"]) - 1)
    if settings["n_steps"] is None:
        return gaps
    n = 0
    while n_timepoints / 2 ** (n + 1) >= settings["n_steps"]:
        gaps[n % len(gaps)] *= 2
        n += 1
    return gaps


class Network:
    """A candidate's weights, forward pass and training step."""

    def __init__(self, settings, n_timepoints, n_channels, n_classes, rng):
        import tensorflow as tf

        self.tf, self.settings, self.n_classes = tf, settings, n_classes
        self.pools = pool_sizes(settings, n_timepoints)
        self.n_branches = n_channels if settings["branches"] else 1
        self.blocks = []
        for _ in range(self.n_branches):
            self._add_blocks(rng, n_timepoints, n_channels // self.n_branches)
        width = settings["n_filters"][-1] * self.n_branches
        n_read = width
        if settings["heads"] != "last":
            n_read = sum(settings["n_filters"])
        cells = settings["n_cells"]
        n_values = n_timepoints * n_channels // self.n_branches
        limit = np.sqrt(6 / (n_values + 4 * cells))
        bias = np.repeat([0, 1, 0, 0], cells).astype(np.float32)
        lstm = [self._uniform(rng, limit, (n_values, 4 * cells)), tf.Variable(bias)]
        limit = np.sqrt(6 / (n_read + cells + n_classes))
        self.head = [self._uniform(rng, limit, (n_read + cells, n_classes))]
        self.head.append(tf.Variable(tf.zeros(n_classes)))
        self.lstm = lstm
        self.variables = [v for block in self.blocks for v in block] + lstm + self.head

    def _add_blocks(self, rng, n_timepoints, width):
        tf, settings = self.tf, self.settings
        for filters, size in zip(settings["n_filters"], settings["kernel_sizes"], strict=True):
            size = min(size, n_timepoints)
            kernel = self._uniform(rng, np.sqrt(6 / (size * width)), (1, size, width, filters))
            one, zero = tf.Variable(tf.ones(filters)), tf.Variable(tf.zeros(filters))
            self.blocks.append([kernel, one, zero])
            if settings["separable"] and width > 1:
                limit = np.sqrt(6 / (width + filters))
                self.blocks[-1][0] = self._uniform(rng, np.sqrt(3 / size), (1, size, width, 1))
                self.blocks[-1].append(self._uniform(rng, limit, (1, 1, width, filters)))
            width = filters

    def _uniform(self, rng, limit, shape):
        return self.tf.Variable(rng.uniform(-limit, limit, shape).astype(np.float32))

    def logits(self, x, moments=None, *, before=None):
        """Return the logits, of inference if ``moments`` are given and of training otherwise.

        With ``before`` return the input of this block's normalisation, or of the "head".
        """
        tf, settings, trains = self.tf, self.settings, moments is None
        whole, read, n_blocks = tf.expand_dims(x, 1), [], len(settings["n_filters"])
        whole = tf.cast(whole, tf.bfloat16) if trains else whole
        parts = tf.split(whole, self.n_branches, axis=3)
        h = whole
        for place, (kernel, gamma, beta, *point) in enumerate(self.blocks):
            k = place % n_blocks
            h = parts[place // n_blocks] if k == 0 else h
            if k and self.pools[k - 1] > 1:
                size, pool = self.pools[k - 1], tf.nn.avg_pool2d
                pool = tf.nn.max_pool2d if settings["pooling"] == "max" else pool
                h = pool(h, [1, size], [1, size], "SAME")
            kernel, rate = tf.cast(kernel, h.dtype), [1, settings["dilation_rates"][k]]
            if point:
                z = tf.nn.depthwise_conv2d(h, kernel, [1, 1, 1, 1], "SAME", dilations=rate)
                z = tf.nn.conv2d(z, tf.cast(point[0], h.dtype), 1, "SAME")
            else:
                z = tf.nn.conv2d(h, kernel, 1, "SAME", dilations=rate)
            if before == place:
                return z
            if trains:
                z, *_ = tf.raw_ops.FusedBatchNormV3(
                    x=z,
                    scale=gamma,
                    offset=beta,
                    mean=tf.zeros(0),
                    variance=tf.zeros(0),
                    epsilon=1e-3,
                    is_training=True,
                )
            else:
                mean, variance = moments[place]
                scale = gamma * tf.math.rsqrt(variance + 1e-3)
                z = z * scale + (beta - mean * scale)
            z = tf.nn.relu(z)
            if settings["residual"] and k and z.shape[-1] == h.shape[-1]:
                z = z + h
            h = z
            read.append(h)
        read = read if settings["heads"] == "all" else read[n_blocks - 1 :: n_blocks]
        read = tf.concat([tf.cast(tf.reduce_mean(z, [1, 2]), tf.float32) for z in read], 1)
        own = x[:, :, : x.shape[2] // self.n_branches]
        gates = tf.reshape(own, [tf.shape(x)[0], -1]) @ self.lstm[0] + self.lstm[1]
        i, _, g, o = tf.split(gates, 4, axis=1)
        state = tf.sigmoid(o) * tf.tanh(tf.sigmoid(i) * tf.tanh(g))
        if trains:
            state = tf.nn.dropout(state, 0.8)
            read = tf.nn.dropout(read, settings["dropout"]) if settings["dropout"] else read
        if trains and settings["branches"] == "own losses":
            sizes = [state.shape[1], *[settings["n_filters"][-1]] * self.n_branches]
            of_lstm, *of_branches = tf.split(self.head[0], sizes)
            shared = state @ of_lstm + self.head[1]
            means = tf.split(read, self.n_branches, axis=1)
            return tf.stack(
                [
                    shared + self.n_branches * mean @ weights
                    for mean, weights in zip(means, of_branches, strict=True)
                ]
            )
        read = tf.concat([state, read], 1)
        return read if before == "head" else read @ self.head[0] + self.head[1]

    def loss(self, x, labels):
        """Return the loss of a batch, with the candidate's regularisation."""
        tf, settings = self.tf, self.settings
        targets = tf.one_hot(labels, self.n_classes)
        smoothing = settings["label_smoothing"]
        targets = targets * (1 - smoothing) + smoothing / self.n_classes
        if settings["warp"]:
            x = self._warped(x)
        if settings["mixup"]:
            draws = tf.random.gamma([tf.shape(x)[0], 2], settings["mixup"])
            part = draws[:, :1] / (tf.reduce_sum(draws, 1, keepdims=True) + 1e-9)
            part = tf.maximum(part, 1 - part)
            targets = part * targets + (1 - part) * tf.reverse(targets, [0])
            part = part[:, :, None]
            x = part * x + (1 - part) * tf.reverse(x, [0])
        logits = self.logits(x)
        losses = tf.nn.softmax_cross_entropy_with_logits(tf.zeros_like(logits) + targets, logits)
        return tf.reduce_mean(losses)

    def _warped(self, x):
        """Move time smoothly: a sum of three low sines that keeps both ends."""
        tf, n = self.tf, x.shape[1]
        t = tf.linspace(0.0, 1.0, n)[None]
        size = self.settings["warp"] / np.pi
        for k in (1, 2, 3):
            t += size / k * tf.random.normal([tf.shape(x)[0], 1]) * tf.sin(k * np.pi * t)
        place = tf.clip_by_value(t, 0.0, 1.0) * (n - 1)
        low = tf.minimum(tf.cast(place, tf.int32), n - 2)
        part = (place - tf.cast(low, tf.float32))[:, :, None]
        left, right = (tf.gather(x, low + k, batch_dims=1) for k in (0, 1))
        return (1 - part) * left + part * right


def train(settings, X, y, X_held, seed):
    """Train a candidate; return held-out probabilities, seconds and the training loss."""
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    tf.random.set_seed(seed)
    X, X_held = normalised(settings["normalization"], X, X_held)
    X, X_held = (x.astype(np.float32) for x in viewed(settings["view"], X, X_held))
    n, n_timepoints, n_channels = X.shape
    size = settings["batch_size"]
    size = min(n, min(16, max(4, n // 10)) if size == "auto" else size)
    per_epoch = -(-n // size)
    n_updates = min(max(settings["n_updates"], 40 * per_epoch), 1500 * per_epoch)
    network = Network(settings, n_timepoints, n_channels, int(y.max()) + 1, rng)
    variables = network.variables
    first, second, mean = ([tf.Variable(tf.zeros_like(v)) for v in variables] for _ in range(3))
    series, labels, count = tf.constant(X), tf.constant(y), tf.Variable(0.0)
    peak, warm_up = settings["learning_rate"], int(0.3 * n_updates)
    average = settings["weight_average"]

    def update(rows):
        x, truth = tf.gather(series, rows), tf.gather(labels, rows)
        with tf.GradientTape() as tape:
            loss = network.loss(x, truth)
        gradients = tape.gradient(loss, variables)
        done = tf.identity(count)
        count.assign_add(1.0)
        rising = peak / 25 + (peak - peak / 25) * done / max(warm_up, 1)
        falling = (done - warm_up) / max(n_updates - warm_up, 1)
        rate = tf.where(done < warm_up, rising, peak / 2 * (1 + tf.cos(np.pi * falling)))
        for v, m, s, a, g in zip(variables, first, second, mean, gradients, strict=True):
            if settings["weight_decay"] and len(v.shape) > 1:
                v.assign_sub(rate * settings["weight_decay"] * v)
            tf.raw_ops.ResourceApplyAdam(
                var=v.handle,
                m=m.handle,
                v=s.handle,
                beta1_power=0.9 ** (done + 1),
                beta2_power=0.999 ** (done + 1),
                lr=rate,
                beta1=0.9,
                beta2=0.999,
                epsilon=1e-7,
                grad=g,
            )
            if average:
                a.assign(average * a + (1 - average) * v)
        return loss

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, size], tf.int32)])
    def updates(rows):
        def go_on(k, _):
            return k + 1, update(rows[k])

        return tf.while_loop(lambda k, _: k < tf.shape(rows)[0], go_on, (0, 0.0), None, 1)[1]

    updates = updates.get_concrete_function()
    began = time.perf_counter()
    n_epochs = -(-n_updates * size // n)
    order = np.concatenate([rng.permutation(n) for _ in range(n_epochs)]).astype(np.int32)
    order = order[: n_updates * size].reshape(n_updates, size)
    for start in range(0, n_updates, 100):
        updates(tf.constant(order[start : start + 100]))
    if average:
        for v, a in zip(variables, mean, strict=True):
            v.assign(a / (1 - average**n_updates))
    moments, rows = [], max(1, min(256, 2**16 // n_timepoints))
    for k in range(len(network.blocks)):  # exact statistics of all training data
        total = squares = seen = 0.0
        for start in range(0, n, rows):
            z = network.logits(tf.constant(X[start : start + rows]), moments, before=k)
            z = tf.cast(z, tf.float64)
            seen += np.prod(z.shape[:3])
            total = total + tf.reduce_sum(z, [0, 1, 2])
            squares = squares + tf.reduce_sum(z * z, [0, 1, 2])
        variance = tf.maximum(squares / seen - (total / seen) ** 2, 0.0)
        moments.append([tf.cast(total / seen, tf.float32), tf.cast(variance, tf.float32)])

    def answers(x, **layer):
        parts = (x[start : start + rows] for start in range(0, len(x), rows))
        return np.concatenate([network.logits(part, moments, **layer).numpy() for part in parts])

    if settings["ridge"]:
        from lstmfcn.networks.ridge import fit_linear

        read = answers(X, before="head")
        kernel, bias, scale, _ = fit_linear(
            read - read.mean(axis=0), y, np.ones(n), network.n_classes
        )
        network.head[0].assign(scale * kernel)
        network.head[1].assign(scale * (bias - read.mean(axis=0) @ kernel))
    seconds = time.perf_counter() - began

    def probabilities(x):
        return scipy.special.softmax(answers(x), axis=1)

    return probabilities(X_held), seconds, scores(probabilities(X), y)[1]


def minirocket(X, y, X_held):
    """Fit sktime's MiniROCKET; return its decisions as probabilities of 0 and 1, seconds, 0."""
    from sktime.classification.kernel_based import RocketClassifier

    began = time.perf_counter()
    model = RocketClassifier(rocket_transform="minirocket", random_state=0).fit(X[:, None], y)
    seconds = time.perf_counter() - began
    return np.eye(y.max() + 1)[model.predict(X_held[:, None])], seconds, 0.0


def fixed_kernels(X, y, X_held, seed):
    """Fit the package's fixed kernels without a network; return as ``train``."""
    from lstmfcn.networks.backend import keras
    from lstmfcn.networks.rocket import Rocket, fit_rocket

    began = time.perf_counter()
    X, X_held = (x.astype(np.float32) for x in normalised("dataset", X, X_held))
    series = keras.Input(X.shape[1:])
    model = keras.Model(series, Rocket(y.max() + 1, X.shape[1])(series))
    fit_rocket(model, (X,), y, np.ones(len(y)), seed)
    seconds = time.perf_counter() - began
    found = scipy.special.softmax(model.predict(X_held, verbose=0), axis=1)
    return found, seconds, scores(scipy.special.softmax(model.predict(X, verbose=0), axis=1), y)[1]


def packaged(settings, X, y, X_held, seed):
    """Fit one of the package's classifiers; return as ``train``."""
    import lstmfcn
    from lstmfcn.training.candidates import make_plans

    parameters = dict(settings)
    kind, n_updates = parameters.pop("classifier"), parameters.pop("n_updates", 0)
    classifier = getattr(lstmfcn, kind)(**parameters, rocket=False, random_state=seed)
    if n_updates:
        plan = make_plans(len(y), 2, n_epochs="auto", batch_size="auto")[0]
        n_batches = -(-len(y) // plan.batch_size)
        classifier.set_params(n_epochs=min(1500, max(40, -(-n_updates // n_batches))))
    began = time.perf_counter()
    classifier.fit(X[:, None], y)
    seconds = time.perf_counter() - began
    return classifier.predict_proba(X_held[:, None]), seconds, classifier.history_["loss"][-1]


def scores(probabilities, y):
    """Return accuracy and log loss."""
    of_truth = np.maximum(probabilities[np.arange(len(y)), y], CUT)
    accuracy = float((probabilities.argmax(axis=1) == y).mean())
    return accuracy, float(-np.log(of_truth).mean())


def run(configuration, dataset, fold, archive, shifted):
    """Train and score one candidate on one fold; return a row."""
    X, y = study.load(dataset, archive)[:2]
    X, y, X_held, y_held = (study.shifted_fold if shifted else study.fold)(X, y, fold)
    classes, y = np.unique(y, return_inverse=True)
    y, y_held = y.astype(np.int32), np.searchsorted(classes, y_held)
    X, X_held = (np.asarray(x, np.float64).reshape(len(x), -1) for x in (X, X_held))
    if configuration == "MiniROCKET":
        found, seconds, training_loss = minirocket(X, y, X_held)
    elif configuration == "kernels":
        found, seconds, training_loss = fixed_kernels(X, y, X_held, fold)
    elif configuration in OF_ANOTHER_KIND:
        began = time.perf_counter()
        found = OF_ANOTHER_KIND[configuration](X, y, X_held, fold)
        seconds, training_loss = time.perf_counter() - began, None
    else:
        settings = CANDIDATES[configuration]
        seed = 1000 * fold
        if "classifier" in settings:
            found, seconds, training_loss = packaged(settings, X, y, X_held, seed)
        else:
            found, seconds, training_loss = train({**DEFAULT, **settings}, X, y, X_held, seed)
    KEPT[shifted].mkdir(parents=True, exist_ok=True)
    with atomic_path(KEPT[shifted] / f"{configuration}, {dataset}, {fold}.npz") as temporary:
        with open(temporary, "wb") as file:
            np.savez(file, probabilities=found, y=y_held)
    accuracy, log_loss = scores(found, y_held)
    values = configuration, dataset, fold, accuracy, log_loss, seconds, training_loss
    values = (round(v, 6) if isinstance(v, float) else v for v in values)
    return dict(zip(COLUMNS, values, strict=True))


def write(path, rows):
    """Write a record again, atomically, in a fixed order."""
    rows = sorted(rows, key=lambda r: (r["configuration"], r["dataset"], int(r["fold"])))
    with atomic_path(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)


def averages():
    """Return per candidate (runs, means, the reference's on the same runs, median seconds).

    Means are accuracy and log loss; first each dataset's over its folds, (n_datasets, 2).
    """
    by_candidate = {}
    for row in study.read(RECORD):
        runs = by_candidate.setdefault(row["configuration"], {})
        runs[row["dataset"], row["fold"]] = [float(row[name]) for name in COLUMNS[3:6]]
    found, known = {}, by_candidate.get(REFERENCE, {})
    for name, runs in by_candidate.items():
        shared = sorted(runs.keys() & known.keys())
        if shared:
            sides = (_by_dataset(shared, side) for side in (runs, known))
            found[name] = len(shared), *sides, np.median([runs[key][2] for key in shared])
    return found


def _by_dataset(keys, runs):
    datasets = sorted({dataset for dataset, _ in keys})
    return np.array(
        [np.mean([runs[key][:2] for key in keys if key[0] == name], axis=0) for name in datasets]
    )


def table():
    """Return the record as a Markdown table, each candidate beside the reference."""
    lines = [
        f"| candidate | runs | accuracy | to {REFERENCE} | log loss | to {REFERENCE} | seconds |",
        "|---" * 7 + "|",
    ]
    found = averages()
    for name in sorted(found, key=lambda name: (found[name][1] - found[name][2]).mean(axis=0)[1]):
        n_runs, means, known, seconds = found[name]
        cells = []
        for k in range(2):
            low, high = interval(means[:, k] - known[:, k])
            difference = (means[:, k] - known[:, k]).mean()
            cells += [f"{means[:, k].mean():.3f}", f"{difference:+.3f} ({low:+.3f} to {high:+.3f})"]
        if name == "MiniROCKET":  # it decides, and gives no probabilities
            cells[2:] = ["-", "-"]
        lines.append(f"| {name} | {n_runs} | {' | '.join(cells)} | {seconds:.1f} |")
    return "\n".join(lines)


def interval(differences):
    """Return the 95 % interval of the mean over datasets, by the bootstrap."""
    rows = np.random.default_rng(0).integers(len(differences), size=(2000, len(differences)))
    return np.percentile(differences[rows].mean(axis=1), [2.5, 97.5])


def draw():
    """Draw log loss minus the reference's against seconds; name candidates on the front."""
    import matplotlib.pyplot as plt

    found = {name: values for name, values in averages().items() if name != "MiniROCKET"}
    points = {
        name: (seconds, (means - known).mean(axis=0)[1])
        for name, (n_runs, means, known, seconds) in found.items()
        if n_runs >= len(study.FRONT_DATASETS)
    }
    names = sorted(points, key=lambda name: points[name][1])
    figure, axes = plt.subplots(figsize=(9, 0.2 * len(names) + 3), layout="constrained")
    left, quickest = [], np.inf
    for place, name in enumerate(names, 1):  # from the lowest loss on: what is on the front?
        seconds, loss = points[name]
        is_best, quickest = seconds < quickest, min(seconds, quickest)
        left += [(seconds, loss)] if is_best else []
        colour = "C0" if is_best else "C7"
        label = f"{place}  {name}"
        axes.plot(seconds, loss, ".", color=colour, label=label, ms=8)
        axes.annotate(str(place), (seconds, loss), xytext=(4, 4), textcoords="offset points")
    axes.plot(*zip(*left, strict=True), color="C0", linewidth=0.8)
    axes.set(xlabel="median seconds of a fit, one thread", xscale="log")
    axes.set_yscale("symlog", linthresh=0.05, linscale=2)
    axes.set_yticks([-0.05, -0.02, 0, 0.02, 0.05, 0.1, 0.2, 0.4])
    axes.yaxis.set_major_formatter("{x:.2f}")
    axes.set_ylabel(f"log loss on held-out folds, less that of {REFERENCE}")
    ticks = [
        t for t in (1, 2, 3, 5, 10, 20, 30, 50) if t <= 1.3 * max(s for s, _ in points.values())
    ]
    axes.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
    axes.minorticks_off()
    figure.legend(loc="outside right center", fontsize="small", frameon=False, markerscale=0)
    figure.savefig(study.RESULTS.parent / "front.png", dpi=100)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run")
    runs.add_argument("--archive", required=True)
    runs.add_argument("--jobs", type=int, default=1)
    runs.add_argument("--only", nargs="+", choices=CANDIDATES, default=list(CANDIDATES))
    runs.add_argument("--datasets", nargs="+", default=study.FRONT_DATASETS)
    runs.add_argument("--folds", nargs="+", type=int, default=[0, 1, 2])
    runs.add_argument("--shifted", action="store_true", help="hold out series unlike the others")
    commands.add_parser("draw")
    arguments = parser.parse_args()
    if arguments.command == "draw":
        draw()
        return
    record = SHIFTED if arguments.shifted else RECORD
    rows = study.read(record)
    done = {(row["configuration"], row["dataset"], int(row["fold"])) for row in rows}
    plan = [
        key
        for fold in arguments.folds
        for configuration in arguments.only
        for dataset in arguments.datasets
        if (key := (configuration, dataset, fold)) not in done
    ]
    context = multiprocessing.get_context("spawn")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with concurrent.futures.ProcessPoolExecutor(
        arguments.jobs, mp_context=context, initializer=study.set_up_worker
    ) as pool:
        futures = [pool.submit(run, *key, arguments.archive, arguments.shifted) for key in plan]
        for future in tqdm(concurrent.futures.as_completed(futures), total=len(plan), unit="run"):
            rows.append(future.result())
            write(record, rows)


if __name__ == "__main__":
    main()
