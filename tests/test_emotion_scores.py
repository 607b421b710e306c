"""Are emotions and dimensions scored as the formulas say, and files of them read by their names?"""

import json

import numpy as np
import pytest
from conftest import refusal
from sklearn.metrics import f1_score, precision_recall_fscore_support, r2_score, recall_score

from lstmfcn.cli import main
from lstmfcn.emotion import read_pair, read_scored
from lstmfcn.evaluation import compare_classes, compare_numbers, score_classes, score_numbers
from lstmfcn.zero_shot import ZeroShotAnswers, ZeroShotTask, compare_to_zero_shot

MER_NOISE = [  # angry, happy, neutral, sad, surprise, worried; published with Emotion-LLaMA
    [224, 0, 5, 2, 4, 1],
    [1, 213, 16, 0, 2, 1],
    [23, 24, 128, 17, 11, 29],
    [3, 2, 5, 284, 0, 1],
    [6, 1, 2, 0, 42, 4],
    [2, 0, 6, 2, 3, 106],
]


def labels_of(confusion, classes):
    """Return truth and prediction of as many clips as a confusion matrix counts."""
    confusion = np.array(confusion)
    truth, predicted = np.indices(confusion.shape)
    pairs = np.repeat(np.stack([truth.ravel(), predicted.ravel()]), confusion.ravel(), axis=1)
    return [np.array(classes)[codes] for codes in pairs]


def made_up(n=200, seed=0):
    """Return truth and two predictions of three classes, and five speakers."""
    rng = np.random.default_rng(seed)
    y = rng.choice(["angry", "happy", "sad"], n, p=[0.5, 0.3, 0.2])
    guess = rng.choice(["angry", "happy", "sad"], (2, n))
    first, second = (
        np.where(rng.random(n) < p, y, g) for p, g in zip((0.7, 0.4), guess, strict=True)
    )
    return y, first, second, rng.choice(list("ABCDE"), n)


def test_the_published_matrix_of_mer_noise():
    classes = ["angry", "happy", "neutral", "sad", "surprise", "worried"]
    found = score_classes(*labels_of(MER_NOISE, classes))
    values = {name: score["value"] for name, score in found.scores.items()}
    assert list(values) == ["uar", "weighted_f1", "accuracy"]
    assert values["weighted_f1"] == pytest.approx(0.8458065521840188, abs=1e-14)
    assert values["accuracy"] == pytest.approx(0.8521367521367521, abs=1e-14)
    assert found.confusion.tolist() == MER_NOISE and found.classes == tuple(classes)
    assert np.mean([row["f1"] for row in found.per_class]) == pytest.approx(0.8220511447)


def test_scores_are_those_of_scikit_learn():
    y, first, _, _ = made_up()
    found = score_classes(y, first)
    assert found.scores["uar"]["value"] == pytest.approx(recall_score(y, first, average="macro"))
    f1 = f1_score(y, first, average="weighted")
    assert found.scores["weighted_f1"]["value"] == pytest.approx(f1)
    table = np.array(precision_recall_fscore_support(y, first)).T
    ours = [[r["precision"], r["recall"], r["f1"], r["support"]] for r in found.per_class]
    np.testing.assert_allclose(ours, table)


def test_a_class_that_is_never_true_or_never_predicted():
    found = score_classes(["a", "a", "b"], ["a", "c", "a"], classes=["a", "b", "c", "d"])
    assert found.scores["uar"]["value"] == 0.25  # over the classes that are true: a 1/2, b 0
    rows = {row["class"]: row for row in found.per_class}
    assert (rows["b"]["precision"], rows["b"]["recall"], rows["b"]["f1"]) == (None, 0.0, 0.0)
    assert (rows["c"]["precision"], rows["c"]["recall"], rows["c"]["support"]) == (0.0, None, 0)
    assert (rows["d"]["precision"], rows["d"]["f1"]) == (None, None)


def test_probabilities_have_an_area_and_a_loss():
    found = score_classes(
        ["b", "a"], ["b", "a"], probabilities=[[0.2, 0.8], [0.5, 0.5]], classes=["a", "b"]
    )
    assert found.auroc == 1.0
    assert found.log_loss == pytest.approx(-(np.log(0.8) + np.log(0.5)) / 2)
    assert score_classes(["b", "a"], ["b", "a"]).auroc is None


