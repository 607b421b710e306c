"""Are two systems compared on the same samples, with the right numbers, and drawn as they are?"""

import csv
from collections import Counter
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.stats
from conftest import real_data
from sklearn.metrics import f1_score, recall_score

from lstmfcn.plots.zero_shot import ZeroShotDisplay
from lstmfcn.zero_shot import (
    TASKS,
    ZeroShotAnswers,
    ZeroShotTask,
    answers_from_counts,
    compare_to_zero_shot,
    load_zero_shot,
    mcnemar,
    shared_samples,
)


def answers_to(y_true, top, task=None, names=None):
    """Return answers of one label each; None is no answer."""
    names = [f"s{i}" for i in range(len(top))] if names is None else names
    task = task or ZeroShotTask("mine", ("happy", "sad"))
    ranked = [() if one is None else (one,) for one in top]
    return ZeroShotAnswers(task, "", names, np.array(y_true), ranked)


def released(dataset, variant=None):
    folder = real_data()
    if folder is None or not (folder / "gpt4v" / dataset).is_dir():
        pytest.skip(f"no real data: set LSTMFCN_DATA to the folder that holds gpt4v/{dataset}")
    return load_zero_shot(folder / "gpt4v", dataset, variant)


def mosi_labels():
    folder = real_data()
    if folder is None or not (folder / "mosi").is_dir():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds mosi/")
    return folder / "mosi"


# Eight samples: both right, ours alone (3), theirs alone, both wrong, no answer, out of vocabulary.
TRUTH = ["happy", "happy", "sad", "sad", "happy", "sad", "happy", "sad"]
THEIRS = ["happy", "sad", "happy", "bored", "happy", "happy", None, "sad"]
OURS = ["happy", "happy", "sad", "sad", "sad", "happy", "happy", "sad"]
NAMES = [f"s{i}" for i in range(8)]


@pytest.fixture(scope="module")
def by_hand():
    return compare_to_zero_shot(OURS, NAMES, answers_to(TRUTH, THEIRS))


def test_scores_by_hand(by_hand):
    accuracy = by_hand.scores["accuracy"]
    assert (by_hand.n, by_hand.metric) == (7, "accuracy")
    assert (accuracy["ours"], accuracy["zero_shot"]) == (5 / 7, 3 / 7)
    assert accuracy["difference"] == pytest.approx(2 / 7)
    assert by_hand.scores["uar"]["ours"] == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert by_hand.scores["uar"]["zero_shot"] == pytest.approx((2 / 3 + 1 / 4) / 2)
    # F1 of happy: 2 right, 3 true, 3 or 4 predicted; of sad: 3 or 1, 4, 4 or 2.
    ours, theirs = 3 * (4 / 6) + 4 * (6 / 8), 3 * (4 / 7) + 4 * (2 / 6)
    assert by_hand.scores["waf"]["ours"] == pytest.approx(ours / 7)
    assert by_hand.scores["waf"]["zero_shot"] == pytest.approx(theirs / 7)
    assert by_hand.majority["accuracy"] == 4 / 7


def test_mcnemar_by_hand(by_hand):
    assert (by_hand.only_ours, by_hand.only_zero_shot) == (3, 1)
    assert by_hand.p_value == 2 * (1 + 4) / 2**4
    assert mcnemar(1, 9) == mcnemar(9, 1) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(5, 5) == mcnemar(0, 0) == 1.0
    assert mcnemar(0, 6) == pytest.approx(2 / 2**6)


def test_coverage_and_the_strict_scores(by_hand):
    assert (by_hand.n_predictions, by_hand.n_unanswered, by_hand.n_answered) == (8, 1, 7)
    assert (by_hand.n_neutral, by_hand.n_relabelled, by_hand.n_strict) == (0, 0, 8)
    assert by_hand.strict["accuracy"] == {"ours": 6 / 8, "zero_shot": 3 / 8}
    assert by_hand.names == [name for name in NAMES if name != "s6"]
    assert by_hand.zero_shot.tolist() == ["happy", "sad", "happy", "", "happy", "happy", "sad"]
    assert by_hand.y_true.tolist() == [
        y for y, name in zip(TRUTH, NAMES, strict=True) if name != "s6"
    ]


def test_recall_of_each_class(by_hand):
    happy, sad = by_hand.per_class
    assert (happy["class"], happy["n"], happy["ours"], happy["zero_shot"]) == (
        "happy",
        3,
        2 / 3,
        2 / 3,
    )
    assert (sad["class"], sad["n"], sad["ours"], sad["zero_shot"]) == ("sad", 4, 3 / 4, 1 / 4)
    assert happy["ours_interval"] == (0.0, 1.0)


