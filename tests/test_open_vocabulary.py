"""Are the published MER-OV scores reproduced, and do classifiers' answers become label sets?"""

import io
import math
import os
import pickle
import zipfile

import numpy as np
import pytest
from conftest import real_data

from lstmfcn.emotion import (
    calibrate_label_sets,
    label_sets,
    open_vocabulary_scores,
    read_label_sets,
)

PUBLISHED = (0.581777108433735, 0.4977911646586345, 0.5397841365461847)


def triple(scores):
    return scores.accuracy, scores.recall, scores.average


def close(scores, expected, atol=1e-12):
    return triple(scores) == pytest.approx(expected, rel=0, abs=atol)


def message(call, *args, error=ValueError, **kwargs):
    """Return the whole sentence that a call raises."""
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    assert type(raised.value) is error
    return str(raised.value)


def npy(value, allow_pickle=False):
    file = io.BytesIO()
    np.save(file, value, allow_pickle=allow_pickle)
    return file.getvalue()


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("openset-synonym/", b"")
        for name, data in members.items():
            archive.writestr(f"openset-synonym/{name}.npy", data)
    return file.getvalue()


# The published numbers


@pytest.fixture(scope="module")
def released():
    root = real_data()
    if root is None or not (root / "mer-ov").is_dir():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds mer-ov/")
    folder = root / "mer-ov"
    return tuple(
        folder / name
        for name in ("check-openset.csv", "predict-openset.csv", "openset-synonym.zip")
    )


def test_the_published_scores(released):
    scores = open_vocabulary_scores(*released)
    assert close(scores, PUBLISHED)
    assert len(scores.samples) == 332
    assert sum(sample.accuracy == sample.recall == 0 for sample in scores.samples) == 88
    assert sum(sample.accuracy == sample.recall == 1 for sample in scores.samples) == 63
    found = {sample.name.removeprefix("sample_"): sample for sample in scores.samples}
    assert found["00000000"].ground_truth == {
        "complaining", "joyful", "pleasurable", "self-deprecating",
    }  # fmt: skip
    assert found["00000000"].predictions == {"complaining"}
    for name, expected in {
        "00000000": (1, 0.25), "00000007": (1, 1), "00000021": (0, 0), "00000033": (0, 0),
        "00000906": (0, 0), "00001774": (1, 1),
    }.items():  # fmt: skip
        assert (found[name].accuracy, found[name].recall) == expected
    assert found["00000906"].predictions == frozenset()


def test_the_other_readings_differ_as_they_should(released):
    truth, predicted, groups = released
    literal = open_vocabulary_scores(truth, predicted, groups, tokenizer="literal")
    assert close(literal, (0.5802710843, 0.4962851406, 0.5382781125), 1e-10)
    exact = open_vocabulary_scores(truth, predicted)
    assert close(exact, (0.2541666667, 0.1756573915, 0.2149120291), 1e-10)
    answered = {name: words for name, words in read_label_sets(predicted).items() if words}
    truths = read_label_sets(truth)
    assert len(answered) == 327
    kept = open_vocabulary_scores({name: truths[name] for name in answered}, answered, groups)
    assert close(kept, (0.5906727829, 0.5054026504, 0.5480377167), 1e-10)
    samples = open_vocabulary_scores(truth, predicted, groups).samples
    n_both = sum(len(sample.ground_truth & sample.predictions) for sample in samples)
    micro = [n_both / sum(len(getattr(sample, side)) for sample in samples)
             for side in ("predictions", "ground_truth")]  # fmt: skip
    assert micro == pytest.approx([0.5471014493, 0.4555052790], abs=1e-10)


def test_the_groups_may_come_in_any_form(released, tmp_path):
    truth, predicted, archive = released
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    answers = {
        path.stem: str(np.load(path)) for path in (tmp_path / "openset-synonym").glob("*.npy")
    }
    assert len(answers) == 332
    asked = []

    def ask(name, words):
        asked.append((name, words))
        return answers[name]

    for groups in (str(archive), tmp_path / "openset-synonym", answers, ask):
        assert close(open_vocabulary_scores(truth, predicted, groups), PUBLISHED)
    assert len(asked) == 332 and all(words == sorted(set(words)) for _, words in asked)
    lists = {name: read_label_sets(truth)[name] for name in answers}
    assert close(open_vocabulary_scores(lists, read_label_sets(predicted), answers), PUBLISHED)


