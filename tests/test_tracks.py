"""Does `lstmfcn emotion run` train each track once, and print and write what it says?"""

import csv
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import real_data
from mer_folder import write_labels, write_mer_folder

from lstmfcn.cli import main
from lstmfcn.emotion import load_labels, open_vocabulary_scores
from lstmfcn.emotion.run_command import _over_frames, run_track
from lstmfcn.emotion.semi_supervised import PseudoLabelClassifier
from lstmfcn.emotion.track_data import HELD_OUT, load_track_data
from lstmfcn.emotion.tracks import answer_openly, plan_variants, run_variant
from lstmfcn.evaluation import Results, Run

TINY = {"n_filters": [8, 8, 8], "learning_rate": 0.01}
QUICK = {"n_epochs": 8, "settings": TINY, "verbose": 0}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_mer_folder(tmp_path_factory.mktemp("mer") / "toy")


@pytest.fixture(scope="module")
def full(root, tmp_path_factory):
    """Rows and folder of a finished run of track full, two seeds."""
    out = tmp_path_factory.mktemp("full") / "out"
    arguments = (root, "full", ["tone"], "alstmfcn", out)
    return run_track(*arguments, group="speaker", n_seeds=2, **QUICK), out, arguments


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# Data


@pytest.mark.parametrize("track", ["full", "semi", "noise"])
def test_standardised_by_speaker_a_speakers_own_level_and_range_do_not_count(track, tmp_path):
    plain, moved = (write_mer_folder(tmp_path / name) for name in ("plain", "moved"))
    speakers = {
        name: int(speaker.removeprefix("s"))
        for path in moved.glob("label-t*.csv")
        for name, speaker in ((row["name"], row["speaker"]) for row in read(path))
    }
    for root in (plain, moved):  # in float64, or rounding would tell them apart
        for name, speaker in speakers.items():
            path = root / "features" / "tone_FRA" / f"{name}.npy"
            frames = np.load(path).astype(np.float64)
            np.save(path, frames if root is plain else frames * (speaker + 1.0) - 5 * speaker)
    settings = {"group": "speaker", "n_timepoints": 9}
    one, other = (
        load_track_data(root, track, ["tone"], standardize_by="speaker", **settings)
        for root in (plain, moved)
    )
    as_it_comes = load_track_data(moved, track, ["tone"], **settings)
    for part in ("train", "unlabelled"):
        if getattr(one, part) is not None:
            clips = getattr(one, part).X
            np.testing.assert_allclose(getattr(other, part).X, clips, atol=1e-5)
            assert np.abs(getattr(as_it_comes, part).X - clips).max() > 0.5
    for test, clips in one.tests.items():
        np.testing.assert_allclose(other.tests[test].X, clips.X, atol=1e-5)
    (variant,) = plan_variants(one, "fcn", n_copies=0, n_epochs=1)[:1]
    assert variant.parameters["standardize_by"] == "speaker"
    assert "standardize_by" not in plan_variants(as_it_comes, "fcn")[0].parameters


def test_a_column_that_is_not_there_is_named(root, capsys):
    call = ["emotion", "run", "--data", str(root), "--features", "tone", "--model", "fcn"]
    call += ["--standardize-by", "room", "--out", str(root.parent / "out-room")]
    assert main(call) == 1
    sentence = "has no column 'room' to group by; besides name and labels it has speaker."
    assert sentence in capsys.readouterr().err


def test_train_and_test_are_what_the_files_say(root):
    data = load_track_data(root, "full", ["tone", "face"], group="speaker")
    assert (len(data.train), len(data.tests["test"])) == (24, 12)
    assert {name: X.shape[1] for name, X in data.train.X.items()} == {"tone_FRA": 3, "face-FRA": 2}
    assert data.classes == ("angry", "happy", "sad") and data.features == ("tone_FRA", "face-FRA")
    for name, X in data.train.X.items():
        assert X.shape[2] == data.n_timepoints[name]
    assert load_track_data(root, "full", ["face"], n_timepoints=7).train.X.shape == (24, 2, 7)