def test_a_class_without_samples_has_no_recall():
    task = ZeroShotTask("mine", ("happy", "sad", "calm"))
    result = compare_to_zero_shot(OURS, NAMES, answers_to(TRUTH, THEIRS, task))
    assert result.per_class[2] == {
        "class": "calm",
        "n": 0,
        "ours": None,
        "ours_interval": None,
        "zero_shot": None,
        "zero_shot_interval": None,
    }
    assert result.scores["uar"]["ours"] == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert "calm" not in " ".join(ZeroShotDisplay.from_comparison(result).labels)


def test_paired_bootstrap_has_the_known_answer():
    """Ours is right wherever the other is, and on b more of n: b of a draw is binomial."""
    n, both, b = 200, 120, 30
    truth = ["happy", "sad"] * (n // 2)
    other = {"happy": "sad", "sad": "happy"}
    theirs = [y if i < both else other[y] for i, y in enumerate(truth)]
    ours = [y if i < both + b else other[y] for i, y in enumerate(truth)]
    names = [str(i) for i in range(n)]
    answers = answers_to(truth, theirs, names=names)
    score = compare_to_zero_shot(ours, names, answers, n_bootstrap=20000).scores["accuracy"]
    assert score["difference"] == pytest.approx(b / n)
    expected = scipy.stats.binom.ppf([0.025, 0.975], n, b / n) / n
    np.testing.assert_allclose([score["low"], score["high"]], expected, atol=1.01 / n)
    # Drawn apart, the two would differ by more than they do.
    apart = 2 * 1.96 * np.sqrt((0.6 * 0.4 + 0.75 * 0.25) / n)
    assert score["high"] - score["low"] < 0.6 * apart


def test_equal_systems_do_not_differ():
    result = compare_to_zero_shot(TRUTH, NAMES, answers_to(TRUTH, TRUTH))
    for score in result.scores.values():
        assert (score["difference"], score["low"], score["high"]) == (0.0, 0.0, 0.0)
    assert result.p_value == 1.0


def test_a_seed_repeats_and_order_does_not_matter():
    answers = answers_to(TRUTH, THEIRS)
    once = compare_to_zero_shot(OURS, NAMES, answers, random_state=1)
    turned = compare_to_zero_shot(OURS[::-1], NAMES[::-1], answers, random_state=1)
    other = compare_to_zero_shot(OURS, NAMES, answers, random_state=2)
    assert once.scores == turned.scores != other.scores
    assert once.names == turned.names[::-1]


def test_names_are_joined_without_folder_and_ending():
    answers = answers_to(["happy", "sad"], ["happy", "happy"], names=["a", "b"])
    result = compare_to_zero_shot(["sad", "happy"], ["x/b.JPG", "1/a.mp4"], answers)
    assert result.names == ["b", "a"] and result.scores["accuracy"]["ours"] == 1.0


@pytest.mark.parametrize(
    "y_pred, names, message",
    [
        (
            ["sad", "sad"],
            ["s1", "x/s1.png"],
            "'s1' is there twice ('s1' and 'x/s1.png'); give every sample a name of its own.",
        ),
        (
            ["sad", "sad"],
            ["s1", "t1"],
            "1 of 2 names are not in mine: 't1'; its names look like 's0', 's1'.",
        ),
        (
            ["sad"] * 5,
            list("vwxyz"),
            "5 of 5 names are not in mine: 'v', 'w', 'x' and 2 more; its names look like 's0', "
            "'s1'.",
        ),
        (
            ["sad"],
            ["s1", "s2"],
            "there are 1 predictions, but 2 names; pass one for each.",
        ),
        (
            [],
            [],
            "y_pred has shape (0,); pass one label for each of at least one sample.",
        ),
        (
            [["sad"]],
            ["s1"],
            "y_pred has shape (1, 1); pass one label for each of at least one sample.",
        ),
        (
            ["Sad", "Happy"],
            ["s1", "s2"],
            "2 of 2 predictions are no class of mine: 'Sad' (1), 'Happy' (1); its classes are "
            "happy, sad.",
        ),
        (
            ["sad"],
            ["s6"],
            "none of the 1 predictions is of a sample that has both a class and an answer in mine; "
            "predict others.",
        ),
    ],
)
def test_refusals(y_pred, names, message):
    with pytest.raises(ValueError) as caught:
        compare_to_zero_shot(y_pred, names, answers_to(TRUTH, THEIRS))
    assert str(caught.value) == message


def test_counts_have_no_names():
    with pytest.raises(ValueError) as caught:
        compare_to_zero_shot(["Sad"], ["1"], answers_from_counts("dfew"))
    assert str(caught.value) == (
        "the answers to DFEW are counts, which have no names; load its files with load_zero_shot."
    )


def test_some_predictions_of_no_class_are_wrong_and_warned_of():
    with pytest.warns(UserWarning) as caught:
        result = compare_to_zero_shot(["happy", "calm"], ["s0", "s1"], answers_to(TRUTH, THEIRS))
    assert str(caught[0].message) == (
        "1 of 2 predictions are no class of mine and count as wrong: 'calm' (1); its classes are "
        "happy, sad."
    )
    assert caught[0].filename == __file__
    assert result.scores["accuracy"]["ours"] == 0.5 and result.ours.tolist() == ["happy", ""]


@pytest.mark.parametrize(
    "y_pred",
    [
        [-0.5, 2, 0.1, -1],
        ["-0.5", "2", "0.1", "-1"],
        ["negative", "positive", "weakly positive", "neutral"],
        [False, True, True, False],
    ],
    ids=["numbers", "numbers in a file", "labels", "truth values"],
)
def test_intensities(y_pred):
    top = ["neutral", "positive", "positive", "weakly positive"]
    answers = answers_to([-1.0, 0.4, 0.0, -0.2], top, TASKS["sims"])
    result = compare_to_zero_shot(y_pred, ["s0", "s1", "s2", "s3"], answers)
    assert (result.n, result.n_neutral, result.metric) == (3, 1, "waf")
    assert result.scores["accuracy"]["ours"] == 1.0
    assert result.scores["accuracy"]["zero_shot"] == pytest.approx(2 / 3)
    own = ["negative", "positive", "positive", "neutral"]
    result = compare_to_zero_shot(y_pred, ["s0", "s1", "s2", "s3"], answers, y_true=own)
    assert (result.n, result.n_relabelled, result.names) == (3, 1, ["s0", "s1", "s2"])


def test_an_intensity_that_is_no_number():
    answers = answers_to([1.0, -1.0], ["positive", "positive"], TASKS["sims"])
    with pytest.raises(ValueError) as caught:
        compare_to_zero_shot([0.3, np.nan], ["s0", "s1"], answers)
    assert str(caught.value) == (
        "y_pred has a value that is no finite number; give each sample one."
    )


@pytest.mark.parametrize("y_pred", [["Awe", "Fear"], ["positive", "negative"]])
def test_emotions_or_their_sentiments(y_pred):
    answers = answers_to(["Content", "Sad"], ["Amusement", "Content"], TASKS["abstract"])
    result = compare_to_zero_shot(y_pred, ["s0", "s1"], answers)
    assert result.classes == ("negative", "positive")
    assert result.scores["accuracy"]["ours"] == 1.0
    assert result.scores["accuracy"]["zero_shot"] == 0.5


def test_both_spellings_of_mer2023():
    answers = answers_to(
        ["surprise", "surprise", "sad"], ["surprised", "sad", "sad"], TASKS["mer2023"]
    )
    result = compare_to_zero_shot(["surprise", "surprised", "sad"], ["s0", "s1", "s2"], answers)
    assert result.scores["accuracy"]["ours"] == 1.0
    assert result.scores["accuracy"]["zero_shot"] == pytest.approx(2 / 3)


def test_own_truth():
    answers = answers_to(TRUTH, THEIRS)
    result = compare_to_zero_shot(OURS, NAMES, answers, y_true=OURS)
    assert result.scores["accuracy"]["ours"] == 1.0 and result.n_relabelled == 2
    with pytest.raises(ValueError) as caught:
        compare_to_zero_shot(OURS, NAMES, answers, y_true=["joy"] * 8)
    assert str(caught.value) == (
        "y_true has 'joy', which is no class of mine; its classes are happy, sad."
    )
    with pytest.raises(ValueError) as caught:
        compare_to_zero_shot(OURS, NAMES, answers, y_true=["sad"])
    assert str(caught.value) == (
        "there are 8 predictions, but y_true has 1 labels; pass one for each."
    )


def test_gpt4v_on_the_clean_utterances_of_mosi():
    """127 utterances of the test videos; 7 of them are neutral, and positive in MOSI's labels."""
    answers = released("cmumosi")
    names, y_true = shared_samples(mosi_labels() / "label-test.csv", answers)
    assert len(names) == len(y_true) == 127 and set(y_true) == {"negative", "positive"}
    trained_on = shared_samples(mosi_labels() / "label-train.csv", answers)[0]
    assert len(trained_on) == 682 - 127 and not set(names) & set(trained_on)
    result = compare_to_zero_shot(y_true, names, answers, y_true=y_true)
    assert (result.n, result.n_relabelled, result.n_unanswered) == (127, 7, 0)
    score = result.scores["accuracy"]
    assert score["zero_shot"] == 101 / 127 and round(score["zero_shot"], 3) == 0.795
    assert (result.only_ours, result.only_zero_shot) == (26, 0)
    by_rule = compare_to_zero_shot(y_true, names, answers)
    assert (by_rule.n, by_rule.n_neutral) == (120, 7)
    assert by_rule.scores["accuracy"]["zero_shot"] == 100 / 120


def test_the_released_answers_against_themselves():
    """The answers to the pictures in colour against those to the same in grey."""
    colour, grey = released("rafdb", "rgb"), released("rafdb", "grey")
    top = {name: one[0] for name, one in zip(grey.names, grey.ranked, strict=True) if one}
    result = compare_to_zero_shot(list(top.values()), [f"{name}.jpg" for name in top], colour)
    assert (result.n, result.n_predictions, result.n_unanswered) == (3067, 3068, 1)
    assert result.scores["accuracy"]["zero_shot"] == 2325 / 3067
    assert result.strict["accuracy"]["ours"] == 2279 / 3068
    assert Counter((result.ours == result.zero_shot).tolist())[True] == 2490
    truth = result.y_true
    for system in ("ours", "zero_shot"):
        predicted = getattr(result, system)
        assert result.scores["waf"][system] == pytest.approx(
            f1_score(truth, predicted, average="weighted")
        )
        recalls = recall_score(truth, predicted, labels=result.classes, average=None)
        np.testing.assert_allclose([row[system] for row in result.per_class], recalls)


def test_shared_samples_of_a_file(tmp_path):
    answers = answers_to(TRUTH, THEIRS)
    file = tmp_path / "labels.csv"
    with open(file, "w", newline="") as opened:
        csv.writer(opened).writerows(
            [["name", "label"], ["s7.wav", "a"], ["s1.mp4", "b"], ["s6", "c"]]
        )
    names, y_true = shared_samples(file, answers, column="label")
    assert (names, y_true.tolist()) == (["s1.mp4"], ["b"])
    with pytest.raises(ValueError) as caught:
        shared_samples(file, replace(answers, ranked=[()] * 8), column="label")
    assert str(caught.value) == (
        f"none of the 3 samples of {file} was answered in mine; give a label file of the same "
        "dataset, with its names."
    )
    with pytest.raises(ValueError, match="has the columns name, label; expected name, discrete,"):
        shared_samples(file, answers)


def test_display_draws_the_numbers(by_hand):
    display = ZeroShotDisplay.from_comparison(by_hand, names=("LSTM-FCN", "GPT-4V")).plot()
    ax = display.ax_
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "accuracy, n = 7",
        "happy, n = 3",
        "sad, n = 4",
    ]
    drawn = {bars.get_label(): bars.lines[0].get_xdata() for bars in ax.containers}
    np.testing.assert_allclose(drawn["LSTM-FCN"], [5 / 7, 2 / 3, 3 / 4])
    np.testing.assert_allclose(drawn["GPT-4V"], [3 / 7, 2 / 3, 1 / 4])
    arms = ax.containers[0].lines[2][0].get_segments()
    low, high = by_hand.scores["accuracy"]["ours_interval"]
    np.testing.assert_allclose([arms[0][0, 0], arms[0][1, 0]], [low, high])
    assert list(ax.lines[-2].get_xdata()) == [4 / 7, 4 / 7]  # then the line below the first row
    assert ax.get_ylim() == (2.5, -0.5)
    assert "accuracy differs by +0.286" in ax.get_title(loc="left")
    assert "McNemar's exact p = 0.62" in ax.get_title(loc="left")
    plt.close(display.figure_)


def test_display_on_given_axes_and_of_another_metric(by_hand):
    figure, (left, right) = plt.subplots(1, 2)
    display = ZeroShotDisplay.from_comparison(by_hand, metric="waf").plot(right, legend=False)
    assert display.ax_ is right and display.figure_ is figure and not left.lines
    assert display.labels[0] == "weighted F1, n = 7" and right.get_legend() is None
    assert display.ours[0] == by_hand.scores["waf"]["ours"]
    plt.close(figure)
    with pytest.raises(ValueError) as caught:
        ZeroShotDisplay.from_comparison(by_hand, metric="f1")
    assert str(caught.value) == "metric='f1' is unknown; choose one of accuracy, uar, waf."


@pytest.mark.parametrize("n_rows, ours", [(1, [0.5, 0.5]), (0, [])])
def test_display_refuses_other_shapes(n_rows, ours):
    bounds = np.zeros((n_rows, 2))
    with pytest.raises(
        ValueError, match=r"^the values and intervals have shapes .*, none empty\.$"
    ):
        ZeroShotDisplay(["accuracy"] * n_rows, ours, [0.5] * n_rows, bounds, bounds)
