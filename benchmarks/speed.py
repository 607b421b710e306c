"""How fast is the package, compared with plain Keras and sktime? Ratios on one machine.

    python benchmarks/speed.py            # all tables; writes results/speed.json
    python benchmarks/speed.py training   # one of them: training, attention, parts, fit,
                                          # prediction, start, memory, growth, jobs, archive

Competitors take turns in each round, so that other load on the machine affects all of them. A ratio
is computed within each round, and the median over rounds is quoted. sktime's classifier is another
network: its LSTM reads all timepoints. It is included because many people use it. The *convolution
limit* is the time of the same convolutions alone, forward and backward, in the same precision and
batches. Nothing here is a test.
"""

import argparse
import collections
import glob
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sweep_speed

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

RESULTS = Path(__file__).resolve().parent / "results"
# What the others train, too: epochs of the same network are compared.
PUBLISHED_SHAPE = {
    "n_filters": (128, 256, 128),
    "n_steps": None,
    "dilation_rates": None,
    "views": ("values",),
    "rocket": False,
}
# (n_samples, n_channels, n_timepoints, n_classes): GunPoint, Strawberry, long, multivariate
SHAPES = {
    "50 x 150": (50, 1, 150, 2),
    "613 x 235": (613, 1, 235, 2),
    "300 x 1000": (300, 1, 1000, 2),
    "200 x 9 x 100": (200, 9, 100, 5),
}
SMALL_SHAPES = {"20 x 70": (20, 1, 70, 2), "24 x 350": (24, 1, 350, 4), "67 x 24": (67, 1, 24, 2)}
BATCH = 128
SKTIME_EPOCHS = 2000  # its default, with batches of 128
ROUNDS = 3
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1"}
PRECISIONS = ("float32", "bfloat16")


def series(n_samples, n_channels, n_timepoints, n_classes, seed=0):
    """Return random X (n_samples, n_channels, n_timepoints), float32, and y."""
    import numpy as np

    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n_samples, n_channels, n_timepoints)).astype(np.float32)
    return X, np.arange(n_samples) % n_classes


def learnable_series(*shape):
    """Return such series of which each has a sine of its class."""
    import numpy as np

    X, y = series(*shape)
    time_axis = np.linspace(0, 2 * np.pi, X.shape[2], dtype=np.float32)
    return X + np.sin(np.outer(y + 1, time_axis))[:, np.newaxis], y


def plain_keras(n_channels, n_timepoints, n_classes):
    """LSTM-FCN from the layers of Keras alone."""
    import keras

    inputs = features = keras.Input((n_timepoints, n_channels))
    for width, size in ((128, 8), (256, 5), (128, 3)):
        features = keras.layers.Conv1D(width, size, padding="same")(features)
        features = keras.layers.BatchNormalization()(features)
        features = keras.layers.ReLU()(features)
    pooled = keras.layers.GlobalAveragePooling1D()(features)
    hidden = keras.layers.LSTM(8)(keras.layers.Permute((2, 1))(inputs))
    hidden = keras.layers.Dropout(0.8)(hidden)
    merged = keras.layers.Concatenate()([hidden, pooled])
    return keras.Model(inputs, keras.layers.Dense(n_classes, activation="softmax")(merged))


EPOCH_SECONDS = []  # filled by callbacks that are copied before use


def stopwatch():
    """Return a Keras callback that appends each epoch's seconds to EPOCH_SECONDS."""
    import keras

    class Stopwatch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            EPOCH_SECONDS.append(time.perf_counter() - self.started)

    return Stopwatch()


def ours(X, y, n_epochs, precision):
    from lstmfcn import LSTMFCNClassifier

    options = {"n_epochs": n_epochs, "batch_size": BATCH, "precision": precision}
    classifier = LSTMFCNClassifier(**PUBLISHED_SHAPE, **options, random_state=0)
    return classifier.fit(X, y).history_["epoch_seconds"]


def keras_fit(X, y, n_epochs):
    EPOCH_SECONDS.clear()
    model = plain_keras(*X.shape[1:], int(y.max()) + 1)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(
        X.transpose(0, 2, 1), y, epochs=n_epochs, batch_size=BATCH, verbose=0,
        callbacks=[stopwatch()],
    )  # fmt: skip
    return list(EPOCH_SECONDS)


