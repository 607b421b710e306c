"""Do the published zero-shot numbers come out, and does every option do what it says?"""

import csv
import functools
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from conftest import real_data
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from lstmfcn.zero_shot import (
    TASKS,
    ZeroShotAnswers,
    ZeroShotTask,
    answers_from_counts,
    load_run,
    load_zero_shot,
    read_zero_shot,
    score_zero_shot,
    zero_shot_baselines,
    zero_shot_remarks,
    zero_shot_table,
    zero_shot_task,
)
from lstmfcn.zero_shot.score.files import sample_name
from lstmfcn.zero_shot.score.scores import bootstrap, interval, measure

# dataset, variant, metric, published, right, scored, strict, 95 % interval of 500 draws of the
# answered samples (of clips with those out of the vocabulary; of MER2023 with labels aligned).
PUBLISHED = [
    ("ckplus", "", "accuracy", 69.72, 684, 981, 69.72, (67.1, 72.5)),
    ("sfew2", "", "accuracy", 57.24, 249, 435, 57.24, (52.6, 62.3)),
    ("rafdb", "rgb", "accuracy", 75.81, 2325, 3067, 75.78, (74.2, 77.3)),
    ("ferplus", "", "accuracy", 64.25, 2295, 3572, 64.23, (62.7, 65.8)),
    ("affectnet", "", "accuracy", 42.77, 1711, 4000, 42.77, (41.2, 44.3)),
    ("abstract", "", "accuracy", 71.81, 163, 227, 71.18, (66.1, 77.5)),
    ("artphoto", "", "accuracy", 80.40, 644, 801, 79.90, (77.3, 83.2)),
    ("twitter1", "five", "accuracy", 97.81, 849, 868, 96.26, (96.7, 98.7)),
    ("twitter1", "four", "accuracy", 94.63, 1040, 1099, 93.19, (93.3, 95.9)),
    ("twitter1", "three", "accuracy", 90.71, 1133, 1249, 89.28, (89.2, 92.3)),
    ("twitter2", "", "accuracy", 87.95, 518, 589, 85.90, (84.9, 90.5)),
    ("casme1", "", "accuracy", 36.93, 65, 176, 36.52, (29.3, 44.3)),
    ("casme2", "", "accuracy", 14.64, 35, 239, 14.64, (10.0, 18.8)),
    ("samm", "", "accuracy", 17.04, 23, 135, 17.04, (11.9, 23.7)),
    ("dfew", "", "accuracy", 43.80, 1021, 2331, 43.61, (41.6, 45.7)),
    ("dfew", "", "uar", 36.96, 1021, 2331, 36.76, None),
    ("ferv39k", "", "accuracy", 34.29, 2584, 7536, 32.93, (33.3, 35.4)),
    ("ferv39k", "", "uar", 24.92, 2584, 7536, 23.90, None),
    ("ravdess", "3", "accuracy", 34.31, 494, 1440, 34.31, (32.2, 36.7)),
    ("ravdess", "3", "uar", 36.98, 494, 1440, 36.98, None),
    ("enterface", "3", "accuracy", 33.28, 417, 1253, 32.40, (30.0, 34.7)),
    ("enterface", "3", "uar", 33.11, 417, 1253, 32.50, None),
    ("cmumosi", "multi", "waf", 80.43, 528, 652, 80.17, (77.5, 83.3)),
    ("sims", "multi", "waf", 81.24, 316, 385, 80.84, (76.7, 85.1)),
    ("mer2023", "multi", "accuracy", 63.50, 261, 411, 63.50, (60.3, 69.6)),
]
# dataset, variant, metric, per cent, right, scored: released without a published number.
UNPUBLISHED = [
    ("rafdb", "grey", "accuracy", 74.28, 2279, 3068),
    ("ravdess", "2", "accuracy", 22.29, 321, 1440),
    ("ravdess", "2", "uar", 25.33, 321, 1440),
    ("enterface", "2", "accuracy", 23.78, 254, 1068),
    ("enterface", "2", "uar", 24.06, 254, 1068),
    ("cmumosi", "text", "waf", 82.32, 541, 655),
    ("cmumosi", "text", "accuracy", 82.60, 541, 655),
    ("cmumosi", "video", "waf", 51.17, 366, 655),
    ("cmumosi", "video", "accuracy", 55.88, 366, 655),
    ("cmumosi", "multi", "accuracy", 80.98, 528, 652),
    ("sims", "text", "waf", 70.07, 276, 388),
    ("sims", "text", "accuracy", 71.13, 276, 388),
    ("sims", "video", "waf", 76.13, 299, 387),
    ("sims", "video", "accuracy", 77.26, 299, 387),
    ("mer2023", "text", "accuracy", 34.06, 140, 411),
    ("mer2023", "video", "accuracy", 45.50, 187, 411),
]
# variant, accuracy, right and weighted F1 with labels aligned.
MER2023_ALIGNED = [
    ("multi", 64.96, 267, 65.39),
    ("text", 34.55, 142, 34.57),
    ("video", 47.20, 194, 46.23),
]
# dataset, variant, metric, majority, random: on the answered samples.
BASELINES = [
    ("ckplus", "", "accuracy", 25.38, 14.29),
    ("sfew2", "", "accuracy", 19.77, 14.29),
    ("rafdb", "rgb", "accuracy", 38.64, 14.29),
    ("ferplus", "", "accuracy", 35.75, 12.50),
    ("affectnet", "", "accuracy", 12.50, 12.50),
    ("abstract", "", "accuracy", 61.23, 50.00),
    ("artphoto", "", "accuracy", 53.06, 50.00),
    ("twitter1", "five", "accuracy", 66.82, 50.00),
    ("twitter1", "four", "accuracy", 62.51, 50.00),
    ("twitter1", "three", "accuracy", 61.33, 50.00),
    ("twitter2", "", "accuracy", 78.61, 50.00),
    ("casme1", "", "accuracy", 40.34, 25.00),
    ("casme2", "", "accuracy", 40.17, 20.00),
    ("samm", "", "accuracy", 42.22, 20.00),
    ("dfew", "", "accuracy", 22.81, 14.29),
    ("dfew", "", "uar", 14.29, 14.29),
    ("ferv39k", "", "accuracy", 24.79, 14.29),
    ("ravdess", "3", "accuracy", 13.33, 12.50),
    ("ravdess", "3", "uar", 12.50, 12.50),
    ("enterface", "3", "accuracy", 16.71, 16.67),
    ("enterface", "3", "uar", 16.67, 16.67),
    ("cmumosi", "multi", "waf", 42.37, 50.3),
    ("sims", "multi", "waf", 50.47, 51.0),
    ("mer2023", "multi", "waf", 10.40, 18.0),
    ("mer2023", "multi", "accuracy", 25.55, 16.67),
]
MISSING = {
    ("abstract", ""): 2,
    ("artphoto", ""): 5,
    ("casme1", ""): 2,
    ("dfew", ""): 4,
    ("ferplus", ""): 1,
    ("ferv39k", ""): 309,
    ("rafdb", "rgb"): 1,
    ("twitter1", "five"): 14,
    ("twitter1", "four"): 17,
    ("twitter1", "three"): 20,
    ("twitter2", ""): 14,
    # Of intensities, those that are not zero.
    ("cmumosi", "multi"): 4,
    ("cmumosi", "text"): 1,
    ("cmumosi", "video"): 1,
    ("sims", "multi"): 3,
    ("sims", "video"): 1,
}
OUT_OF_VOCABULARY = {
    ("ckplus", ""): 4,
    ("affectnet", ""): 2,
    ("ferplus", ""): 1,
    ("rafdb", "rgb"): 1,
    ("samm", ""): 2,
    ("twitter1", "four"): 1,
    ("twitter1", "three"): 1,
    ("dfew", ""): 6,
    ("ferv39k", ""): 2,
    ("enterface", "3"): 34,
    ("enterface", "2"): 219,
}
FILES = [(task.name, variant) for task in TASKS.values() for variant in task.variants]
TO_TWO_DECIMALS = 0.005 + 1e-9