def test_intervals_over_clips_are_those_of_a_plain_bootstrap():
    y, first, _, _ = made_up()
    found = score_classes(y, first, n_bootstrap=4000).scores
    rng = np.random.default_rng(1)
    rows = rng.integers(0, len(y), (2000, len(y)))
    plain = [recall_score(y[i], first[i], average="macro") for i in rows[:600]]
    assert found["uar"]["clips"] == pytest.approx(np.percentile(plain, [2.5, 97.5]), abs=0.015)
    plain = (y == first)[rows].mean(axis=1)
    assert found["accuracy"]["clips"] == pytest.approx(np.percentile(plain, [2.5, 97.5]), abs=0.01)


def test_intervals_over_speakers_draw_whole_speakers():
    y, first, _, groups = made_up()
    found = score_classes(y, first, groups=groups, n_bootstrap=4000)
    right = [np.sum((y == first) & (groups == g)) for g in np.unique(groups)]
    size = [np.sum(groups == g) for g in np.unique(groups)]
    rows = np.random.default_rng(1).integers(0, 5, (4000, 5))
    plain = np.array(right)[rows].sum(axis=1) / np.array(size)[rows].sum(axis=1)
    bounds = found.scores["accuracy"]["groups"]
    assert bounds == pytest.approx(np.percentile(plain, [2.5, 97.5]), abs=0.01)
    assert found.n_groups == 5
    # Where each clip has a speaker of its own, both intervals are of the same draws.
    alone = score_classes(y, first, groups=np.arange(len(y)), n_bootstrap=4000).scores["uar"]
    assert alone["groups"] == pytest.approx(alone["clips"], abs=0.015)
    # A speaker who is always right, and one who never is: nobody knows about a third one.
    y, answers = np.array(["a", "b"] * 20), np.array(["a", "b"] * 10 + ["b", "a"] * 10)
    scores = score_classes(y, answers, groups=["A"] * 20 + ["B"] * 20).scores
    assert scores["uar"]["groups"] == (0.0, 1.0) and scores["uar"]["clips"][1] < 0.7
    one = score_classes(y, answers, groups=["A"] * 40)
    assert one.scores["uar"]["groups"] is None and one.n_groups == 1


def test_probabilities_need_the_classes_of_their_columns():
    y, p = np.arange(12) % 11, np.full((12, 11), 1 / 11)
    assert refusal(lambda: score_classes(y, y, probabilities=p)) == (
        "probabilities need classes: which class is each of their columns?"
    )
    found = score_classes(y, y, probabilities=p, classes=range(11))
    assert found.scores["accuracy"]["value"] == 1.0


@pytest.mark.parametrize("other", [np.float64, bool, str])
def test_labels_are_alike_whatever_their_type(other):
    y = np.array([0, 1, 1, 0])
    found = score_classes(y, y.astype(other))
    assert found.scores["accuracy"]["value"] == 1.0 and found.classes == ("0", "1")
    assert compare_classes(y, y.astype(other), y).only_second == 0


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_missing_label_or_group_is_no_class(missing):
    y, some = list("abab"), ["a", "b", missing, "b"]
    if missing is np.nan:
        y, some = [0.0, 1.0, 0.0, 1.0], [0.0, 1.0, np.nan, 1.0]
    expected = "{} has no label in row 2; leave such clips out."
    assert refusal(lambda: score_classes(some, y)) == expected.format("y_true")
    assert refusal(lambda: compare_classes(y, y, some)) == expected.format("second")
    expected = "groups has none in row 2; name one, or leave such clips out."
    assert refusal(lambda: score_classes(y, y, groups=some)) == expected
    numbers = np.arange(4.0)
    assert "groups has none" in refusal(lambda: score_numbers(numbers, numbers, groups=some))


def test_one_draw_of_ties_has_no_interval():
    y = np.zeros(9)
    y[7] = 1
    r2 = score_numbers(y, y + 0.1, n_bootstrap=1).scores["r2"]
    assert r2["clips"] is None and r2["value"] == pytest.approx(1 - 0.01 / np.var(y))


def test_draws_of_equal_numbers_have_no_r2():
    truth = np.repeat([1 / 3, 0.7, 0.1], 10)
    groups = np.repeat(["a", "b", "c"], 10)
    predicted = truth + np.random.default_rng(0).normal(0, 0.1, 30)
    found = score_numbers(truth, predicted, groups=groups).scores["r2"]["groups"]
    assert found[0] > -10