def test_the_words_of_the_files_are_counted_as_in_the_specification(released):
    truth = read_label_sets(released[0], tokenizer="literal")
    sizes = [len(words) for words in truth.values()]
    assert (min(sizes), max(sizes), round(np.mean(sizes), 2)) == (1, 9, 3.38)
    assert len({word for words in truth.values() for word in words}) == 248
    predicted = read_label_sets(released[1], tokenizer="literal")
    assert sorted(name for name, words in predicted.items() if not words) == [
        f"sample_{i:08d}" for i in (258, 906, 1203, 1629, 2348)
    ]


# By hand


def test_a_case_by_hand():
    truth = {"a": ["Happy", "joyful", "calm"], "b": ["sad", "angry"], "c": ["neutral"]}
    predicted = {"a": ["cheerful", "worried"], "b": ["furious", "ANGRY"], "c": [], "extra": ["x"]}
    groups = [["happy", "joyful", "Cheerful"], ["angry", "furious"]]
    scores = open_vocabulary_scores(truth, predicted, groups)
    a, b, c = scores.samples
    assert a.ground_truth == {"happy", "calm"} and a.predictions == {"happy", "worried"}
    assert (a.accuracy, a.recall) == (0.5, 0.5)
    # Two synonyms that were both predicted count once.
    assert b.predictions == {"angry"} and (b.accuracy, b.recall) == (1, 0.5)
    assert (c.accuracy, c.recall) == (0, 0)
    assert triple(scores) == (0.5, pytest.approx(1 / 3), pytest.approx(5 / 12))


def test_corner_cases_by_hand():
    def score(truth, predicted, groups=None):
        return triple(open_vocabulary_scores({"a": truth}, {"a": predicted}, groups))

    assert score([], ["sad"]) == score([], []) == score(["sad"], []) == (0, 0, 0)
    assert score(["sad", "sad"], ["sad"]) == (1, 1, 1)
    # The last group that holds a word has it, and first words are not looked up again.
    assert score(["b"], ["c"], [["a", "b"], ["c", "b"]]) == (1, 1, 1)
    assert score(["a"], ["b"], [["a", "b"], ["c", "b"]]) == (0, 0, 0)
    assert score(["a"], ["c"], [["b", "a"], ["c", "b"]]) == (0, 0, 0)
    assert score(["a"], ["b"], [[], ["a", "b"]]) == (1, 1, 1)
    assert score(["a"], ["b"], {"a": "[['a','b'],['c']]"}) == (1, 1, 1)
    assert score(["a"], ["b"], {"a": []}) == (0, 0, 0)
    assert score(["a"], ["b"], [{"a", "b"}]) == (1, 1, 1)
    # Spaces within quotation marks are part of a word.
    assert score("[' a']", "['a']") == (0, 0, 0)


@pytest.mark.parametrize(
    "text, mertools, literal",
    [
        ("['happy', 'very sad']", ["happy", "very sad"], ["happy", "very sad"]),
        ('["don\'t believe", "doubt"]', ["don", "t believe", "doubt"], ["don't believe", "doubt"]),
        ("[]", [], []),
        ("", [], []),
        (None, [], []),
        (math.nan, [], []),
        ("answer: ['a'] and ['b']", ["a"], None),
        ("['a', 'b'", ["a", "b"], None),
        ("happy, sad", ["happy", "sad"], None),
        ("['a', 3]", ["a", ", 3"], None),
        ("__import__('os').getcwd()", ["__import__('os').getcwd()"], None),
        ("[" * 100_000, None, None),
    ],
)
def test_tokenizers(text, mertools, literal):
    for tokenizer, expected in (("mertools", mertools), ("literal", literal)):
        if expected is None and tokenizer == "literal":
            assert "is no list of words; expected a text such as" in message(
                read_label_sets, {"a": text}, tokenizer=tokenizer
            )
        elif expected is not None:
            assert read_label_sets({"a": text}, tokenizer=tokenizer) == {"a": expected}