def released_root():
    folder = real_data()
    if folder is None or not (folder / "gpt4v").is_dir():
        pytest.skip("no released answers: set LSTMFCN_DATA to the folder that holds gpt4v/")
    return folder / "gpt4v"


@functools.cache
def counted(dataset, variant):
    return answers_from_counts(dataset, variant)


def released(dataset, variant=None):
    root = released_root()
    if not (root / dataset).is_dir():
        pytest.skip(f"{root} has no {dataset}: its counts and made-up files are tested instead")
    return load_zero_shot(root, dataset, variant)


@pytest.mark.parametrize("dataset, variant", FILES)
def test_counts_and_files_agree(dataset, variant):
    """Cell by cell: what is tested with the counts holds for the files."""
    of_counts, of_files = counted(dataset, variant), released(dataset, variant)
    for options in ({}, {"oov": "wrong", "missing": "wrong"}, {"align_labels": True}):
        expected = score_zero_shot(of_files, n_bootstrap=20, **options)
        found = score_zero_shot(of_counts, n_bootstrap=20, **options)
        np.testing.assert_array_equal(found.matrix, expected.matrix)
        assert found.n_missing == expected.n_missing
        assert found.n_out_of_vocabulary == expected.n_out_of_vocabulary


@pytest.mark.parametrize(
    "dataset, variant, metric, published, right, scored, strict, bounds", PUBLISHED
)
def test_every_published_number_comes_out(
    dataset, variant, metric, published, right, scored, strict, bounds
):
    answers = counted(dataset, variant)
    score = score_zero_shot(answers, n_bootstrap=20)
    assert abs(100 * getattr(score, metric) - published) <= TO_TWO_DECIMALS
    assert (score.n_correct, score.n) == (right, scored)
    assert TASKS[dataset].published[variant][metric] == published
    found = score_zero_shot(answers, oov="wrong", missing="wrong", n_bootstrap=20)
    assert abs(100 * getattr(found, metric) - strict) <= TO_TWO_DECIMALS
    assert found.n == score.n + score.n_missing + score.n_out_of_vocabulary * (
        TASKS[dataset].rule == "drop"
    )
    if bounds is not None:
        kept = score_zero_shot(answers, oov="wrong", align_labels=True)
        # A quantile of 500 draws is off by 0.03 of the interval on average (standard error).
        tolerance = 0.1 * (bounds[1] - bounds[0]) + 0.05
        np.testing.assert_allclose(100 * np.array(kept.interval[metric]), bounds, atol=tolerance)