def test_a_seed_repeats():
    y, first, second, groups = made_up()
    options = {"groups": groups, "n_bootstrap": 50}
    once = compare_classes(y, first, second, random_state=1, **options)
    again = compare_classes(y, first, second, random_state=1, **options)
    other = compare_classes(y, first, second, random_state=2, **options)
    assert once == again and once.scores != other.scores


def test_a_comparison_is_paired():
    y, first, second, groups = made_up()
    found = compare_classes(y, first, second, groups=groups)
    for name in ("uar", "weighted_f1", "accuracy"):
        score = found.scores[name]
        ours, theirs = (score_classes(y, one).scores[name]["value"] for one in (first, second))
        assert score["difference"] == pytest.approx(ours - theirs)
        assert score["clips"][0] < score["difference"] < score["clips"][1]
    assert found.only_first == np.sum((first == y) & (second != y))
    low, high = compare_classes(y, second, first).scores["uar"]["clips"]
    assert (-high, -low) == pytest.approx(found.scores["uar"]["clips"], abs=0.02)
    same = compare_classes(y, first, first, groups=groups).scores["uar"]
    assert same["clips"] == same["groups"] == (0.0, 0.0)


def test_it_agrees_with_the_comparison_to_a_zero_shot_model():
    y, first, second, _ = made_up()
    names = [str(i) for i in range(len(y))]
    task = ZeroShotTask("mine", ("angry", "happy", "sad"))
    answers = ZeroShotAnswers(task, "", names, y, [(label,) for label in second])
    theirs = compare_to_zero_shot(first, names, answers)
    ours = compare_classes(y, first, second)
    assert ours.p_value == theirs.p_value
    assert ours.scores["uar"]["difference"] == theirs.scores["uar"]["difference"]
    bounds = theirs.scores["waf"]["low"], theirs.scores["waf"]["high"]
    assert ours.scores["weighted_f1"]["clips"] == pytest.approx(bounds, abs=0.02)
    assert [row["first"] for row in ours.per_class] == [row["ours"] for row in theirs.per_class]


def test_dimensions_by_their_formulas():
    rng = np.random.default_rng(0)
    y = rng.normal(3, 1, 120)
    first, second = y + rng.normal(0.3, 0.5, 120), 0.2 * y
    found = score_numbers(y, first, groups=np.arange(120) % 8)
    ccc = 2 * np.cov(y, first, ddof=0)[0, 1]
    ccc /= y.var() + first.var() + (y.mean() - first.mean()) ** 2
    assert found.scores["ccc"]["value"] == pytest.approx(ccc)
    assert found.scores["mse"]["value"] == pytest.approx(np.mean((y - first) ** 2))
    assert found.scores["r2"]["value"] == pytest.approx(r2_score(y, first))
    for score in found.scores.values():
        assert score["clips"][0] < score["value"] < score["clips"][1]
        assert score["groups"][0] < score["value"] < score["groups"][1]
    paired = compare_numbers(y, first, second)
    second_r2 = paired.scores["r2"]["first"] - paired.scores["r2"]["difference"]
    assert second_r2 == pytest.approx(r2_score(y, second))
    assert paired.scores["ccc"]["clips"][0] > 0
    far = score_numbers(y + 1e7, first + 1e7)  # a large mean costs no digits
    assert far.scores["ccc"]["value"] == pytest.approx(ccc, rel=1e-6)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (
            lambda: score_classes(["a", "a"], ["a", "b"]),
            "all 2 clips are 'a'; scores need clips of at least two classes.",
        ),
        (
            lambda: score_classes(["a", "b"], ["a"]),
            "y_true has the shape (2,), but y_pred (1,); pass one label for each of the same "
            "clips.",
        ),
        (
            lambda: score_classes(["a", "b"], ["a", "c"], classes=["a", "b"]),
            "y_pred holds c; expected a, b.",
        ),
        (
            lambda: score_classes(range(1000), range(1000)),
            "there are 1000 different labels, such as '0'; choose the column of classes.",
        ),
        (
            lambda: score_classes(["a", "b"], ["a", "b"], groups=["x"]),
            "groups has the shape (1,); pass one for each of 2.",
        ),
        (
            lambda: score_numbers([1, 1], [1, 2]),
            "all 2 true values are 1; CCC and R2 need at least two that differ.",
        ),
        (
            lambda: compare_numbers([1, 2], [1, 2], [1, np.nan]),
            "second is nan in row 1; pass finite numbers.",
        ),
        (
            lambda: score_numbers([1, 2], [1]),
            "y_pred has the shape (1,), and y_true (2,); pass one number for each of at least two "
            "clips.",
        ),
    ],
)
def test_refused_arrays(call, sentence):
    assert refusal(call) == sentence