def test_the_order_of_the_clips_does_not_matter():
    generator = np.random.RandomState(0)
    words = list("abcdefgh")
    truth = {f"clip {i}": generator.choice(words, 3).tolist() for i in range(300)}
    predicted = {name: generator.choice(words, 2).tolist() for name in truth}
    shuffled = {name: truth[name] for name in generator.permutation(list(truth))}
    assert triple(open_vocabulary_scores(truth, predicted)) == triple(
        open_vocabulary_scores(shuffled, predicted)
    )


# Sentences


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "x.csv has no column 'name', 'file' or 'filename' and no column 'openset' in its "
             "first line, which is empty."),
        ("name,labels\na,[]\n", "x.csv has no column 'openset' in its first line, which is name, "
                                "labels."),
        (
            'name,openset\na,"[\'b\']"\na,[]\n,[]\nb\n',
            "x.csv cannot be used as it is; correct or remove:\n"
            "  line 5: 1 columns; the header has 2\n  line 3: the name 'a' is in line 2 already\n"
            "  line 4: the name '' is empty",
        ),
    ],
)  # fmt: skip
def test_sentences_about_csv(write, text, sentence):
    assert message(read_label_sets, write("x.csv", text)) == sentence


def test_sentences_about_clips_and_groups(write, tmp_path):
    truth, predicted = {"a": ["x"], "b": ["y"], "c": ["z"]}, {"a": ["x"], "b": []}
    assert message(open_vocabulary_scores, truth, predicted) == (
        "there is no prediction for c; give every clip one, an empty list if there are no words."
    )
    predicted["c"] = []
    assert message(open_vocabulary_scores, truth, predicted, {"b": []}) == (
        "there is no group of synonyms for a, c; add them, an empty list where no words mean the "
        "same."
    )
    archive = write("groups.zip", zipped(a=npy("[['x']]"), b=npy("")))
    assert message(open_vocabulary_scores, truth, predicted, archive) == (
        "there is no group of synonyms for c; add them, an empty list where no words mean the same."
    )
    assert message(open_vocabulary_scores, {}, {}) == (
        "there are no clips to score; pass the words of at least one."
    )
    for groups in ([["x"], "y"], [[1]], {"a": 3, "b": [], "c": []}, lambda name, words: None):
        assert "are no list of lists of words; expected for example [['happy', 'joyful']" in (
            message(open_vocabulary_scores, truth, predicted, groups)
        )
    assert message(open_vocabulary_scores, truth, predicted, 3, error=TypeError) == (
        "groups is of type int; pass a zip or folder, a dict, a sequence of groups, a function, or "
        "None."
    )
    gone = tmp_path / "gone"
    assert message(read_label_sets, gone, error=FileNotFoundError) == (
        f"there is no file {gone}; pass a CSV file."
    )
    assert message(open_vocabulary_scores, truth, predicted, gone, error=FileNotFoundError) == (
        f"there is no file or folder {gone}; expected a zip with one CLIP.npy per clip."
    )
    assert "label sets of type list are not known" in message(
        read_label_sets, [["x"]], error=TypeError
    )
    assert "words that are no text" in message(read_label_sets, {"a": [1]}, error=TypeError)
    assert "expected a sequence of words" in message(read_label_sets, {"a": 3}, error=TypeError)
    assert "tokenizer='nltk' is unknown" in message(read_label_sets, {}, tokenizer="nltk")


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "a.npy is empty; expected an array that numpy.save wrote"),
        (b"text", "a.npy is no .npy file"),
        (npy("[['x']]")[:-3], "expected one text that numpy.save wrote"),
        (npy(np.ones(3)), "holds an array of type float64 and shape (3,)"),
        (npy(np.array(["a", "b"])), "shape (2,)"),
        (npy(np.array([[1], [1, 2]], dtype=object), True), "array of type object"),
        (npy("x")[:-4] + b"\xff\xff\xff\x7f", "holds invalid characters; expected one text"),
    ],
)
def test_hostile_answers(write, tmp_path, data, reason):
    truth = {"a": ["x"]}
    archive = write("groups.zip", zipped(a=data))
    assert reason in message(open_vocabulary_scores, truth, truth, archive)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.npy").write_bytes(data)
    assert reason in message(open_vocabulary_scores, truth, truth, tmp_path / "folder")