@pytest.mark.parametrize("dataset, variant, metric, expected, right, scored", UNPUBLISHED)
def test_other_released_files(dataset, variant, metric, expected, right, scored):
    score = score_zero_shot(counted(dataset, variant), n_bootstrap=20)
    assert abs(100 * getattr(score, metric) - expected) <= TO_TWO_DECIMALS
    assert (score.n_correct, score.n) == (right, scored)


@pytest.mark.parametrize("variant, accuracy, right, waf", MER2023_ALIGNED)
def test_the_spelling_of_mer2023(variant, accuracy, right, waf):
    answers = counted("mer2023", variant)
    aligned = score_zero_shot(answers, align_labels=True, n_bootstrap=20)
    assert abs(100 * aligned.accuracy - accuracy) <= TO_TWO_DECIMALS
    assert abs(100 * aligned.waf - waf) <= TO_TWO_DECIMALS
    assert aligned.n_correct == right
    raw = score_zero_shot(answers, n_bootstrap=20)
    assert raw.classes == (*aligned.classes, "surprise")
    assert raw.matrix[-1].sum() == 18 and raw.matrix[-1, -2] == 0
    if variant == "multi":
        assert abs(100 * aligned.uar - 60.77) <= TO_TWO_DECIMALS


@pytest.mark.parametrize("dataset, variant", FILES)
def test_what_is_missing_and_out_of_the_vocabulary(dataset, variant):
    score = score_zero_shot(counted(dataset, variant), n_bootstrap=20)
    assert score.n_missing == MISSING.get((dataset, variant), 0)
    assert score.n_out_of_vocabulary == OUT_OF_VOCABULARY.get((dataset, variant), 0)


@pytest.mark.parametrize("dataset, variant, metric, majority, random", BASELINES)
def test_baselines(dataset, variant, metric, majority, random):
    found = zero_shot_baselines(counted(dataset, variant))
    assert abs(100 * found["majority"][metric] - majority) <= TO_TWO_DECIMALS
    tolerance = 0.5 if metric == "waf" else TO_TWO_DECIMALS  # theirs were drawn a few times
    assert abs(100 * found["random"][metric] - random) <= tolerance


def test_expected_f1_of_guessing_is_the_mean_of_guesses():
    counts = np.array([57, 93, 88, 105, 18, 50])
    generator = np.random.RandomState(0)
    guesses = [generator.multinomial(n, [1 / 6] * 6, size=4000) for n in counts]
    matrices = np.stack([np.pad(one, ((0, 0), (0, 1))) for one in guesses], axis=1)
    found = zero_shot_baselines(answers_from_counts("mer2023"))["random"]
    drawn = measure(matrices)
    for metric, value in found.items():
        standard_error = drawn[metric].std() / np.sqrt(4000)
        assert value == pytest.approx(drawn[metric].mean(), abs=4 * standard_error)


def test_baselines_over_all_samples():
    answers = answers_from_counts("twitter2")
    found = zero_shot_baselines(answers, missing="wrong")
    assert found["majority"]["accuracy"] == pytest.approx(470 / 603)


