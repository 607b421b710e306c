"""Does `lstmfcn emotion run` train each track once, and print and write what it says?"""

import csv
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import real_data
from mer_folder import write_labels, write_mer_folder

from lstmfcn.cli import main
from lstmfcn.cli.emotion import _print_gain, _print_scores, _summary
from lstmfcn.emotion import PRESETS, EmotionRecipe, load_labels, open_vocabulary_scores
from lstmfcn.emotion.attention_maps import _duration
from lstmfcn.emotion.one_run import answer_openly, run_recipe
from lstmfcn.emotion.run_results import read_results
from lstmfcn.emotion.splits import HELD_OUT, open_source
from lstmfcn.emotion.track_data import load_track_data
from lstmfcn.emotion.track_runs import models_of, run_track
from lstmfcn.evaluation import Results, Run

TINY = {"n_filters": [8, 8, 8], "learning_rate": 0.01}
SMALLEST = {"n_filters": [4, 4, 4]}
TONE = EmotionRecipe(["tone"], "fcn")
BOTH = EmotionRecipe(["tone", "face"], "fcn")
QUICK = replace(TONE, n_epochs=8, settings=TINY)
PSEUDO = {"n_rounds": 1, "n_members": 2}


def run(root, track, recipe, out, *, group=None, **options):
    """Train a recipe on a track; return the rows of the table."""
    _, rows, _ = run_track(open_source(root, track, group=group), recipe, out, **options)
    return rows


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_mer_folder(tmp_path_factory.mktemp("mer") / "toy")


@pytest.fixture(scope="module")
def full(root, tmp_path_factory):
    """Rows and folder of a finished run of track full, two seeds."""
    out = tmp_path_factory.mktemp("full") / "out"
    arguments = (root, "full", replace(QUICK, model="alstmfcn"), out)
    return run(*arguments, group="speaker", n_seeds=2), out, arguments


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
    recipe = replace(TONE, standardize_by="speaker", n_timepoints=9)
    one, other = (load_track_data(root, track, recipe, group="speaker") for root in (plain, moved))
    as_it_comes = replace(recipe, standardize_by=None)
    as_it_comes = load_track_data(moved, track, as_it_comes, group="speaker")
    for part in ("train", "unlabelled"):
        if getattr(one, part) is not None:
            clips = getattr(one, part).X
            np.testing.assert_allclose(getattr(other, part).X, clips, atol=1e-5)
            assert np.abs(getattr(as_it_comes, part).X - clips).max() > 0.5
    for test, clips in one.tests.items():
        np.testing.assert_allclose(other.tests[test].X, clips.X, atol=1e-5)


def test_a_column_that_is_not_there_is_named(root, capsys):
    call = ["emotion", "run", "--data", str(root), "--features", "tone", "--model", "fcn"]
    call += ["--standardize-by", "room", "--out", str(root.parent / "out-room")]
    assert main(call) == 1
    sentence = "has no column 'room' to group by; besides name and labels it has speaker."
    assert sentence in capsys.readouterr().err


def test_train_and_test_are_what_the_files_say(root):
    data = load_track_data(root, "full", BOTH, group="speaker")
    assert (len(data.train), len(data.tests["test"])) == (24, 12)
    assert {name: X.shape[1] for name, X in data.train.X.items()} == {"tone_FRA": 3, "face-FRA": 2}
    assert data.classes == ("angry", "happy", "sad")
    assert data.recipe.features == ("tone_FRA", "face-FRA")
    for name, X in data.train.X.items():
        assert X.shape[2] == data.n_timepoints[name]
    face = EmotionRecipe(["face"], "fcn", n_timepoints=7)
    assert load_track_data(root, "full", face).train.X.shape == (24, 2, 7)