def test_hostile_zips(write, tmp_path, monkeypatch):
    marker = tmp_path / "was-run"

    class Touch:
        def __reduce__(self):
            return os.system, (f"touch {marker}",)

    truth = {"a": ["x"]}
    for data in (npy(np.array(Touch(), dtype=object), True), pickle.dumps(Touch())):
        archive = write("groups.zip", zipped(a=data))
        assert "expected" in message(open_vocabulary_scores, truth, truth, archive)
    assert not marker.exists()
    for content in (b"", b"PK\x03\x04", zipped(a=npy("x"))[:-9]):
        assert "groups.zip is no zip or is damaged" in message(
            open_vocabulary_scores, truth, truth, write("groups.zip", content)
        )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("one/a.npy", npy("[]"))
        archive.writestr("two/a.npy", npy("[]"))
    assert "groups.zip holds a.npy twice; remove one of them." in message(
        open_vocabulary_scores, truth, truth, write("groups.zip", file.getvalue())
    )
    monkeypatch.setattr("lstmfcn.emotion.open_vocabulary.LONGEST_ANSWER", 1000)
    large = write("groups.zip", zipped(a=npy("x" * 1000)))
    assert "is larger than 1,000 bytes" in message(open_vocabulary_scores, truth, truth, large)


# From probabilities to label sets