@pytest.mark.parametrize(
    "dataset, war, uar",
    [("dfew", 43.77, 37.00), ("ferv39k", 34.29, 24.93)],
)
def test_next_answer_within_the_vocabulary(dataset, war, uar):
    score = score_zero_shot(released(dataset), oov="next", n_bootstrap=20)
    assert abs(100 * score.accuracy - war) <= TO_TWO_DECIMALS
    assert abs(100 * score.uar - uar) <= TO_TWO_DECIMALS
    assert score.matrix[:, -1].sum() == 0


@pytest.mark.parametrize(
    "dataset, oov, metric, expected",
    [
        ("ckplus", "drop", "accuracy", 70.01),
        ("samm", "drop", "accuracy", 17.29),
        ("affectnet", "drop", "accuracy", 42.80),
        ("dfew", "wrong", "accuracy", 43.69),
        ("dfew", "wrong", "uar", 36.84),
        ("enterface", "wrong", "accuracy", 32.40),
        ("enterface", "wrong", "uar", 32.50),
    ],
)
def test_other_options_give_what_was_not_published(dataset, oov, metric, expected):
    score = score_zero_shot(counted(dataset, None), oov=oov, n_bootstrap=20)
    assert abs(100 * getattr(score, metric) - expected) <= TO_TWO_DECIMALS


def test_emotions_without_their_sentiment():
    answers = released("abstract")
    task = replace(answers.task, sentiments={})
    score = score_zero_shot(replace(answers, task=task))
    assert (score.n_correct, score.n, len(score.classes)) == (72, 227, 8)


def test_metrics_are_scikit_learns():
    answers = released("ferv39k")
    score = score_zero_shot(answers, oov="wrong")
    answered = [bool(answer) for answer in answers.ranked]
    truth = answers.y_true[answered]
    top = np.array([answer[0] for answer in answers.ranked if answer])
    assert score.accuracy == pytest.approx(accuracy_score(truth, top))
    assert score.waf == pytest.approx(f1_score(truth, top, average="weighted"))
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert score.uar == pytest.approx(balanced_accuracy_score(truth, top))


def small(rule="keep", **kwargs):
    """Return answers to five samples: right, wrong, not in the vocabulary twice, none."""
    return ZeroShotAnswers(
        ZeroShotTask("mine", ("happy", "sad"), rule=rule, **kwargs),
        "",
        list("abcde"),
        np.array(["happy", "happy", "sad", "sad", "sad"]),
        [("happy", "sad"), ("sad",), ("bored", "sad"), ("bored", "tired"), ()],
    )


@pytest.mark.parametrize(
    "rule, options, right, scored",
    [
        ("keep", {}, 1, 4),
        ("drop", {}, 1, 2),
        ("exact", {}, 1, 4),
        ("drop", {"oov": "wrong"}, 1, 4),
        ("keep", {"oov": "drop"}, 1, 2),
        ("keep", {"oov": "next"}, 2, 4),
        ("keep", {"missing": "wrong"}, 1, 5),
        ("drop", {"missing": "wrong"}, 1, 3),
        ("drop", {"oov": "wrong", "missing": "wrong"}, 1, 5),
    ],
)
def test_options_by_hand(rule, options, right, scored):
    score = score_zero_shot(small(rule), **options)
    assert (score.n_correct, score.n) == (right, scored)
    assert (score.n_missing, score.n_out_of_vocabulary) == (1, 2)


def test_polarity_by_hand():
    """Zero is left out; every answer without "positive" is negative, also out of vocabulary."""
    answers = ZeroShotAnswers(
        TASKS["cmumosi"],
        "multi",
        list("abcdef"),
        np.array([-1.0, 0.2, 0.0, 3.0, -0.2, -2.0]),
        [("neutral",), ("weakly positive",), ("positive",), ("weak",), ("positive",), ()],
    )
    score = score_zero_shot(answers)
    assert score.matrix.tolist() == [[1, 1, 0], [1, 1, 0]] and score.n_missing == 1
    strict = score_zero_shot(answers, oov="wrong", missing="wrong")
    assert strict.matrix.tolist() == [[1, 1, 1], [0, 1, 1]]
    # F1 of negative: 2 of 3 + 1 given; of positive: 2 of 2 + 2 given.
    assert strict.waf == pytest.approx((3 * 2 / 4 + 2 * 2 / 4) / 5)


def test_uar_is_over_the_classes_that_have_samples():
    found = measure(np.array([[4, 0, 0, 0], [1, 1, 0, 2], [0, 0, 0, 0]]))
    assert float(found["uar"]) == (1 + 1 / 4) / 2


