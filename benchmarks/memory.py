"""How much memory does `lstmfcn emotion run` take for many clips? Made-up ones, on a disk.

    python benchmarks/memory.py --clips 25000 --frames 150 --features 1024
    python benchmarks/memory.py --clips 2500 --copies 3

Writes N clips of noise (T, D) as float16 with two speakers, labels and a hidden difference, trains
an FCN for one epoch in a process of its own, and prints that process's peaks: anonymous memory,
which nobody else can use, and all resident pages, among them those of mapped files, which the
system takes back at any time. Needs room for 6 bytes a value, 23 GB for 25,000 clips, and three
times that for a copy of each. Further options go to `lstmfcn emotion run`.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np


def write_corpus(root, n_clips, n_frames, n_features):
    """Write clips and labels; a fifth is tested on."""
    folder = root / "noise_FRA"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(n_frames + 997, n_features)).astype(np.float16)
    rows = []
    for i in range(n_clips):
        start = i % 997  # drawing anew would take hours
        frames = noise[start : start + n_frames].copy()
        frames[:, 0] += i % 2
        np.save(folder / f"clip{i}.npy", frames)
        rows.append(f"clip{i},{('calm', 'angry')[i % 2]},s{i % 4},{'test' if i % 5 == 0 else ''}\n")
    labels = root / "labels.csv"
    labels.write_text("name,emotion,speaker,split\n" + "".join(rows))
    return labels


def peaks_of(command):
    """Run a command, and return the largest RssAnon and RSS of its process, in bytes."""
    process, peaks = subprocess.Popen(command), {"RssAnon": 0, "VmRSS": 0}

    def watch():
        while process.poll() is None:
            try:
                lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            except OSError:
                return
            for line in lines:
                name, _, value = line.partition(":")
                if name in peaks:
                    peaks[name] = max(peaks[name], 1024 * int(value.split()[0]))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    watcher.join()
    if code:
        raise SystemExit(code)
    return peaks


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=2500)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--features", type=int, default=1024)
    arguments, further = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sizes = arguments.clips, arguments.frames, arguments.features
        labels = write_corpus(root, *sizes)
        command = [sys.executable, "-m", "lstmfcn.cli", "emotion", "run", "--data", str(root)]
        command += ["--labels", str(labels), "--features", "noise", "--model", "fcn"]
        command += ["--epochs", "1", "--out", str(root / "out"), *further]
        started = time.perf_counter()
        peaks = peaks_of(command)
        seconds = time.perf_counter() - started
    of = f"{arguments.clips:,} clips of {arguments.frames} x {arguments.features}"
    print(
        f"{of}, {4 * np.prod(sizes) / 1e9:.1f} GB as float32: peak {peaks['RssAnon'] / 1e9:.2f} GB "
        f"of own memory ({peaks['VmRSS'] / 1e9:.2f} GB with mapped files), {seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