def test_a_mode_says_how_clips_come_to_their_length(root):
    names = load_labels(root / "label-train.csv").names
    folder = root / "features" / "tone_FRA"
    lengths = np.array([len(np.load(folder / f"{name}.npy")) for name in names])
    X = load_track_data(root, "full", replace(TONE, mode="mertools")).train.X
    assert X.shape == (24, 3, lengths.max())
    for series, length in zip(X, lengths, strict=True):  # zeros in front
        assert not series[:, : lengths.max() - length].any() and series[:, -length:].all()
    data = load_track_data(root, "full", replace(TONE, mode="pad", n_timepoints=7))
    assert [series.shape for series in data.train.X] == [(3, -(-n // 2)) for n in lengths]
    with pytest.raises(ValueError, match="mode='crop' is unknown; choose one of 'pad', 'resample'"):
        load_track_data(root, "full", replace(TONE, mode="crop"))


def test_classes_are_mer2024s_unless_none_of_them_occurs(tmp_path):
    root = write_mer_folder(tmp_path / "valence", classes=("positive", "negative"))
    assert load_track_data(root, "full", TONE).classes == ("negative", "positive")
    ordered = load_track_data(root, "full", TONE, classes=["positive", "negative"])
    assert ordered.classes == ("positive", "negative")
    mixed = write_mer_folder(tmp_path / "mixed", classes=("sad", "negative"))
    with pytest.raises(ValueError) as raised:
        load_track_data(mixed, "full", TONE)
    assert str(raised.value) == (
        "label-train.csv and label-test.csv has labels besides MER2024's six: negative (18 clips); "
        "all its labels are negative (18 clips), sad (18 clips). Name those to keep by "
        "classes=..., or rename some by merge=..."
    )


def test_semi_and_noise_have_their_own_parts(root):
    data = load_track_data(root, "semi", TONE, group="speaker")
    assert (len(data.train), len(data.unlabelled), data.unlabelled.y) == (12, 12, None)
    assert not set(data.train.names) & set(data.unlabelled.names)
    data = load_track_data(root, "noise", TONE)
    assert list(data.tests) == ["noisy", "clean"]
    (model,) = models_of(open_source(root, "noise"), [TONE], "out")
    assert model.run("noisy", 1) == Run("toy:noise", "FCN tone_FRA", 1)
    assert model.run("clean", 0) == Run("toy:noise (clean)", "FCN tone_FRA")


def speakers(root, clips):
    """Return who speaks in some of the training clips."""
    labels = load_labels(root / "label-train.csv")
    known = dict(zip(labels.names, labels.groups("speaker").tolist(), strict=True))
    return {known[name] for name in clips.names}


def test_without_test_clips_a_part_of_the_speakers_is_held_out(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    (root / "label-test.csv").unlink()
    data = load_track_data(root, "full", TONE, group="speaker")
    assert list(data.tests) == [HELD_OUT] and len(data.train) + len(data.tests[HELD_OUT]) == 24
    assert not speakers(root, data.train) & speakers(root, data.tests[HELD_OUT])
    semi = load_track_data(root, "semi", TONE, group="speaker")
    assert len(semi.unlabelled) and list(semi.tests) == [HELD_OUT]
    assert not speakers(root, semi.unlabelled) & speakers(root, semi.tests[HELD_OUT])
    without = load_track_data(root, "full", TONE)
    assert len(without.tests[HELD_OUT]) in (4, 5, 6)
    rows = [(f"train{i}", "sad", "s0") for i in range(3)]
    rows += [(f"train{i}", "happy", "s0") for i in (3, 4)]
    write_labels(root / "label-train.csv", rows)
    with pytest.raises(ValueError, match=r"label-train.csv cannot give some: it has one speaker"):
        load_track_data(root, "full", TONE, group="speaker")
    with pytest.raises(ValueError, match=r"no test clips are labelled, and label-train.csv cannot"):
        load_track_data(root, "full", TONE)


def test_missing_clips_follow_the_option(tmp_path):
    root = write_mer_folder(tmp_path / "toy")
    (root / "features" / "tone_FRA" / "train0.npy").unlink()
    (root / "features" / "tone_FRA" / "test1.npy").unlink()
    with pytest.raises(ValueError, match="2 of 36 clips of tone_FRA cannot be used"):
        load_track_data(root, "full", TONE)
    data = load_track_data(root, "full", TONE, on_missing="drop")
    assert (len(data.train), len(data.tests["test"])) == (23, 11)


def test_a_clip_without_features_lasts_as_many_timepoints_as_its_zeros(root):
    known, gone = (_duration(root, TONE, "tone_FRA", name, 9) for name in ("train0", "gone"))
    assert known[1] == "frames" and gone == (9.0, "timepoints")


# Runs


def test_a_run_leaves_records_predictions_pictures_and_a_page(full):
    (row,), out, _ = full
    folder = out / "toy-full" / "ALSTM-FCN_tone_FRA"
    assert sorted(path.name for path in folder.iterdir()) == [
        "attention.npz",
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

    def count(data, seed):
        trained.append(seed)
        return run_recipe(data, seed)

    monkeypatch.setattr("lstmfcn.emotion.track_runs.run_recipe", count)
    (row,) = run(*arguments, group="speaker", n_seeds=3)
    assert trained == [2] and row["n_seeds"] == 3
    assert all(path.stat().st_mtime_ns == when for path, when in before.items() if path.is_file())
    (row,) = run(*arguments, group="speaker", n_seeds=3)
    assert trained == [2]


def test_other_parameters_or_clips_need_another_folder(full, tmp_path):
    *_, (root, track, recipe, out) = full
    for changed, differing in (
        ({"n_epochs": 9}, "epochs was 8 and is 9"),
        ({"mode": "mertools"}, "mode was default and is mertools"),
    ):
        with pytest.raises(ValueError) as raised:
            run(root, track, replace(recipe, **changed), out)
        assert str(raised.value) == (
            f"{out} has results of another 'ALSTM-FCN tone_FRA': {differing}. Call this one by a "
            "name of its own (name=...), or use another folder."
        )
    other = write_mer_folder(tmp_path / "toy", n_train=21)
    with pytest.raises(ValueError, match="has results of toy:full with other clips or labels; na"):
        run(other, track, recipe, out)


@pytest.mark.parametrize("folds", [None, 3])
def test_other_features_of_the_same_names_need_another_folder(tmp_path, folds):
    root, out = write_mer_folder(tmp_path / "toy"), tmp_path / "out"
    linear = EmotionRecipe(["tone"], "svm")

    def train(root):
        source = open_source(root, "full")
        return run_track(source if folds is None else source.with_folds(3), linear, out)

    train(root)
    copy = tmp_path / "copy" / "toy"
    shutil.copytree(root, copy)
    train(copy)  # the same features, elsewhere
    path = copy / "features" / "tone_FRA" / "train0.npy"
    np.save(path, 2.0 * np.load(path))
    with pytest.raises(ValueError, match=r"with other features in .*copy.*; name another folder"):
        train(copy)
    for path in (out / "runs").rglob("seed0*"):  # as if killed after its folds
        path.unlink()
    if folds:
        with pytest.raises(ValueError, match=r"fold with other features in .*copy"):
            train(copy)


@pytest.mark.parametrize("folds", [None, 3])
def test_other_speakers_of_the_same_clips_need_another_folder(tmp_path, folds):
    root, out = write_mer_folder(tmp_path / "toy"), tmp_path / "out"
    linear = EmotionRecipe(["tone"], "svm", standardize_by="speaker")

    def train(recipe=linear):
        source = open_source(root, "full")
        return run_track(source if folds is None else source.with_folds(3), recipe, out)

    train()
    train(replace(linear, standardize_by=None, features=["face"]))
    labels = root / "label-train.csv"
    labels.write_text(labels.read_text().replace(",s3", ",s2"))
    train(replace(linear, standardize_by=None, features=["face"]))  # which no speaker changes
    with pytest.raises(ValueError, match=r"with other values of speaker; name another folder\.$"):
        train()
    for path in (out / "runs").rglob("seed0*"):  # as if killed after its folds
        path.unlink()
    if folds:
        with pytest.raises(ValueError, match=r"is a fold with other values of speaker"):
            train()


def test_a_folder_with_brackets_in_its_name_has_a_whole_page(tmp_path):
    root = write_mer_folder(tmp_path / "toy (1)")
    rows, out = run(root, "full", EmotionRecipe(["tone"], "svm"), tmp_path / "out"), tmp_path
    (scored,) = read_results(Results(out / "out"))
    assert (scored.corpus, scored.track, scored.test) == ("toy (1)", "full", "test")
    assert scored.clips is not None and rows[0]["test"] == "test"


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


def test_two_processes_do_not_train_the_same(root, tmp_path):
    key = Run("toy:full", "FCN tone_FRA", 0)
    with Results(tmp_path).claim(key) as free, pytest.raises(BlockingIOError) as raised:
        assert free
        run(root, "full", QUICK, tmp_path)
    assert str(raised.value) == (
        f"another process trains FCN tone_FRA, seed 0, in {tmp_path}; wait until it is done, or "
        "name another folder."
    )
    assert not Results(tmp_path).finished()


def test_a_seed_repeats_itself(root):
    data = load_track_data(root, "full", replace(QUICK, n_epochs=2))
    one, again = (run_recipe(data, 7)[1]["test"][1]["probabilities"] for _ in range(2))
    assert (one == again).all()


def test_unlabelled_clips_are_compared_with_none(root, tmp_path, capsys):
    recipe = replace(QUICK, pseudo_labels={**PSEUDO, "threshold": 0.4})
    source = open_source(root, "semi", group="speaker")
    models, rows, records = run_track(source, recipe, tmp_path, name="mine")
    assert [row["model"] for row in rows] == ["mine pseudo-labels", "mine"]
    with_them, without = (Results(tmp_path).records()[i] for i in (1, 0))
    assert with_them["n_unlabelled"] == 12 and without["n_unlabelled"] == 0
    for folder in (tmp_path / "toy-semi").iterdir():
        assert (folder / "submission.csv").exists()
        answers = load_labels(folder / "submission-unlabelled.csv")
        assert list(answers.names) == [r["name"] for r in read(root / "unlabeled-semi.csv")]
    _print_gain(models, records)
    change = rows[0]["weighted_f1"] - rows[1]["weighted_f1"]
    sentence = f"mine: the unlabelled clips change the weighted F1 by {change:+.4f} (of test, "
    assert capsys.readouterr().out == f"{sentence}paired by seed)\n"


def test_members_of_an_ensemble_are_averaged(root):
    other = replace(QUICK, features=["face"], standardize_by="speaker")
    recipe = EmotionRecipe(mean_of=[QUICK, other], n_members=2)
    data = load_track_data(root, "noise", recipe, group="speaker")
    ensemble, results = run_recipe(data, 0)
    record, predictions = results["noisy"]
    parts = [one.tests["noisy"].X for one in data.of_each_recipe]
    found = [one.predict_proba(parts[i % 2]) for i, one in enumerate(ensemble.classifiers)]
    assert [x.shape[1] for x in parts] == [3, 2] and len(found) == 4
    assert (predictions["probabilities"] == np.mean(found, axis=0)).all()
    assert [one.random_state for one in ensemble.classifiers] == [0, 1000, 2000, 3000]
    assert record["n_channels"] == 5 and record["target"] == "mean"
    assert EmotionRecipe.from_json(record["parameters"]) == data.recipe


def test_noise_is_tested_noisy_clean_and_more_and_more(root, tmp_path):
    rows = run(root, "noise", replace(QUICK, n_copies=1), tmp_path, n_seeds=2)
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
def test_every_number_says_which_clips_it_is_of(tmp_path, track, labelled, tests, remark, capsys):
    root = write_mer_folder(tmp_path / "toy")
    for test, file in LABELS.items():
        if test not in labelled:
            (root / file).unlink()
    recipe = replace(QUICK, n_epochs=1)
    if track == "semi":
        recipe = replace(recipe, pseudo_labels={**PSEUDO, "threshold": 0.0})
    source = open_source(root, track, group="speaker")
    models, rows, _ = run_track(source, recipe, tmp_path / "out")
    print(_summary(models))
    _print_scores(source, rows)
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
    (row,) = run(root, "full", QUICK, tmp_path / "out")
    assert row["weighted_f1"] in (0.0, 1.0)
    folder = tmp_path / "out" / "toy-full" / "FCN_tone_FRA"
    assert (folder / "confusion.png").stat().st_size > 5_000


def test_several_feature_sets_are_fused(root, tmp_path):
    recipe = replace(QUICK, features=["tone", "face"], model="alstmfcn", fusion="late")
    (row, _) = run(root, "noise", recipe, tmp_path)
    assert row["model"] == "ALSTM-FCN tone_FRA+face-FRA late fusion"
    (folder,) = (tmp_path / "toy-noise").iterdir()
    names = {path.name for path in folder.iterdir()}
    assert {"attention-tone_FRA.npz", "attention-face-FRA.npz"} <= names
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
    settings = {"n_hidden": 8} if model == "attention" else SMALLEST
    recipe = EmotionRecipe(features, model, fusion, n_epochs=1, settings=settings)
    ensemble, results = run_recipe(load_track_data(root, "full", recipe), 0)
    record, predictions = results["test"]
    (classifier,) = ensemble.classifiers
    trained = getattr(classifier, "fusion_", classifier)
    trained = getattr(trained, "estimators", [getattr(trained, "estimator", trained)])
    assert record["epochs"] == 1 and record["n_parameters"] > 100
    assert predictions["probabilities"].shape == (12, 3)
    assert len(trained) == n_networks
    assert record["parameters"]["settings"].get("level") == ("frame" if fusion is None else None)


@pytest.mark.parametrize("mode, track", [("mertools", "noise"), ("pad", "noise"), ("pad", "semi")])
def test_every_mode_goes_through_a_track(root, tmp_path, mode, track):
    several = track == "noise"
    recipe = EmotionRecipe(["tone"], mode=mode, n_timepoints=9, n_epochs=1, settings=SMALLEST)
    if several:
        recipe = replace(recipe, features=["tone", "face"], fusion="late", n_copies=1)
    else:
        recipe = replace(recipe, pseudo_labels={**PSEUDO, "threshold": 0.0})
    run(root, track, recipe, tmp_path)
    record = Results(tmp_path).records()[0]
    assert record["mode"] == record["parameters"]["mode"] == mode
    assert record["n_timepoints"] <= 9 and record["n_channels"] == (5 if several else 3)
    assert list((tmp_path / f"toy-{track}").glob("*/attention*.npz"))


def test_open_vocabulary_is_answered_by_sets(root, tmp_path, capsys):
    source = open_source(root, "ov")
    _, (row,), _ = run_track(source, QUICK, tmp_path)
    (folder,) = (tmp_path / "toy-ov").iterdir()
    said = {r["name"]: r["openset"] for r in read(folder / "submission.csv")}
    scores = open_vocabulary_scores(root / "check-openset.csv", said)
    assert row["average"] == pytest.approx(scores.average)
    assert row["accuracy"] == pytest.approx(scores.accuracy)
    assert row["set_recall"] == pytest.approx(scores.recall)
    _print_scores(source, [row])
    assert "set accuracy" in capsys.readouterr().out
    assert (tmp_path / "report.html").exists()


def test_a_clips_own_words_do_not_decide_its_answer(root):
    data = load_track_data(root, "ov", TONE)
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
    assert "weighted F1  accuracy" in printed and "recall:" in printed  # one seed has no interval
    assert "\none seed; --seeds 3 tells" in printed
    assert f"all models: {out / 'report.html'}" in printed and "\nFCN tone_FRA, test" in printed
    command[-1] = str(tmp_path / "masked")
    assert main([*command, "--mode", "pad"]) == 0
    assert "; tone_FRA at 9 timepoints (pad)" in capsys.readouterr().out


def test_a_recipe_is_run_by_its_name(root, tmp_path, capsys, monkeypatch):
    recipe = replace(QUICK, n_epochs=1, pseudo_labels={**PSEUDO, "threshold": 0.0})
    pair = EmotionRecipe(mean_of=[recipe, replace(recipe, features=["face"])])
    monkeypatch.setitem(PRESETS, "emodb-semi", pair)
    command = ["emotion", "run", "--track", "semi", "--data", str(root), "--group", "speaker"]
    assert main([*command, "--recipe", "emodb-semi", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "12 training clips, 12 unlabelled, 12 test; tone_FRA; face-FRA" in printed
    for name in ("emodb-semi pseudo-labels", "emodb-semi"):
        assert f"\n{name}, test " in printed
        assert (tmp_path / "toy-semi" / name.replace(" ", "_") / "submission.csv").exists()
    assert "the unlabelled clips change the weighted F1 by" in printed


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--features", "voice"], "there is no feature set 'voice' in"),
        (["--data", "nowhere"], "nowhere is no folder; expected the folder of a data set."),
        (["--group", "video"], "has no column 'video' to group by; besides name and labels it has"),
        (
            ["--classes", "happy,joy"],
            "label-train.csv and label-test.csv has no clip of joy; its labels are angry (12 "
            "clips), happy (12 clips), sad (12 clips). Correct --classes ...",
        ),
        (["--merge", "joy=happy"], "has no clip of joy; its labels are angry (12 clips), happy"),
        (["--track", "noise", "--folds", "3"], "--folds are for tracks full and semi, not for noi"),
        (["--folds", "50"], "has 36 clips; choose --folds 36 at most."),
        (
            ["--features", "tone,tone"],
            "the feature set tone_FRA is named twice; name each one once.",
        ),
        (["--features", "../tone"], "would leave the folder of the features"),
        (
            ["--fusion", "early"],
            "--fusion early needs several feature sets, but only tone was named; name more",
        ),
        (
            ["--threshold", "0.7"],
            "--threshold 0.7 is for track 'semi'; leave it out of track 'full'",
        ),
        (
            ["--recipe", "emodb", "--model", "fcn", "--epochs", "3"],
            "--recipe emodb is a whole recipe; leave out --model, --epochs.",
        ),
        (["--recipe", "best"], "--recipe best is unknown; choose one of 'emodb', 'emodb-noisy'"),
        (["--recipe", "emodb-semi"], "learns from unlabelled clips, which track 'full' has none"),
        (["--babble", "2", "--features", "tone,face"], "--babble 2 is for one feature set, of log"),
        (["--classes", "sad,sad"], "classes holds sad, sad; pass each emotion once, and at least"),
        (["--name", "a/b"], "model name 'a/b' has characters that do not belong in a file name;"),
        (["--out", "FILE"], "is a file; name a folder for the results."),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_1(root, tmp_path, arguments, message, capsys):
    command = ["--data", str(root), "--out", str(tmp_path / "out")]
    command += [] if "--recipe" in arguments else ["--features", "tone"]
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
        "import sys, lstmfcn.emotion.track_runs, lstmfcn.evaluation.robustness, "
        "lstmfcn.emotion.mer_dataset, lstmfcn.plots.robustness\n"
        "print(sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_emodb_runs(tmp_path):
    data = real_data()
    if data is None or not (data / "emodb").is_dir():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds emodb/")
    recipe = EmotionRecipe(
        ["eGeMAPS_FRA"], settings={**TINY, "n_cells": 2}, n_epochs=3, n_timepoints=40
    )
    (row,) = run(data / "emodb", "full", recipe, tmp_path, group="speaker")
    assert row["weighted_f1"] > 0.3 and row["n_seeds"] == 1