def test_bootstrap_has_the_known_answer():
    """The number of right answers in a draw is binomial, so its quantiles are known."""
    score = score_zero_shot(answers_from_counts("sfew2"), n_bootstrap=20000)
    right, n = 249, 435
    expected = scipy.stats.binom.ppf([0.025, 0.975], n, right / n) / n
    np.testing.assert_allclose(score.interval["accuracy"], expected, atol=1.01 / n)
    always = bootstrap([[7, 0, 0], [0, 5, 0]], 50)
    assert interval(measure(always)["accuracy"]) == (1.0, 1.0)
    assert Counter(always.sum(axis=(1, 2)).tolist()) == {12: 50}


def test_bootstrap_equals_drawing_the_samples():
    """Counts drawn at once have the spread of samples drawn one by one and counted."""
    generator = np.random.RandomState(1)
    cells = np.repeat([0, 1, 3, 4], [40, 10, 5, 45])  # of a matrix of 2 x 3
    drawn = cells[generator.randint(len(cells), size=(4000, len(cells)))]
    counts = np.stack([(drawn == cell).sum(axis=1) for cell in range(6)], axis=1)
    one_by_one = measure(counts.reshape(-1, 2, 3))
    at_once = measure(bootstrap(np.array([[40, 10, 0], [5, 45, 0]]), 4000, 2))
    for metric, values in one_by_one.items():
        assert at_once[metric].mean() == pytest.approx(values.mean(), abs=2e-3)
        assert at_once[metric].std() == pytest.approx(values.std(), rel=0.06)


def test_a_seed_repeats():
    answers = answers_from_counts("casme1")
    once, again, other = (
        score_zero_shot(answers, random_state=seed).interval for seed in (3, 3, 4)
    )
    assert once == again != other


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"oov": "keep"},
            "oov='keep' is unknown; choose one of 'published', 'wrong', 'drop', 'next'.",
        ),
        ({"missing": "drop"}, "missing='drop' is unknown; choose one of 'exclude', 'wrong'."),
        ({"n_bootstrap": 0}, "n_bootstrap=0 must be a whole number of at least 1."),
    ],
)
def test_unknown_options(options, message):
    with pytest.raises(ValueError) as caught:
        score_zero_shot(small(), **options)
    assert str(caught.value) == message


def test_unknown_option_of_the_baselines():
    with pytest.raises(ValueError, match=r"^missing='all' is unknown; choose one of 'exclude'"):
        zero_shot_baselines(small(), missing="all")


def test_nothing_left_to_score():
    answers = replace(small(), ranked=[()] * 5)
    with pytest.raises(ValueError) as caught:
        score_zero_shot(answers)
    assert str(caught.value) == (
        "none of 5 samples of mine is left to score; give answers, or choose missing='wrong'."
    )
    assert score_zero_shot(answers, missing="wrong").accuracy == 0.0
    with pytest.raises(ValueError) as caught:
        zero_shot_baselines(answers)
    assert str(caught.value).startswith("none of 5 samples of mine is left to score; ")


def write(path, rows, head="name,gt,gpt4v"):
    path.parent.mkdir(exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head.split(","))
        writer.writerows(rows)


def write_as_released(root, dataset, variant, ending):
    """Write files with made-up names that count as the released ones do.

    The label file has endings of media, the answers have not and are shuffled; lists are of
    several labels, some cut short, some with labels out of the vocabulary.
    """
    answers = answers_from_counts(dataset, variant)
    task = answers.task
    tails = [",".join(task.vocabulary), ",".join([*task.vocabulary[:3], "exc"]), "hope,"]
    labels, answered = [], []
    emotions = {"positive": "awe", "negative": "sad"}
    for i, (truth, answer) in enumerate(zip(answers.y_true, answers.ranked, strict=True)):
        labels.append([f"sample_{i:04}{ending}", emotions.get(truth, truth), ""])
        if answer:
            answered.append([f"sample_{i:04}", truth, f"{answer[0]},{tails[i % 3]}"])
    np.random.RandomState(0).shuffle(answered)
    file, label_file = task.files(variant)
    write(root / dataset / label_file, labels)
    write(root / dataset / file, answered)