CLASSES = ["angry", "happy", "neutral", "sad"]
P = np.array([[0.05, 0.55, 0.3, 0.1], [0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    "rule, expected",
    [
        ({"threshold": 0.3}, [["happy", "neutral"], ["angry"], ["sad"]]),
        ({"threshold": 0.25}, [["happy", "neutral"], CLASSES, ["sad"]]),
        ({"threshold": 1.0}, [["happy"], ["angry"], ["sad"]]),
        ({"threshold": 0}, [["happy", "neutral", "sad", "angry"], CLASSES,
                            ["sad", "angry", "happy", "neutral"]]),
        ({"nucleus": 0.5}, [["happy"], ["angry", "happy"], ["sad"]]),
        ({"nucleus": 0.85}, [["happy", "neutral"], CLASSES, ["sad"]]),
        ({"nucleus": 1.0}, [["happy", "neutral", "sad", "angry"], CLASSES, ["sad"]]),
        ({"nucleus": 1e-6}, [["happy"], ["angry"], ["sad"]]),
    ],
)  # fmt: skip
def test_label_sets(rule, expected):
    assert label_sets(P, CLASSES, **rule) == expected


def test_label_sets_say_the_words_of_a_vocabulary():
    vocabulary = {"angry": ["angry"], "happy": ["happy", "glad"], "neutral": ["calm", "glad"],
                  "sad": ["sad"], "other": ["x"]}  # fmt: skip
    assert label_sets(P[:1], CLASSES, threshold=0.3, vocabulary=vocabulary) == [
        ["happy", "glad", "calm"]
    ]


def test_several_labels_per_clip_are_calibrated_and_scored_the_same_way():
    """Clips with one or two of four emotions, named by synonyms; a nucleus finds how many."""
    vocabulary = {"angry": ["angry", "furious"], "happy": ["happy", "joyful"],
                  "neutral": ["neutral"], "sad": ["sad", "gloomy"]}  # fmt: skip

    def draw(n_clips, seed):
        generator = np.random.RandomState(seed)
        truth, logits = {}, generator.normal(0, 0.5, size=(n_clips, 4))
        for i in range(n_clips):
            present = generator.choice(4, size=1 + i % 2, replace=False)
            logits[i, present] += 3
            words = [vocabulary[CLASSES[c]] for c in present]
            truth[f"clip {i}"] = [w[generator.randint(len(w))] for w in words]
        odds = np.exp(logits)
        return odds / odds.sum(axis=1, keepdims=True), truth

    groups = list(vocabulary.values())
    p_train, truth_train = draw(200, 1)
    p_test, truth_test = draw(200, 2)
    for rule in ("threshold", "nucleus"):
        value, average = calibrate_label_sets(
            p_train, CLASSES, list(truth_train), truth_train, groups, rule=rule
        )
        said = label_sets(p_train, CLASSES, **{rule: value})
        on_train = open_vocabulary_scores(
            truth_train, dict(zip(truth_train, said, strict=True)), groups
        )
        assert on_train.average == pytest.approx(average, abs=1e-12)
        others = [
            open_vocabulary_scores(
                truth_train,
                dict(zip(truth_train, label_sets(p_train, CLASSES, **{rule: other}), strict=True)),
                groups,
            ).average
            for other in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
        ]
        assert average >= max(others) > min(others)
        said = label_sets(p_test, CLASSES, vocabulary=vocabulary, **{rule: value})
        on_test = open_vocabulary_scores(
            truth_test, dict(zip(truth_test, said, strict=True)), groups
        )
        assert on_test.average > 0.9
        only_best = label_sets(p_test, CLASSES, threshold=1.0)
        one = open_vocabulary_scores(
            truth_test, dict(zip(truth_test, only_best, strict=True)), groups
        )
        assert on_test.average > one.average + 0.05
        # Without the groups the names of classes are matched as they are.
        plain = open_vocabulary_scores(truth_test, dict(zip(truth_test, said, strict=True)))
        assert plain.average < on_test.average


def test_a_function_of_groups_is_asked_once_per_question():
    asked = []

    def groups(name, words):
        asked.append((name, tuple(words)))
        return [["happy", "joyful"]]

    value, average = calibrate_label_sets(
        P[:2], CLASSES, ["a", "b"], {"a": ["joyful", "neutral"], "b": ["sad"]}, groups
    )
    assert len(asked) == len(set(asked)) <= 8
    assert average == pytest.approx((1 + (0.25 + 1) / 2) / 2)
    # Below 0.1 a's set is too large, above 0.25 b's has lost "sad".
    assert 0.1 < value <= 0.25


@pytest.mark.parametrize(
    "call, error, sentence",
    [
        (lambda: label_sets(P, CLASSES), ValueError, "pass either threshold or nucleus, and not "),
        (lambda: label_sets(P, CLASSES, threshold=0.5, nucleus=0.5), ValueError, "and not both"),
        (lambda: label_sets(P, CLASSES, threshold=1.5), ValueError,
         r"threshold=1.5 must be a number in \[0, 1\]"),
        (lambda: label_sets(P, CLASSES, nucleus=0), ValueError,
         r"nucleus=0 must be a number in \(0, 1\]"),
        (lambda: label_sets(P * 0.5, CLASSES, nucleus=0.5), ValueError,
         "row [012] add up to 0.5; nucleus needs rows that add up to 1"),
        (lambda: label_sets(P * np.nan, CLASSES, threshold=0.5), ValueError, "NaN or values outs"),
        (lambda: label_sets(P * 2, CLASSES, threshold=0.5), ValueError, r"outside \[0, 1\]"),
        (lambda: label_sets(P[:, :3], CLASSES, threshold=0.5), ValueError,
         r"have the shape \(3, 3\); pass one row for each clip and one column for each of 4"),
        (lambda: label_sets(P, ["a"] * 4, threshold=0.5), ValueError, "must hold each class once"),
        (lambda: label_sets(P, CLASSES, threshold=0.5, vocabulary={"sad": ["sad"], "angry": []}),
         ValueError, "vocabulary has no words for angry, happy, neutral; add them"),
        (lambda: label_sets(P, CLASSES, threshold=0.5, vocabulary=["sad"]), TypeError,
         "vocabulary must be a dict"),
        (lambda: calibrate_label_sets(P, CLASSES, ["a", "b"], {}), ValueError,
         "there are 2 different names for 3 rows"),
        (lambda: calibrate_label_sets(P, CLASSES, ["a", "b", "b"], {}), ValueError,
         "there are 2 different names for 3 rows"),
        (lambda: calibrate_label_sets(P, CLASSES, list("abc"), {"a": []}), ValueError,
         "there is no ground truth for b, c; leave these clips out"),
        (lambda: calibrate_label_sets(P[:1], CLASSES, ["a"], {"a": []}, candidates=[]), ValueError,
         "candidates is empty"),
        (lambda: calibrate_label_sets(P[:1], CLASSES, ["a"], {"a": []}, rule="top"), ValueError,
         "rule='top' is unknown"),
    ],
)  # fmt: skip
def test_sentences_about_probabilities(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