def write(path, text):
    path.write_text(text.replace(" ", "\n") + "\n")
    return path


@pytest.fixture
def files(tmp_path):
    """Truth with speakers, predictions with probabilities, and others with a folder's paths."""
    write(
        tmp_path / "truth.csv",
        "file,emotion,speaker wavs/a.wav,sad,S1 wavs/b.wav,sad,S1 wavs/c.wav,happy,S2",
    )
    write(
        tmp_path / "predictions.csv",
        "name,truth,predicted,probability_happy,probability_sad "
        "c,happy,happy,0.9,0.1 a,sad,sad,0.2,0.8 b,sad,happy,0.6,0.4",
    )
    write(tmp_path / "other.csv", "Name,Label b,sad a,sad c,happy d,angry")
    return tmp_path


def test_files_are_read_by_their_names(files):
    clips = read_scored(files / "predictions.csv", files / "truth.csv", group="speaker")
    assert clips.names == ("a", "b", "c") and clips.y_pred.tolist() == ["sad", "happy", "happy"]
    assert clips.groups.tolist() == ["S1", "S1", "S2"] and clips.classes == ("happy", "sad")
    assert clips.probabilities.tolist() == [[0.2, 0.8], [0.6, 0.4], [0.9, 0.1]]
    alone = read_scored(files / "predictions.csv")
    assert alone.names == ("c", "a", "b") and alone.groups is None
    other = read_scored(files / "other.csv", files / "truth.csv")
    assert other.n_unscored == 1 and other.probabilities is None
    assert other.classes == ("happy", "sad")


def test_pairs_have_the_same_clips_and_truth(files):
    one, two = read_pair(files / "predictions.csv", files / "other.csv", files / "truth.csv")
    assert one.names == two.names and two.y_pred.tolist() == ["sad", "sad", "happy"]
    sentence = refusal(lambda: read_pair(files / "predictions.csv", files / "other.csv"))
    assert sentence.startswith("other.csv has 1 clips that predictions.csv does not have; pass")
    write(files / "new.csv", "name,truth,predicted a,sad,sad b,happy,sad c,happy,sad")
    sentence = refusal(lambda: read_pair(files / "predictions.csv", files / "new.csv"))
    assert sentence == (
        "predictions.csv and new.csv differ in the truth about b; compare predictions of the same "
        "labels."
    )


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("name,predicted a,sad", "bad.csv has no prediction for 2 of 3 clips of truth.csv: b, c"),
        ("name,predicted a,sad a,sad b,sad c,sad", "line 3: the name 'a' is in line 2 already"),
        ("name,predicted a,sad b, c,sad", "line 3: predicted is empty"),
        ("name,predicted a,Sad b,happy c,sad", "bad.csv spells 'Sad' what truth.csv spells 'sad'"),
        ("name,predicted a,x b,y c,x", "no label of bad.csv (x, y) is a label of truth.csv (happy"),
        ("name,guess a,sad b,sad c,sad", "bad.csv has no column of predictions ('predicted', 'pr"),
        ("predicted sad", "bad.csv has no column 'name'"),
    ],
)
def test_refused_files(files, capsys, text, sentence):
    write(files / "bad.csv", text)
    arguments = ["--predictions", files / "bad.csv", "--truth", files / "truth.csv"]
    assert main(["emotion", "score", *map(str, arguments)]) == 1
    assert sentence in capsys.readouterr().err


def test_refused_columns_of_other_files(files, capsys):
    predictions = ["--predictions", str(files / "predictions.csv")]
    for more, sentence in (
        (["--group", "who"], "predictions.csv has no column 'who' to group by; its columns are"),
        (["--classes", "sad,calm"], "happy in predictions.csv is none of the classes sad, calm;"),
        (["--target", "valence"], "the column 'truth' of predictions.csv holds no numbers, but"),
        (["--combined"], "--combined is of a valence and an emotion; add --target valence."),
        (["--truth", str(files / "absent.csv")], "absent.csv; pass a CSV file."),
        (["--truth", str(files)], "is not a file; pass a CSV file."),
        (["--truth", "/dev/zero"], "/dev/zero is not a file; pass a CSV file."),
        (["--out", str(files)], "is a folder; give a file name to write to."),
    ):
        assert main(["emotion", "score", *predictions, *more]) == 1
        assert sentence in capsys.readouterr().err
    arguments = ["--predictions", str(files / "other.csv")]
    assert main(["emotion", "score", *arguments]) == 1
    assert "pass --truth ..., a file with the truth." in capsys.readouterr().err
    write(files / "one.csv", "name,truth,predicted a,sad,sad b,sad,happy")
    assert main(["emotion", "score", "--predictions", str(files / "one.csv")]) == 1
    assert "all 2 clips are 'sad'; scores need clips of at least two" in capsys.readouterr().err