def test_three_datasets_in_the_format_of_the_released_ones(tmp_path):
    write_as_released(tmp_path, "artphoto", "", ".jpg")
    write_as_released(tmp_path, "samm", "", ".JPG")
    write_as_released(tmp_path, "enterface", "3", ".avi")
    write_as_released(tmp_path, "enterface", "2", ".avi")
    rows = zero_shot_table(tmp_path, n_bootstrap=20)
    counted = zero_shot_table(n_bootstrap=20)
    found = {(row["dataset"], row["variant"]) for row in rows if row["source"] == "csv"}
    assert found == {("ArtPhoto", ""), ("SAMM", ""), ("eNTERFACE05", "2"), ("eNTERFACE05", "3")}
    assert [{**row, "source": "counts"} for row in rows] == counted
    score = score_zero_shot(load_zero_shot(tmp_path, "enterface"), oov="next")
    ranked = answers_from_counts("enterface").ranked  # every third made-up list has no other label
    nowhere = sum(one == ("(out of vocabulary)",) for one in ranked[2::3])
    assert score.n == 1287 and score.matrix[:, -1].sum() == nowhere == 11


@pytest.mark.parametrize(
    "name, expected",
    [
        ("10/77e3184d.JPG", "77e3184d"),
        ("folder\\clip.avi", "clip"),
        ("EP05_2-47", "EP05_2-47"),
        ("a.b.mp4", "a.b"),
        ("a.jpg.jpg", "a.jpg"),
        ("notes.txt", "notes.txt"),
        (2436, "2436"),
    ],
)
def test_names_are_without_folder_and_ending(name, expected):
    assert sample_name(name) == expected


def test_names_of_datasets_and_variants(tmp_path):
    for name in ("CMU-MOSI", "cmu-mosi", "cmumosi", "CMUMOSI"):
        assert zero_shot_task(name) is TASKS["cmumosi"]
    assert zero_shot_task("CK+") is TASKS["ckplus"]
    assert zero_shot_task("fer2013") is TASKS["ferplus"]
    assert zero_shot_task("casme") is TASKS["casme1"]
    assert zero_shot_task("CASME II") is TASKS["casme2"]
    for text in ("multi", "-multi", "label-gpt4v-multi", "label-gpt4v-multi.csv", None):
        assert TASKS["sims"].variant(text) == "multi"
    assert TASKS["twitter1"].variant("label-five-gpt4v.csv") == "five"
    assert TASKS["dfew"].variant("label-gpt4v") == TASKS["dfew"].variant(None) == ""
    with pytest.raises(ValueError) as caught:
        TASKS["twitter1"].variant(None)
    assert str(caught.value) == ("twitter1 has several variants; choose one of five, four, three.")
    with pytest.raises(ValueError) as caught:
        TASKS["sims"].variant("audio")
    assert str(caught.value) == (
        "variant='audio' of sims is unknown; choose of: multi, text, video."
    )
    with pytest.raises(ValueError) as caught:
        TASKS["dfew"].variant("2")
    assert str(caught.value) == "variant='2' of dfew is unknown; choose of: none, leave it out."
    with pytest.raises(ValueError, match=r"^dataset='emodb' is unknown; choose one of ckplus, sf"):
        load_zero_shot(tmp_path, "emodb")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ("mine", ("a", "b"), "", "best"),
            "rule='best' is unknown; choose one of 'keep', ",
        ),
        (("mine", ("a", "a")), "vocabulary=('a', 'a') is not a list of at least two different"),
        (("mine", ("a",)), "vocabulary=('a',) is not a list of at least two different labels; "),
        (("mine", "happy"), "vocabulary='happy' is not a list of at least two different labels"),
    ],
)
def test_a_task_of_ones_own_is_checked(arguments, message):
    with pytest.raises(ValueError) as caught:
        ZeroShotTask(*arguments)
    assert message in str(caught.value)


def test_a_dataset_of_ones_own(tmp_path):
    """A runner's output: another folder, a variant of any name."""
    write(tmp_path / "mine" / "label.csv", [["a", "happy", ""], ["b", "sad", ""]])
    write(tmp_path / "mine" / "label-gpt4v-small.csv", [["b", "sad", "sad,happy"]])
    answers = load_zero_shot(tmp_path, "mine")
    assert answers.task.vocabulary == ("happy", "sad") and answers.variant == "small"
    assert score_zero_shot(answers, missing="wrong").accuracy == 0.5
    task = ZeroShotTask("mine", ("happy", "sad", "bored"), variants=("small",))
    assert len(load_zero_shot(tmp_path, "mine", task=task).task.classes()) == 3


