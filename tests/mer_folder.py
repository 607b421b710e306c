"""What does a small data set in MER2024's layout look like? Written by the tests that need one."""

import numpy as np

CLASSES = ("angry", "happy", "sad")
N_FEATURES = {"tone_FRA": 3, "face-FRA": 2}


def write_mer_folder(root, *, classes=CLASSES, n_train=24, n_test=12, seed=0):
    """Write features, label files of all tracks and open-vocabulary labels below a folder.

    A clip has 8 to 14 frames; where a bump lies in them tells its class, in both feature sets.
    Train clips are spoken by s0 to s3, test clips by s8 and s9. In the semi-supervised track the
    first half of the train clips is labelled. Noisy clips are the test clips with noise.
    """
    rng = np.random.RandomState(seed)
    for feature in N_FEATURES:
        (root / "features" / feature).mkdir(parents=True)
    train = [(f"train{i}", classes[i % len(classes)], f"s{i // 3 % 4}") for i in range(n_train)]
    test = [(f"test{i}", classes[i % len(classes)], f"s{8 + i // 3 % 2}") for i in range(n_test)]
    noisy = [(f"{name}_noise", label, speaker) for name, label, speaker in test]
    for name, label, _ in (*train, *test):
        length = rng.randint(8, 15)
        for feature, width in N_FEATURES.items():
            frames = rng.normal(size=(length, width))
            third = length / len(classes)
            start = int(third * classes.index(label))
            frames[start : start + max(2, int(third))] += 3.0
            folder = root / "features" / feature
            np.save(folder / f"{name}.npy", frames.astype(np.float16))
            if name.startswith("test"):
                frames = frames + rng.normal(size=frames.shape)
                np.save(folder / f"{name}_noise.npy", frames.astype(np.float16))
    labelled, rest = train[: n_train // 2], train[n_train // 2 :]
    write_labels(root / "label-train.csv", train)
    write_labels(root / "label-test.csv", test)
    write_labels(root / "label-test-noise.csv", noisy)
    write_labels(root / "label-train-semi.csv", labelled)
    lines = "".join(f"{name},{speaker}\n" for name, _, speaker in rest)
    (root / "unlabeled-semi.csv").write_text(f"name,speaker\n{lines}")
    words = {"angry": ["angry", "furious"], "happy": ["happy"], "sad": ["sad", "angry"]}
    lines = "".join(f'{name},"{words.get(label, [label])!r}"\n' for name, label, _ in test)
    (root / "check-openset.csv").write_text(f"name,openset\n{lines}")
    return root


def write_labels(path, rows):
    """Write (name, label, speaker) rows as a label file."""
    lines = "".join(f"{name},{label},{speaker}\n" for name, label, speaker in rows)
    path.write_text(f"name,discrete,speaker\n{lines}")