def test_a_mode_says_how_clips_come_to_their_length(root):
    names = load_labels(root / "label-train.csv").names
    folder = root / "features" / "tone_FRA"
    lengths = np.array([len(np.load(folder / f"{name}.npy")) for name in names])
    X = load_track_data(root, "full", ["tone"], mode="mertools").train.X
    assert X.shape == (24, 3, lengths.max())
    for series, length in zip(X, lengths, strict=True):  # zeros in front
        assert not series[:, : lengths.max() - length].any() and series[:, -length:].all()
    data = load_track_data(root, "full", ["tone"], mode="pad", n_timepoints=7)
    assert [series.shape for series in data.train.X] == [(3, -(-n // 2)) for n in lengths]
    data = load_track_data(root, "full", ["tone"], mode="mean_pool", n_timepoints=9)
    windows = -(-lengths // 9)
    assert [series.shape[1] for series in data.train.X] == (-(-lengths // windows)).tolist()
    with pytest.raises(ValueError, match="mode='crop' is unknown; choose one of 'pad', 'resample'"):
        load_track_data(root, "full", ["tone"], mode="crop")


def test_classes_are_mer2024s_unless_none_of_them_occurs(tmp_path):
    root = write_mer_folder(tmp_path / "valence", classes=("positive", "negative"))
    assert load_track_data(root, "full", ["tone"]).classes == ("negative", "positive")
    ordered = load_track_data(root, "full", ["tone"], classes=["positive", "negative"])
    assert ordered.classes == ("positive", "negative")
    mixed = write_mer_folder(tmp_path / "mixed", classes=("sad", "negative"))
    with pytest.raises(ValueError, match="the emotion 'negative' is unknown; expected one of neut"):
        load_track_data(mixed, "full", ["tone"])


def test_semi_and_noise_have_their_own_parts(root):
    data = load_track_data(root, "semi", ["tone"], group="speaker")
    assert (len(data.train), len(data.unlabelled), data.unlabelled.y) == (12, 12, None)
    assert not set(data.train.names) & set(data.unlabelled.names)
    data = load_track_data(root, "noise", ["tone"])
    assert list(data.tests) == ["noisy", "clean"]
    assert data.dataset("noisy") == "toy:noise" and data.dataset("clean") == "toy:noise (clean)"


def speakers(root, clips):
    """Return who speaks in some of the training clips."""
    labels = load_labels(root / "label-train.csv")
    known = dict(zip(labels.names, labels.groups("speaker").tolist(), strict=True))
    return {known[name] for name in clips.names}


def test_without_test_clips_a_part_of_the_speakers_is_held_out(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    (root / "label-test.csv").unlink()
    data = load_track_data(root, "full", ["tone"], group="speaker")
    assert list(data.tests) == [HELD_OUT] and len(data.train) + len(data.tests[HELD_OUT]) == 24
    assert not speakers(root, data.train) & speakers(root, data.tests[HELD_OUT])
    semi = load_track_data(root, "semi", ["tone"], group="speaker")
    assert len(semi.unlabelled) and list(semi.tests) == [HELD_OUT]
    assert not speakers(root, semi.unlabelled) & speakers(root, semi.tests[HELD_OUT])
    without = load_track_data(root, "full", ["tone"])
    assert len(without.tests[HELD_OUT]) in (4, 5, 6)
    rows = [(f"train{i}", "sad", "s0") for i in range(3)] + [("train3", "happy", "s0")]
    write_labels(root / "label-train.csv", rows)
    with pytest.raises(ValueError, match=r"label-train.csv cannot give some: it has one speaker"):
        load_track_data(root, "full", ["tone"], group="speaker")
    with pytest.raises(ValueError, match=r"no test clips are labelled, and label-train.csv cannot"):
        load_track_data(root, "full", ["tone"])


def test_missing_clips_follow_the_option(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    (root / "features" / "tone_FRA" / "train0.npy").unlink()
    (root / "features" / "tone_FRA" / "test1.npy").unlink()
    with pytest.raises(ValueError, match="2 of 36 clips of tone_FRA cannot be used"):
        load_track_data(root, "full", ["tone"])
    data = load_track_data(root, "full", ["tone"], on_missing="drop")
    assert (len(data.train), len(data.tests["test"])) == (23, 11)


# Variants


def data_of(root, track):
    return load_track_data(root, track, ["tone"])


def test_what_is_trained(root):
    data = load_track_data(root, "semi", ["tone", "face"])
    main_one, alone = plan_variants(data, "lstmfcn", fusion="late", n_epochs=3)
    assert alone.name == "LSTM-FCN tone_FRA+face-FRA late fusion" and not alone.uses_unlabelled
    assert main_one.name == f"{alone.name} pseudo-labels"
    assert main_one.parameters["fusion"] == "late" and main_one.describe() != alone.describe()
    built = main_one.build(4)
    assert built.estimator.fusion == "late" and built.estimator.estimator.n_epochs == 3
    assert {built.random_state, built.estimator.random_state} == {4} and built.threshold == 0.8
    assert json.loads(json.dumps(main_one.describe())) == main_one.describe()
    (noisy,) = plan_variants(load_track_data(root, "noise", ["tone"]), "fcn")
    assert noisy.build(0).n_copies == 3 and noisy.name == "FCN tone_FRA 3 copies"
    # 24 clips, 3 copies, all mixed: at most 168 series, 11 batches of 16; 2000 updates.
    assert noisy.build(0).estimator.n_epochs == 182 and noisy.parameters["n_epochs"] is None
    # Another track, of other lengths, is the same model.
    (full_one,) = plan_variants(load_track_data(root, "full", ["tone"]), "fcn")
    assert full_one.describe() == plan_variants(data_of(root, "semi"), "fcn")[1].describe()


def test_the_default_mode_is_that_of_records_without_one(root):
    (variant,) = plan_variants(load_track_data(root, "full", ["tone"]), "fcn", n_epochs=2)
    assert variant.parameters == {
        "settings": {},
        "n_epochs": 2,
        "features": ["tone_FRA"],
        "n_timepoints": None,
        "fusion": None,
        "n_copies": 0,
    }
    (variant,) = plan_variants(load_track_data(root, "full", ["tone"], mode="mertools"), "fcn")
    assert variant.parameters["mode"] == "mertools"


@pytest.mark.parametrize(
    "features, settings, message",
    [
        (["tone"], {"fusion": "late"}, "fusion='late' needs several feature sets, but only tone_F"),
        (["tone", "face"], {"fusion": "sum"}, "fusion='sum' is unknown; choose one of 'branch', "),
        (
            ["tone", "face"],
            {"model": "attention", "fusion": "late"},
            "model='attention' fuses in its own way; leave fusion out",
        ),
        (["tone"], {"threshold": 0.7}, "threshold=0.7 is for track 'semi'; leave it out of track "),
        (["tone"], {"model": "svm"}, "model='svm' is unknown; choose one of 'lstmfcn', 'alstmfcn'"),
    ],
)
def test_what_does_not_go_together(root, features, settings, message):
    data = load_track_data(root, "full", features)
    with pytest.raises(ValueError, match=message):
        plan_variants(data, settings.pop("model", "fcn"), **settings)


# Runs


def test_a_run_leaves_records_predictions_pictures_and_a_page(full):
    (row,), out, _ = full
    folder = out / "toy-full" / "ALSTM-FCN_tone_FRA"
    assert sorted(path.name for path in folder.iterdir()) == [
        "attention.png",
        "confusion.png",
        "predictions.csv",
        "submission.csv",
        "table.csv",
    ]
    assert min(path.stat().st_size for path in folder.glob("*.png")) > 10_000
    assert "ALSTM-FCN tone_FRA" in (out / "report.html").read_text()
    records = Results(out).records()
    assert [record["seed"] for record in records] == [0, 1]
    assert {record["dataset"] for record in records} == {"toy:full"}
    assert row["weighted_f1"] == pytest.approx(np.mean([r["weighted_f1"] for r in records]))
    assert 0 <= row["weighted_f1_low"] <= row["weighted_f1"] <= row["weighted_f1_high"] <= 1
    assert row["weighted_f1"] > 0.6  # the bump is easy to see
    record = records[0]
    assert (record["n_train"], record["n_test"], record["epochs"]) == (24, 12, 8)
    assert record["n_parameters"] > 100 and record["versions"]["numpy"]
    assert record["mode"] == "resample" and record["commit"] == records[1]["commit"]
    if Path("/proc/self/status").exists():
        assert 10e6 < record["peak_memory_bytes"] < 100e9
    assert set(record["per_class_recall"]) == {"angry", "happy", "sad"}
    assert main(["benchmark", "table", str(out), "--metric", "weighted_f1"]) == 0


def test_predictions_are_the_mean_of_the_seeds_and_a_submission(full, root):
    _, out, _ = full
    folder = out / "toy-full" / "ALSTM-FCN_tone_FRA"
    rows = read(folder / "predictions.csv")
    truth = load_labels(root / "label-test.csv")
    assert [row["name"] for row in rows] == list(truth.names)
    assert [row["truth"] for row in rows] == truth.y.tolist()
    results = Results(out)
    parts = [results.predictions(run) for run in sorted(results.finished())]
    mean = np.mean([part["probabilities"] for part in parts], axis=0)
    assert [float(row["probability_angry"]) for row in rows] == pytest.approx(mean[:, 0], abs=1e-6)
    best = parts[0]["classes"][mean.argmax(axis=1)].tolist()
    assert [row["predicted"] for row in rows] == best
    submitted = load_labels(folder / "submission.csv")
    assert submitted.names == truth.names and submitted.y.tolist() == best


def test_a_finished_seed_is_not_trained_again(full, monkeypatch):
    _, out, arguments = full
    before = {path: path.stat().st_mtime_ns for path in out.rglob("runs/**/*")}
    trained = []

    def count(data, variant, seed):
        trained.append(seed)
        return run_variant(data, variant, seed)

    monkeypatch.setattr("lstmfcn.emotion.run_command.run_variant", count)
    (row,) = run_track(*arguments, group="speaker", n_seeds=3, **QUICK)
    assert trained == [2] and row["n_seeds"] == 3
    assert all(path.stat().st_mtime_ns == when for path, when in before.items() if path.is_file())
    (row,) = run_track(*arguments, group="speaker", n_seeds=3, **QUICK)
    assert trained == [2]


def test_other_parameters_or_clips_need_another_folder(full, tmp_path):
    *_, arguments = full
    for options, differing in (
        ({"n_epochs": 9, "settings": TINY, "verbose": 0}, "n_epochs was 8 and is 9"),
        ({**QUICK, "mode": "mertools"}, 'mode was unset and is "mertools"'),
    ):
        with pytest.raises(ValueError) as raised:
            run_track(*arguments, **options)
        assert str(raised.value) == (
            f"{arguments[-1]} has results of another 'ALSTM-FCN tone_FRA': {differing}. Give this "
            "model a name of its own (--name), or its results another folder (--out)."
        )
    other = write_mer_folder(tmp_path / "toy", n_train=21)
    with pytest.raises(ValueError, match="has results of toy:full with other clips or labels; na"):
        run_track(other, *arguments[1:], **QUICK)


def test_a_model_of_other_options_gets_a_name_of_its_own(root, tmp_path, capsys):
    command = ["emotion", "run", "--data", str(root), "--features", "tone", "--model", "fcn"]
    command += ["--out", str(tmp_path), "--epochs"]
    assert main([*command, "1"]) == 0
    assert main([*command, "2", "--name", "FCN for longer"]) == 0
    assert "FCN for longer, test" in capsys.readouterr().out
    assert {record["model"] for record in Results(tmp_path).records()} == {
        "FCN tone_FRA",
        "FCN for longer",
    }
    data = load_track_data(root, "semi", ["tone"])
    names = [variant.name for variant in plan_variants(data, "fcn", name="mine")]
    assert names == ["mine pseudo-labels", "mine"]


def test_two_processes_do_not_train_the_same(root, tmp_path):
    run = Run("toy:full", "FCN tone_FRA", 0)
    with Results(tmp_path).claim(run) as free, pytest.raises(BlockingIOError) as raised:
        assert free
        run_track(root, "full", ["tone"], "fcn", tmp_path, **QUICK)
    assert str(raised.value) == (
        f"another process trains FCN tone_FRA, seed 0, in {tmp_path}; wait until it is done, or "
        "name another folder."
    )
    assert not Results(tmp_path).finished()


def test_a_seed_repeats_itself(root):
    data = load_track_data(root, "full", ["tone"])
    (variant,) = plan_variants(data, "fcn", n_epochs=2, settings=TINY)
    one, again = (run_variant(data, variant, 7)[1]["test"][1]["probabilities"] for _ in range(2))
    assert (one == again).all()


def test_unlabelled_clips_are_compared_with_none(root, tmp_path, capsys, monkeypatch):
    quicker = partial(PseudoLabelClassifier, n_rounds=1, n_members=2)
    monkeypatch.setattr("lstmfcn.emotion.tracks.PseudoLabelClassifier", quicker)
    settings = {**QUICK, "verbose": 1}
    settings |= {"group": "speaker", "threshold": 0.4}
    rows = run_track(root, "semi", ["tone"], "fcn", tmp_path, **settings)
    assert [row["model"] for row in rows] == ["FCN tone_FRA pseudo-labels", "FCN tone_FRA"]
    with_them, without = (Results(tmp_path).records()[i] for i in (1, 0))
    assert with_them["n_unlabelled"] == 12 and without["n_unlabelled"] == 0
    printed = capsys.readouterr().out
    assert "toy, track semi: 12 training clips, 12 unlabelled, 12 test; tone_FRA at" in printed
    change = rows[0]["weighted_f1"] - rows[1]["weighted_f1"]
    sentence = f"the unlabelled clips change WAF by {change:+.4f} (of test, paired by seed)"
    assert sentence in printed
    for folder in (tmp_path / "toy-semi").iterdir():
        assert (folder / "submission.csv").exists()
        answers = load_labels(folder / "submission-unlabelled.csv")
        assert list(answers.names) == [r["name"] for r in read(root / "unlabeled-semi.csv")]


def test_noise_is_tested_noisy_clean_and_more_and_more(root, tmp_path):
    rows = run_track(root, "noise", ["tone"], "fcn", tmp_path, n_copies=1, n_seeds=2, **QUICK)
    assert [row["test"] for row in rows] == ["noisy", "clean"]
    folder = tmp_path / "toy-noise" / "FCN_tone_FRA_1_copy"
    names = {path.name for path in folder.iterdir()}
    assert {"robustness.png", "confusion-clean.png", "predictions-clean.csv"} <= names
    record = Results(tmp_path).records()[0]
    assert set(record["robustness"]) == {"noise", "frames"}
    scores = record["robustness"]["noise"]["scores"]
    clean = next(r for r in Results(tmp_path).records() if r["dataset"] == "toy:noise (clean)")
    assert scores[0] == pytest.approx(clean["weighted_f1"]) and scores[-1] < scores[0]


LABELS = {"test": "label-test.csv", "noisy": "label-test-noise.csv"}


@pytest.mark.parametrize(
    "track, labelled, tests, remark",
    [
        ("noise", ["noisy"], {"noisy": "test{}_noise"}, ""),
        (
            "noise",
            ["test"],
            {"clean": "test{}"},
            "no noisy test clips are labelled: all scores are of the clean ones; robustness.png is "
            "of their corrupted features",
        ),
        *(
            (
                track,
                ["noisy"] if track != "noise" else [],
                {HELD_OUT: "train{}"},
                "no test clips are labelled: all scores are of training clips that are held out",
            )
            for track in ("full", "semi", "noise")
        ),
    ],
)
def test_every_number_says_which_clips_it_is_of(
    tmp_path, track, labelled, tests, remark, capsys, monkeypatch
):
    quicker = partial(PseudoLabelClassifier, n_rounds=1, n_members=2)
    monkeypatch.setattr("lstmfcn.emotion.tracks.PseudoLabelClassifier", quicker)
    root = write_mer_folder(tmp_path / "toy")
    for test, file in LABELS.items():
        if test not in labelled:
            (root / file).unlink()
    settings = {"group": "speaker", "n_copies": 0, "n_epochs": 1, "settings": TINY}
    settings |= {"threshold": 0.0} if track == "semi" else {}
    rows = run_track(root, track, ["tone"], "fcn", tmp_path / "out", **settings)
    printed = capsys.readouterr().out
    assert remark in printed and ("are labelled: all scores" in printed) == bool(remark)
    assert {row["test"] for row in rows} == set(tests)
    names = {f"toy:{track}" + ("" if t in ("test", "noisy") else f" ({t})") for t in tests}
    records = Results(tmp_path / "out").records()
    assert {record["dataset"] for record in records} == names
    assert bool(records[0]["robustness"]) == ("clean" in tests)
    for folder in (tmp_path / "out" / f"toy-{track}").iterdir():
        assert (folder / "robustness.png").exists() == ("clean" in tests)
        for test, name in tests.items():
            suffix = "" if test in ("test", "noisy") else f"-{test.replace(' ', '-')}"
            scored = read(folder / f"predictions{suffix}.csv")
            begin, end = name.split("{}")
            for row in scored:
                middle = row["name"].removeprefix(begin).removesuffix(end)
                assert row["name"] == name.format(middle) and middle.isdecimal()
            assert (folder / f"submission{suffix}.csv").exists() == (test != HELD_OUT)
            model = folder.name.replace("_", " ").replace("tone FRA", "tone_FRA")
            title = f"{model}, {test} "
            line = next(line for line in printed.splitlines() if line.startswith(title))
            right = np.mean([row["predicted"] == row["truth"] for row in scored])
            assert float(line.removeprefix(title).split()[2]) == pytest.approx(right, abs=1e-4)


def test_one_test_clip_has_a_score(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    write_labels(root / "label-test.csv", [("test0", "angry", "s8")])
    (row,) = run_track(root, "full", ["tone"], "fcn", tmp_path / "out", **QUICK)
    assert row["weighted_f1"] in (0.0, 1.0)
    folder = tmp_path / "out" / "toy-full" / "FCN_tone_FRA"
    assert (folder / "confusion.png").stat().st_size > 5_000


def test_several_feature_sets_are_fused(root, tmp_path):
    (row,) = run_track(
        root, "noise", ["tone", "face"], "alstmfcn", tmp_path, fusion="late", n_copies=0, **QUICK
    )[:1]
    assert row["model"] == "ALSTM-FCN tone_FRA+face-FRA late fusion"
    (folder,) = (tmp_path / "toy-noise").iterdir()
    names = {path.name for path in folder.iterdir()}
    assert {"attention-tone_FRA.png", "attention-face-FRA.png"} <= names
    record = Results(tmp_path).records()[0]
    assert record["n_channels"] == 5 and record["n_parameters"] > 100
    assert set(record["robustness"]) == {"noise", "frames", "modalities"}


@pytest.mark.parametrize(
    "model, fusion, features, n_networks",
    [
        ("fcn", "branch", ["tone", "face"], 1),
        ("fcn", "early", ["tone", "face"], 1),
        ("fcn", "late", ["tone", "face"], 2),
        ("attention", None, ["tone", "face"], 1),
        ("attention", None, ["tone"], 1),
    ],
)
def test_every_way_to_fuse_has_a_record(root, model, fusion, features, n_networks):
    data = load_track_data(root, "full", features, as_dict=model == "attention")
    settings = {"n_hidden": 8} if model == "attention" else {"n_filters": [4, 4, 4]}
    (variant,) = plan_variants(data, model, fusion=fusion, n_epochs=1, settings=settings)
    classifier, results = run_variant(data, variant, 0)
    record, predictions = results["test"]
    trained = getattr(classifier, "fusion_", classifier)
    trained = getattr(trained, "estimators", [getattr(trained, "estimator", trained)])
    assert record["epochs"] == 1 and record["n_parameters"] > 100
    assert predictions["probabilities"].shape == (12, 3)
    assert len(trained) == n_networks
    assert record["parameters"]["settings"].get("level") == ("frame" if fusion is None else None)


@pytest.mark.parametrize("track", ["semi", "noise"])
@pytest.mark.parametrize("mode", ["mertools", "mean_pool", "pad"])
def test_every_mode_goes_through_every_track(root, tmp_path, mode, track, monkeypatch):
    quicker = partial(PseudoLabelClassifier, n_rounds=1, n_members=2)
    monkeypatch.setattr("lstmfcn.emotion.tracks.PseudoLabelClassifier", quicker)
    several = track == "noise"
    settings = {"mode": mode, "n_timepoints": 9, "n_epochs": 1, "verbose": 0}
    settings |= {"fusion": "late", "n_copies": 1} if several else {"threshold": 0.0}
    settings["settings"] = {"n_filters": [4, 4, 4]}
    features = ["tone", "face"] if several else ["tone"]
    run_track(root, track, features, "alstmfcn", tmp_path, **settings)
    record = Results(tmp_path).records()[0]
    assert record["mode"] == record["parameters"]["mode"] == mode
    assert record["n_timepoints"] <= 9 and record["n_channels"] == (5 if several else 3)
    assert next((tmp_path / f"toy-{track}").glob("*/attention*.png")).stat().st_size > 10_000


def test_attention_is_drawn_over_the_frames_of_a_clip():
    attention = np.array([[0.5, 0.5, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]])
    clips = [np.zeros((1, 2)), np.zeros((1, 4))]
    assert [row.tolist() for row in _over_frames(attention, clips)] == [
        [0.5, 0.5],
        [0.1, 0.2, 0.3, 0.4],
    ]
    assert _over_frames(attention, clips[::-1]) is None  # it is over the time of another modality
    assert _over_frames(attention, np.zeros((2, 1, 3))) is None
    assert _over_frames(np.ones((2, 1)), np.zeros((2, 1, 1))) is None  # a vector has no time


def test_open_vocabulary_is_answered_by_sets(root, tmp_path, capsys):
    settings = {**QUICK, "verbose": 1}
    (row,) = run_track(root, "ov", ["tone"], "fcn", tmp_path, **settings)
    (folder,) = (tmp_path / "toy-ov").iterdir()
    said = {r["name"]: r["openset"] for r in read(folder / "submission.csv")}
    scores = open_vocabulary_scores(root / "check-openset.csv", said)
    assert row["average"] == pytest.approx(scores.average)
    assert row["accuracy"] == pytest.approx(scores.accuracy)
    assert row["set_recall"] == pytest.approx(scores.recall)
    assert "set accuracy" in capsys.readouterr().out
    assert (tmp_path / "report.html").exists()


def test_a_clips_own_words_do_not_decide_its_answer(root):
    data = load_track_data(root, "ov", ["tone"])
    probabilities = np.random.RandomState(0).dirichlet(np.ones(3), size=12)
    said = answer_openly(data, data.classes, probabilities)
    for name in data.ground_truth:
        words = dict(data.ground_truth)
        data.ground_truth[name] = ["sad", "happy", "angry"]
        assert answer_openly(data, data.classes, probabilities)[name] == said[name]
        data.ground_truth.update(words)


# The command


def test_the_command_says_what_it_does(root, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["emotion", "run", "--data", str(root), "--features", "tone", "--model", "fcn"]
    command += ["--epochs", "2", "--length", "9", "--group", "speaker", "--out", str(out)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "toy, track full: 24 training clips, 12 test; tone_FRA at 9 timepoints" in printed
    assert "WAF  95 % interval" in printed and "recall:" in printed
    assert "means over 1 seed\n" in printed and f"all models: {out / 'report.html'}" in printed
    line = next(line for line in printed.splitlines() if line.startswith("FCN tone_FRA, test"))
    assert line.split()[4] == "-"  # one seed has no interval
    command[-1] = str(tmp_path / "masked")
    assert main([*command, "--mode", "pad"]) == 0
    assert "; tone_FRA up to 7 timepoints (pad)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--features", "voice"], "there is no feature set 'voice' in"),
        (["--data", "nowhere"], "nowhere is no folder; expected the folder of a data set."),
        (["--group", "video"], "has no column 'video' to group by; besides name and labels it has"),
        (["--classes", "happy,sad"], "the emotion 'angry' is unknown; expected one of happy, sad"),
        (
            ["--features", "tone,tone"],
            "the feature set tone_FRA is named twice; name each one once.",
        ),
        (["--features", "../tone"], "would leave the folder of the features"),
        (
            ["--fusion", "early"],
            "--fusion early needs several feature sets, but only tone_FRA was named; name more",
        ),
        (
            ["--threshold", "0.7"],
            "--threshold 0.7 is for track 'semi'; leave it out of track 'full'",
        ),
        (["--babble", "2", "--features", "tone,face"], "--babble 2 is for one feature set, of log"),
        (["--classes", "sad,sad"], "classes holds sad, sad; pass each emotion once, and at least"),
        (["--name", "a/b"], "model name 'a/b' has characters that do not belong into a file name;"),
        (["--out", "FILE"], "is a file; name a folder for the results."),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_1(root, tmp_path, arguments, message, capsys):
    command = ["--data", str(root), "--features", "tone", "--out", str(tmp_path / "out")]
    file = str(root / "label-test.csv")
    command += [file if argument == "FILE" else argument for argument in arguments]
    assert main(["emotion", "run", *command]) == 1
    error = capsys.readouterr().err
    assert message in error and error.startswith("lstmfcn: error: ")


def test_broken_features_are_all_named(tmp_path, capsys):
    root = write_mer_folder(tmp_path / "toy")
    (root / "features" / "tone_FRA" / "train3.npy").write_bytes(b"\x93NUMPY")
    np.save(root / "features" / "tone_FRA" / "train5.npy", np.full((9, 3), np.nan))
    (root / "features" / "tone_FRA" / "test2.npy").unlink()  # of another part
    (root / "features" / "tone_FRA" / "test4.npy").write_bytes(b"")
    command = ["--data", str(root), "--features", "tone", "--out", str(tmp_path / "out")]
    assert main(["emotion", "run", *command]) == 1
    error = capsys.readouterr().err
    assert "4 of 36 clips" in error
    assert all(name in error for name in ("train3.npy", "train5.npy", "test2.npy", "test4.npy"))
    (root / "features" / "tone_FRA" / "test2.npy").write_bytes(b"")  # none is missing now
    assert main(["emotion", "run", *command]) == 1
    assert "4 of 36 clips" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--seeds", "0"], ["--track", "x"], ["--copies", "-1"], ["--mode", "crop"]]
)
def test_wrong_usage(root, tmp_path, arguments):
    command = ["--data", str(root), "--features", "tone", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as stopped:
        main(["emotion", "run", *command, *arguments])
    assert stopped.value.code == 2


def test_importing_it_leaves_keras_out():
    code = (
        "import sys, lstmfcn.emotion.run_command, lstmfcn.emotion.robustness, "
        "lstmfcn.emotion.mer_dataset, lstmfcn.plots.robustness\n"
        "print(sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_emodb_runs(tmp_path):
    data = real_data()
    if data is None or not (data / "emodb").is_dir():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds emodb/")
    settings = {"n_epochs": 3, "settings": {**TINY, "n_cells": 2}, "verbose": 0}
    (row,) = run_track(
        data / "emodb",
        "full",
        ["eGeMAPS_FRA"],
        "alstmfcn",
        tmp_path,
        group="speaker",
        n_timepoints=40,
        **settings,
    )
    assert row["weighted_f1"] > 0.3 and row["n_seeds"] == 1