def test_a_dataset_of_ones_own_without_its_files(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        load_zero_shot(tmp_path, "mine")
    assert str(caught.value) == (
        f"there is no file {tmp_path / 'mine' / 'label.csv'}; give a table with the columns name, "
        "gt."
    )
    write(tmp_path / "mine" / "label.csv", [["a", "happy", ""], ["b", "sad", ""]])
    for variant in ("small", "large"):
        write(tmp_path / "mine" / f"label-gpt4v-{variant}.csv", [["b", "sad", "sad"]])
    with pytest.raises(ValueError) as caught:
        load_zero_shot(tmp_path, "mine")
    assert str(caught.value) == "mine has several variants; choose one of large, small."


@pytest.mark.parametrize("load", [load_run, lambda folder: load_zero_shot(*folder)])
def test_a_sample_without_a_true_label_is_refused(tmp_path, load):
    rows = [["a", "happy", ""], ["b", "sad", ""], ["c", "", ""]]
    for file in ("label.csv", "label-gpt4v.csv"):
        write(tmp_path / "mine" / file, rows)
    with pytest.raises(ValueError, match=r"the gt of 'c' is ''; expected one of happy, sad\.$"):
        load(tmp_path / "mine" if load is load_run else (tmp_path, "mine"))


def test_a_true_label_out_of_the_vocabulary(tmp_path):
    write(tmp_path / "label.csv", [["a", "joy", ""]])
    with pytest.raises(ValueError) as caught:
        read_zero_shot(tmp_path / "label.csv", None, ZeroShotTask("mine", ("happy", "sad")))
    assert str(caught.value) == (
        f"{tmp_path / 'label.csv'}: the gt of 'a' is 'joy'; expected one of happy, sad."
    )


def test_odd_but_readable_files(tmp_path):
    """Marks of order, other line ends, other columns, blank lines, gaps in lists, empty answers."""
    file = tmp_path / "answers.csv"
    file.write_bytes(
        b'\xef\xbb\xbfgpt4v,name,gt,seconds\r\n" sad ,,happy,",a.png,happy,1\r\n\r\n'
        b',b.png,sad,2\r\nI cannot tell.,"c\xe2\x80\xa8.png",sad,3'
    )
    answers = read_zero_shot(file, None, ZeroShotTask("mine", ("happy", "sad")))
    assert answers.ranked == [("sad", "happy"), (), ("I cannot tell.",)]
    assert answers.missing == ["b"] and answers.out_of_vocabulary == ["c\u2028"]


GOOD_LABELS = "name,gt,gpt4v\n1.jpg,positive,\n2.jpg,negative,\n"
GOOD_ANSWERS = 'name,gt,gpt4v\n1,positive,"positive,negative"\n'


@pytest.mark.parametrize(
    "labels, answers, message",
    [
        (
            GOOD_LABELS,
            "name,truth,gpt4v\n1,positive,positive\n",
            "ANSWERS has the columns name, truth, gpt4v; expected name, gt, gpt4v, each once.",
        ),
        ("", GOOD_ANSWERS, "LABELS has the columns (none); expected name, gt, each once."),
        (
            "name,gt,gt\n1,positive,positive\n",
            GOOD_ANSWERS,
            "LABELS has the columns name, gt, gt; expected name, gt, each once.",
        ),
        (
            "name,gt,gpt4v\n",
            GOOD_ANSWERS,
            "LABELS: there are no samples; give at least one.",
        ),
        (
            GOOD_LABELS + "x/1.png,positive,\n",
            GOOD_ANSWERS,
            "LABELS: '1' is there twice ('1.jpg' and 'x/1.png'); give every sample a name of its "
            "own.",
        ),
        (
            GOOD_LABELS,
            "name,gt,gpt4v\n1,positive,positive,negative\n",
            "ANSWERS: row 1 has 4 cells under 3 columns; put cells that hold commas in quotes.",
        ),
        (
            GOOD_LABELS,
            "name,gt,gpt4v\n1,positive,positive\n.jpg,positive,positive\n",
            "ANSWERS: a sample has the name '.jpg'; name every sample.",
        ),
        (
            GOOD_LABELS,
            GOOD_ANSWERS + "3,positive,positive\n",
            "ANSWERS: '3' is not in LABELS; give the label file of the same dataset and variant.",
        ),
        (
            GOOD_LABELS,
            "name,gt,gpt4v\n1,negative,positive\n",
            "ANSWERS says that '1' is negative, and LABELS that it is positive; give files of the "
            "same release.",
        ),
        (
            GOOD_LABELS.replace("positive", "Positive"),
            GOOD_ANSWERS,
            "LABELS: the gt of '1.jpg' is 'Positive'; expected one of positive, negative.",
        ),
        (
            GOOD_LABELS.replace("positive", ""),
            GOOD_ANSWERS,
            "LABELS: the gt of '1.jpg' is ''; expected one of positive, negative.",
        ),
    ],
)
def test_hostile_files(tmp_path, labels, answers, message):
    write(tmp_path / "twitter2" / "label.csv", [])
    files = tmp_path / "twitter2" / "label.csv", tmp_path / "twitter2" / "label-gpt4v.csv"
    for file, text in zip(files, (labels, answers), strict=True):
        file.write_text(text)
    with pytest.raises(ValueError) as caught:
        load_zero_shot(tmp_path, "twitter2")
    expected = message.replace("LABELS", str(files[0])).replace("ANSWERS", str(files[1]))
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    "content, says",
    [
        (
            GOOD_ANSWERS.encode("utf-16"),
            "is not a text file (byte 0 is not UTF-8); expected numbers and labels as UTF-8 text, "
            "which a spreadsheet calls 'CSV UTF-8'.",
        ),
        (
            'name,gt,gpt4v\n1,positive,"schön"\n'.encode("latin-1"),
            "is not a text file (byte 29 is not UTF-8); expected numbers and labels as UTF-8 text, "
            "which a spreadsheet calls 'CSV UTF-8'.",
        ),
        (
            b'name,gt,gpt4v\n1,positive,"' + b"positive," * 20000 + b'"\n',
            "line 2 has a cell of more than 131,072 characters; expected values separated by "
            "commas; a quote may not be closed.",
        ),
    ],
    ids=["UTF-16", "Latin-1", "endless cell"],
)
def test_what_is_no_csv_file_in_utf8(tmp_path, content, says):
    file = tmp_path / "answers.csv"
    file.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_zero_shot(file, None, TASKS["twitter2"])
    assert str(caught.value) == f"{file} {says}"