def test_score_prints_and_writes(files, capsys):
    arguments = ["--predictions", files / "predictions.csv", "--truth", files / "truth.csv"]
    arguments += ["--group", "speaker", "--out", files / "scores.json"]
    assert main(["emotion", "score", *map(str, arguments)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("predictions.csv: 3 clips, 2 speakers, 2 classes\n")
    assert "an interval over 2 speakers is rough" in printed
    lines = [line.split() for line in printed.splitlines()]
    assert ["UAR", "0.7500"] in [line[:2] for line in lines]
    assert ["happy", "0.5000", "1.0000", "0.6667", "1"] in lines and ["sad", "1", "1"] in lines
    numbers = json.loads((files / "scores.json").read_text())
    assert numbers["scores"]["uar"]["value"] == 0.75 and numbers["confusion"] == [[1, 0], [1, 1]]


def test_compare_prints(files, capsys):
    arguments = [files / "predictions.csv", files / "other.csv", "--truth", files / "truth.csv"]
    assert main(["emotion", "compare", *map(str, arguments)]) == 0
    printed = capsys.readouterr().out
    assert "predictions.csv against other.csv: 3 clips, 2 classes\n" in printed
    line = next(line for line in printed.splitlines() if line.startswith("UAR"))
    assert line.split()[1:4] == ["0.7500", "1.0000", "-0.2500"]
    assert "right alone: predictions.csv 0, other.csv 1; McNemar's exact p = 1" in printed
    (files / "b").mkdir()
    copy = write(files / "b" / "predictions.csv", "name,predicted a,sad b,sad c,sad")
    arguments = [files / "predictions.csv", copy]
    assert main(["emotion", "compare", *map(str, arguments)]) == 0
    assert f"{files.name} against b: 3 clips, 2 classes\n" in capsys.readouterr().out


def test_the_predictions_of_the_first_file_are_not_the_truth_of_the_second(tmp_path):
    first = write(tmp_path / "a.csv", "name,truth,valence\na,1,5\nb,2,6\nc,3,7\n")
    second = write(tmp_path / "b.csv", "name,truth,valence\na,1,0\nb,2,1\nc,3,1\n")
    one, two = read_pair(first, second, target="valence")
    assert one.y_true.tolist() == two.y_true.tolist() == [1, 2, 3]
    assert (one.y_pred.tolist(), two.y_pred.tolist()) == ([5, 6, 7], [0, 1, 1])


def test_valence_and_the_combined_score(tmp_path, capsys):
    truth = "name,discrete,valence a,sad,-2 b,happy,3 c,sad,-10 d,happy, e,sad,0.5"
    answers = "name,discrete,valence a,sad,-1 b,happy,2 c,happy,9 d,happy,9 e,sad,0.5"
    paths = write(tmp_path / "t.csv", truth), write(tmp_path / "p.csv", answers)
    arguments = ["--truth", paths[0], "--predictions", paths[1], "--target", "valence"]
    assert main(["emotion", "score", *map(str, arguments), "--combined"]) == 0
    printed = capsys.readouterr().out
    assert "p.csv: 3 clips\n2 clips have no true valence, and do not count" in printed
    assert "MSE  0.6667" in printed.replace("MSE   ", "MSE  ")
    f1 = f1_score(list("shshs"), list("shhhs"), average="weighted")
    assert f"weighted F1: {f1:.4f}\ncombined: {f1 - 2 / 3 / 4:.4f}" in printed
    other = write(tmp_path / "q.csv", answers.replace("e,sad,0.5", "e,sad,2.5"))
    arguments = [paths[1], other, "--truth", paths[0], "--target", "valence"]
    assert main(["emotion", "compare", *map(str, arguments)]) == 0
    assert "-1.3333" in capsys.readouterr().out  # of MSE: 2/3 minus 6/3