def sktime_fit(X, y, n_epochs):
    from sktime.classification.deep_learning import LSTMFCNClassifier

    EPOCH_SECONDS.clear()
    LSTMFCNClassifier(n_epochs=n_epochs, batch_size=BATCH, callbacks=[stopwatch()]).fit(X, y)
    return list(EPOCH_SECONDS)


def convolutions(n_channels, precision):
    """Return the kernels of the three convolutions, and a function that applies them."""
    import tensorflow as tf

    dtype = getattr(tf, precision)
    widths = (n_channels, 128, 256, 128)
    kernels = [
        tf.Variable(0.05 * tf.random.normal((1, size, widths[k], widths[k + 1])))
        for k, size in enumerate((8, 5, 3))
    ]

    def convolve(batch):
        features = tf.cast(batch[:, tf.newaxis], dtype)
        for kernel in kernels:
            features = tf.nn.conv2d(features, tf.cast(kernel, dtype), 1, "SAME")
        return features

    return kernels, convolve


def convolution_limit(X, n_epochs, precision):
    """Seconds per epoch of the three convolutions alone, forward and backward."""
    import numpy as np
    import tensorflow as tf

    n_samples, n_channels, _ = X.shape
    kernels, convolve = convolutions(n_channels, precision)

    @tf.function(autograph=False, reduce_retracing=True)
    def step(batch):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(convolve(batch))
        return [gradient[0, 0, 0, 0] for gradient in tape.gradient(total, kernels)]

    parts = np.array_split(X.transpose(0, 2, 1), -(-n_samples // BATCH))
    batches = [tf.constant(part) for part in parts]
    seconds = []
    for _ in range(n_epochs):
        started = time.perf_counter()
        for batch in batches:
            step(batch)[0].numpy()
        seconds.append(time.perf_counter() - started)
    return seconds


def training():
    """Compare one epoch of each competitor, in turns."""
    table = {}
    for name, (n_samples, n_channels, n_timepoints, n_classes) in SHAPES.items():
        X, y = series(n_samples, n_channels, n_timepoints, n_classes)
        n_epochs = 14 if X.size < 50_000 else 4
        competitors = {
            "ours, float32": lambda n, X=X, y=y: ours(X, y, n, "float32"),
            "ours, bfloat16": lambda n, X=X, y=y: ours(X, y, n, "bfloat16"),
            "plain Keras": lambda n, X=X, y=y: keras_fit(X, y, n),
            "sktime": lambda n, X=X, y=y: sktime_fit(X, y, n),
            "limit, float32": lambda n, X=X: convolution_limit(X, n, "float32"),
            "limit, bfloat16": lambda n, X=X: convolution_limit(X, n, "bfloat16"),
        }
        times = collections.defaultdict(list)
        for _ in range(ROUNDS):
            for competitor, measure in list(competitors.items()):
                try:
                    # The first two epochs compile and warm up.
                    seconds = statistics.median(measure(n_epochs)[2:])
                except ModuleNotFoundError as error:  # sktime asks for the package tensorflow
                    print(f"{competitor}: not measured ({str(error).splitlines()[0]})")
                    del competitors[competitor]
                    continue
                times[competitor].append(seconds)
            print(end=".", flush=True)
        table[name] = row = {
            f"{key}, ms": 1e3 * statistics.median(values) for key, values in times.items()
        }
        for precision in PRECISIONS:
            mine = times[f"ours, {precision}"]
            for rival in ("plain Keras", "sktime"):
                if rival in times:
                    row[f"{rival} / ours, {precision}"] = ratio(times[rival], mine)
            limit = times[f"limit, {precision}"]
            row[f"share of the limit, {precision}"] = ratio(limit, mine)
        print_row(name, row)
    return table


def attention():
    """Compare one epoch of ALSTM-FCN with one of LSTM-FCN at the defaults, in turns."""
    from lstmfcn import ALSTMFCNClassifier, LSTMFCNClassifier

    competitors = {
        "LSTM-FCN": (LSTMFCNClassifier, {}),
        "ALSTM-FCN": (ALSTMFCNClassifier, {}),
        "ALSTM-FCN, no occlusion": (ALSTMFCNClassifier, {"occlusion": 0.0}),
    }
    table = {}
    for name, (n_samples, n_channels, n_timepoints, n_classes) in SHAPES.items():
        X, y = series(n_samples, n_channels, n_timepoints, n_classes)
        n_epochs = 14 if X.size < 50_000 else 5
        times = collections.defaultdict(list)
        for _ in range(ROUNDS):
            for competitor, (model, parameters) in competitors.items():
                classifier = model(n_epochs=n_epochs, random_state=0, **parameters).fit(X, y)
                times[competitor].append(
                    statistics.median(classifier.history_["epoch_seconds"][2:])
                )
        table[name] = row = {"LSTM-FCN, ms": 1e3 * statistics.median(times["LSTM-FCN"])}
        for competitor in list(competitors)[1:]:
            row[f"{competitor} / LSTM-FCN"] = ratio(times[competitor], times["LSTM-FCN"])
        print_row(name, row)
    return table


FIT = """
import sys, time
import numpy as np
from lstmfcn import LSTMFCNClassifier
file = np.load(sys.argv[1])
started = time.perf_counter()
LSTMFCNClassifier(random_state=0).fit(file["X"], file["y"])
print(time.perf_counter() - started)
"""


def fit():
    """Compare whole fits at the defaults; sktime's is the median of its epochs times 2000."""
    import numpy as np

    table = {}
    for name, (n_samples, n_channels, n_timepoints, n_classes) in {
        **SMALL_SHAPES,
        **SHAPES,
    }.items():
        X, y = learnable_series(n_samples, n_channels, n_timepoints, n_classes)
        mine, mine_alone, theirs = [], [], []
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.npz"
            np.savez(path, X=X, y=y)
            for _ in range(ROUNDS if X.size < 50_000 else 1):
                for times, variables in ((mine, {}), (mine_alone, ONE_THREAD)):
                    code = [sys.executable, "-c", FIT, str(path)]
                    output = subprocess.check_output(code, env={**os.environ, **variables})
                    times.append(float(output))
                theirs.append(SKTIME_EPOCHS * statistics.median(sktime_fit(X, y, 6)[2:]))
        table[name] = row = {
            "default fit, s": statistics.median(mine),
            "one thread per kernel, s": statistics.median(mine_alone),
            "sktime's 2000 epochs, s": statistics.median(theirs),
            "sktime / ours": ratio(theirs, mine),
            "sktime / ours, one thread per kernel": ratio(theirs, mine_alone),
        }
        print_row(name, row)
    return table


def ratio(numerators, denominators):
    """Return the median over rounds of the ratio within each round."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


CATEGORIES = (
    ("convolutions", ("Conv2D", "/convolution")),
    ("batch normalisation and ReLU", ("/norm_", "Relu")),
    ("Adam", ("fused_adam", "ApplyAdam")),
    ("average over time", ("mean_over_time", "pooled")),
)


def parts():
    """Return the time of one update by kind of kernel, in milliseconds over all threads."""
    import keras
    import numpy as np
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    from lstmfcn import LSTMFCNClassifier

    n_updates, table = 30, {}
    for name, (n_samples, n_channels, n_timepoints, n_classes) in SHAPES.items():
        X, y = series(min(n_samples, BATCH), n_channels, n_timepoints, n_classes)
        for precision in PRECISIONS:
            folder = tempfile.mkdtemp()

            class Profile(keras.callbacks.Callback):
                def __init__(self, folder):
                    super().__init__()
                    self.folder = folder

                def on_epoch_begin(self, epoch, logs=None):
                    if epoch == 5:
                        tf.profiler.experimental.start(self.folder)
                        PROFILED.append(time.perf_counter())

                def on_epoch_end(self, epoch, logs=None):
                    if epoch == 4 + n_updates:
                        PROFILED.append(time.perf_counter())
                        tf.profiler.experimental.stop()

            PROFILED.clear()
            LSTMFCNClassifier(
                n_epochs=5 + n_updates, batch_size=BATCH, precision=precision, random_state=0,
                callbacks=[Profile(folder)],
            ).fit(X, y)  # fmt: skip
            space = xplane_pb2.XSpace()
            (path,) = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
            space.ParseFromString(Path(path).read_bytes())
            row = dict.fromkeys([category for category, _ in CATEGORIES] + ["other kernels"], 0.0)
            for plane in space.planes:
                names = {key: meta.name for key, meta in plane.event_metadata.items()}
                for event in (event for line in plane.lines for event in line.events):
                    kernel = names[event.metadata_id]
                    if ":" not in kernel or "::" in kernel or "Execute" in kernel:
                        continue
                    category = next(
                        (c for c, marks in CATEGORIES if any(mark in kernel for mark in marks)),
                        "other kernels",
                    )
                    row[category] += event.duration_ps / 1e9 / n_updates
            row["whole update, wall clock"] = 1e3 * float(np.diff(PROFILED)[0]) / n_updates
            table[f"{name}, {precision}"] = row
            print_row(f"{name}, {precision}", row)
    return table


PROFILED = []


def prediction():
    """Compare the published network's predict with the raw forward pass; time single series."""
    import numpy as np
    import tensorflow as tf

    from lstmfcn import LSTMFCNClassifier
    from lstmfcn.networks.fitted import rows_per_batch

    table = {}
    for name, (_, n_channels, n_timepoints, n_classes) in SHAPES.items():
        X, y = series(1024, n_channels, n_timepoints, n_classes)
        default = LSTMFCNClassifier(n_epochs=1, random_state=0).fit(X[:64], y[:64])
        classifier = LSTMFCNClassifier(n_epochs=1, random_state=0, **PUBLISHED_SHAPE)
        classifier.fit(X[:64], y[:64])
        model, inputs = classifier.model_, classifier.reader_.to_inputs(X)[0]
        rows = rows_per_batch(n_timepoints)
        batches = [tf.constant(inputs[start : start + rows]) for start in range(0, len(X), rows)]
        raw = tf.function(lambda batch, model=model: model(batch, training=False), autograph=False)
        plain = tf.function(plain_keras(n_channels, n_timepoints, n_classes).call, autograph=False)

        def run_raw(function, batches=batches):
            for batch in batches:
                np.asarray(function(batch))

        candidates = {
            "predict": lambda c=classifier, X=X: c.predict(X),
            "raw forward pass": lambda f=raw: run_raw(f),
            "raw forward pass, plain Keras": lambda f=plain: run_raw(f),
        }
        times = {key: [] for key in candidates}
        for _ in range(ROUNDS + 2):
            for key, call in candidates.items():
                times[key].append(clock(call))
        times = {key: values[2:] for key, values in times.items()}
        one = X[:1]
        classifier.predict(one), default.predict(one)
        singles = [clock(lambda c=classifier, one=one: c.predict(one)) for _ in range(300)]
        of_default = [clock(lambda c=default, one=one: c.predict(one)) for _ in range(300)]
        alone = tf.function(convolutions(n_channels, "float32")[1], autograph=False)
        keras_input = inputs[:1]
        alone_input = tf.constant(keras_input)
        alone(alone_input)
        alone_singles = [
            clock(lambda f=alone, x=alone_input: f(x).numpy()) for _ in range(len(singles))
        ]
        model.predict(keras_input, verbose=0)
        keras_singles = [
            clock(lambda m=model, x=keras_input: m.predict(x, verbose=0)) for _ in range(30)
        ]
        table[name] = row = {
            "predict, series per second": len(X) / statistics.median(times["predict"]),
            "share of the raw forward pass": ratio(times["raw forward pass"], times["predict"]),
            "share of plain Keras' raw forward pass": ratio(
                times["raw forward pass, plain Keras"], times["predict"]
            ),
            "one series, ms": 1e3 * statistics.median(singles),
            "its convolutions alone, ms": 1e3 * statistics.median(alone_singles),
            "one series by keras predict, ms": 1e3 * statistics.median(keras_singles),
            "one series at the defaults, ms": 1e3 * statistics.median(of_default),
        }
        print_row(name, row)
    return table


def clock(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


START = """
import sys, time
started = time.perf_counter()
from lstmfcn import LSTMFCNClassifier
print(time.perf_counter() - started)
import numpy as np
file = np.load(sys.argv[1])
X, y = file["X"], file["y"]
for n_epochs in (1, 1, "auto"):
    model = LSTMFCNClassifier(n_epochs=n_epochs, random_state=0)
    for call in ("model.fit(X, y)", "model.predict(X[:1])", "model.predict(X[:1])"):
        started = time.perf_counter()
        eval(call)
        print(time.perf_counter() - started)
"""


def start():
    """Return where the seconds of a first fit and a first prediction go, in new processes."""
    import numpy as np

    table = {}
    for name, shape in {"20 x 100": (20, 1, 100, 2), **SHAPES}.items():
        X, y = learnable_series(*shape)
        with tempfile.TemporaryDirectory() as folder:
            np.savez(path := Path(folder) / "data.npz", X=X, y=y)
            code = [sys.executable, "-c", START, str(path)]
            runs = [list(map(float, subprocess.check_output(code).split())) for _ in range(3)]
        seconds = map(statistics.median, zip(*runs, strict=True))
        importing, first, _, _, one, asked, _, whole, _, again = seconds
        table[name] = row = {
            "import with Keras and TensorFlow, s": importing,
            "TensorFlow's start in the first fit, s": first - one,
            "network, graphs, kernels, one epoch, s": one,
            "all other epochs, s": whole - one,
            "first prediction, s": asked,
            "later prediction, s": again,
        }
        print_row(name, row)
    return table


SERVE = """
import re, statistics, sys, time
began = time.perf_counter()
import numpy as np
{load}
X = np.load(sys.argv[2])
answer(X[:1])
first = time.perf_counter() - began
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
def median(x, n):
    times = []
    for _ in range(n):
        start = time.perf_counter()
        answer(x)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
print(first, peak, median(X[:1], 200), median(X, 5) / len(X))
"""
LOADERS = {
    "lstmfcn.load": (
        "m.lstmfcn",
        "import lstmfcn\nanswer = lstmfcn.load(sys.argv[1]).predict_proba",
    ),
    "OnnxClassifier": (
        "m.onnx",
        "from lstmfcn import OnnxClassifier\nanswer = OnnxClassifier(sys.argv[1]).predict_proba",
    ),
    "onnxruntime alone": (
        "m.onnx",
        "import onnxruntime\nsession = onnxruntime.InferenceSession(sys.argv[1])\n"
        "answer = lambda x: session.run(None, {'series': x})",
    ),
    "LiteRT alone": (
        "m.tflite",
        "from ai_edge_litert.interpreter import Interpreter\n"
        "model = Interpreter(sys.argv[1])\nplace = model.get_input_details()[0]['index']\n"
        "shape = [None]\n"
        "def answer(x):\n"
        "    if shape[0] != x.shape:\n"
        "        model.resize_tensor_input(place, x.shape)\n"
        "        model.allocate_tensors()\n"
        "        shape[0] = x.shape\n"
        "    model.set_tensor(place, x)\n"
        "    model.invoke()\n"
        "    return model.get_tensor(model.get_output_details()[0]['index'])",
    ),
}


def export():
    """Return start-up, memory and latency of a model and of its exported files.

    ALSTM-FCN at the defaults for one channel of 150 timepoints, in new processes, in turns.
    """
    import numpy as np

    from lstmfcn import ALSTMFCNClassifier

    X, y = series(64, 1, 150, 2)
    table, found = {}, {name: [] for name in LOADERS}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.save(folder / "X.npy", X.astype(np.float32))
        classifier = ALSTMFCNClassifier(n_epochs=1, random_state=0).fit(X, y)
        classifier.save(folder / "m.lstmfcn")
        for ending in (".onnx", ".tflite"):
            classifier.export(folder / f"m{ending}")
        for _ in range(3):
            for name, (file, load) in LOADERS.items():
                code = SERVE.replace("{load}", load)
                command = [sys.executable, "-c", code, folder / file, folder / "X.npy"]
                found[name].append([float(x) for x in subprocess.check_output(command).split()])
    for name, runs in found.items():
        first, peak, one, each = (statistics.median(values) for values in zip(*runs, strict=True))
        table[name] = row = {
            "start to first answer, s": first,
            "peak memory, MiB": peak,
            "one series, ms": one,
            "a series of 64, ms": each,
        }
        print_row(name, row)
    return table


MEMORY = """
import sys
import numpy as np
import keras
from lstmfcn import LSTMFCNClassifier
def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(x for x in lines if x.startswith("RssAnon")).split()[1]) / 1024
peaks = []
X = np.load(sys.argv[1], mmap_mode="r")
if sys.argv[2] == "array":
    X = np.array(X)
y = np.arange(len(X)) % 2
small = np.array(X[:128])
LSTMFCNClassifier(n_epochs=1, batch_size=64, random_state=0).fit(small, y[:128])
before = anonymous()
class Stop(Exception): pass
class Leave(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        peaks.append(anonymous())
        if batch == 30:
            raise Stop
try:
    LSTMFCNClassifier(n_epochs=1, batch_size=64, random_state=0, callbacks=[Leave()]).fit(X, y)
except Stop:
    pass
print(max(peaks) - before)
"""


def memory():
    """Return the memory that the first updates add to a process, for a mapped file and an array."""
    import numpy as np

    table = {}
    with tempfile.TemporaryDirectory() as folder:
        for n_samples in (10_000, 100_000, 1_000_000):
            path = Path(folder) / "X.npy"
            X = np.lib.format.open_memmap(path, "w+", np.float32, (n_samples, 250))
            for begin in range(0, n_samples, 10_000):
                X[begin : begin + 10_000] = series(10_000, 1, 250, 2)[0][:, 0]
            X.flush()
            del X
            row = {"size of X, MiB": n_samples * 250 * 4 / 2**20}
            for kind in ("map", "array"):
                code = [sys.executable, "-c", MEMORY, str(path), kind]
                row[f"added by fit, {kind}, MiB"] = float(subprocess.check_output(code))
            table[f"{n_samples:,} series of 250"] = row
            print_row(f"{n_samples:,} series of 250", row)
    return table


def growth():
    """Return the seconds per epoch as one size doubles and all other sizes stay."""
    middle = {"n_samples": 256, "n_channels": 1, "n_timepoints": 128, "n_classes": 2}
    steps = {
        "n_samples": (128, 256, 512, 1024),
        "n_timepoints": (64, 128, 256, 512, 1024),
        "n_channels": (1, 4, 16, 64),
        "n_classes": (2, 8, 32, 64),
    }
    table = {}
    for size, values in steps.items():
        row = {}
        for value in values:
            X, y = series(**{**middle, size: value})
            row[f"{value}, ms"] = 1e3 * statistics.median(ours(X, y, 8, "float32")[2:])
        table[size] = row
        print_row(size, row)
    return table


def print_row(name, row):
    print(f"\n{name}")
    for key, value in row.items():
        print(f"    {key:<48} {value:10.2f}", flush=True)


TABLES = {
    "training": training,
    "attention": attention,
    "parts": parts,
    "fit": fit,
    "prediction": prediction,
    "start": start,
    "export": export,
    "memory": memory,
    "growth": growth,
    "jobs": sweep_speed.jobs,
    "archive": sweep_speed.archive,
}


def hardware():
    """Return the hardware and versions that the figures depend on."""
    import keras
    import tensorflow as tf

    from lstmfcn.training.precision import resolve_precision

    flags = Path("/proc/cpuinfo")
    text = flags.read_text() if flags.exists() else ""
    return {
        "cpu cores": os.cpu_count(),
        "cpu has bfloat16": sorted(
            {flag for flag in text.split() if flag in ("amx_bf16", "avx512_bf16")}
        ),
        "gpu": [device.name for device in tf.config.list_physical_devices("GPU")],
        "precision auto": resolve_precision("auto"),
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "load before, 1 minute": round(os.getloadavg()[0], 2),
    }


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--out", type=Path, default=RESULTS / "speed.json")
    arguments = parser.parse_args(argv)
    unknown = set(arguments.tables) - set(TABLES)
    if unknown:
        parser.error(f"unknown tables {sorted(unknown)}; choose from {', '.join(TABLES)}")

    from lstmfcn.files import atomic_path

    record = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for name in arguments.tables or TABLES:
        print(f"\n== {name}: {TABLES[name].__doc__.splitlines()[0]}", flush=True)
        rows = TABLES[name]()
        if name in ("jobs", "archive"):  # the others print as they go
            for row in rows:
                print_row(row, rows[row])
        record[name] = {"hardware": hardware(), "rows": rows}
        with atomic_path(arguments.out) as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