@pytest.mark.parametrize("cell", ["positive", "", "nan", "inf"])
def test_an_intensity_is_a_number(tmp_path, cell):
    file = tmp_path / "answers.csv"
    write(file, [["a", cell, "positive"]])
    with pytest.raises(ValueError) as caught:
        read_zero_shot(file, None, TASKS["sims"])
    assert str(caught.value) == (
        f"{file}: the gt of 'a' is no number, but CH-SIMS has intensities; give the label as a "
        "number such as -1.6."
    )


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        load_zero_shot(tmp_path / "nowhere", "sims")
    assert str(caught.value) == (
        f"{tmp_path / 'nowhere'} is no folder; give the one that holds a folder for each dataset."
    )
    with pytest.raises(FileNotFoundError) as caught:
        load_zero_shot(tmp_path, "sims")
    assert str(caught.value) == (
        f"there is no file {tmp_path / 'sims' / 'label-gpt4v-multi.csv'}; give a table with the "
        "columns name, gt, gpt4v."
    )
    with pytest.raises(
        ValueError, match=r"has none of the folders ckplus, sfew2, .*; give the fol"
    ):
        zero_shot_table(tmp_path)


def test_the_whole_table_of_the_released_files():
    rows = zero_shot_table(released_root())
    assert len(rows) == 36
    assert sum(row["published"] is not None for row in rows) == len(PUBLISHED) == 25
    assert all(row["agrees"] for row in rows if row["published"] is not None)
    assert all(row["low"] < row["recomputed"] < row["high"] for row in rows)


def test_remarks_say_who_is_flattered():
    flattered, wronged, below = zero_shot_remarks(zero_shot_table(n_bootstrap=20))
    assert (
        "FERV39k: accuracy 34.29 leaves out 309 without an answer and 2 answered out of the "
        "vocabulary; counted as wrong, they make it 32.93" in flattered
    )
    assert (
        "CMU-MOSI multi: waf 80.43 leaves out 4 without an answer; counted as wrong, they make it "
        "80.17" in flattered
    )
    # Those without an answer; eNTERFACE05 by UAR as by accuracy, and so DFEW and FERV39k.
    assert len(flattered) == len(MISSING) + 2 + 2 * 2
    assert [remark.split(":")[0] for remark in wronged] == [
        "MER2023 multi",
        "MER2023 text",
        "MER2023 video",
    ]
    assert [remark.split(":")[0] for remark in below] == ["CASME", "CASME II", "SAMM"]


def test_importing_leaves_keras_and_matplotlib_out():
    code = (
        "import sys, lstmfcn.zero_shot.ask.runner, lstmfcn.zero_shot.score.table, "
        "lstmfcn.plots.zero_shot; "
        "print(sorted({'keras', 'tensorflow', 'matplotlib', 'sktime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
