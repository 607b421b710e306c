"""Does a recipe say all of what is trained, and do the presets?"""

import json
from dataclasses import replace

import numpy as np
import pytest

from lstmfcn.emotion import PRESETS, EmotionRecipe
from lstmfcn.emotion.clip_labels import ClipTable
from lstmfcn.emotion.context import MAX_FRACTION, in_context, mixed
from lstmfcn.emotion.recipe import default_recipe

SEVERAL = EmotionRecipe(
    ["text", "audio"],
    "lstmfcn",
    "late",
    n_epochs=3,
    n_copies=2,
    augmentation={"mixup": 0.0},
    pseudo_labels={"threshold": 0.5, "soft": True},
)


def test_a_recipe_is_json_and_has_a_label():
    assert json.loads(json.dumps(SEVERAL.to_json())) == {
        "features": ["text", "audio"],
        "model": "lstmfcn",
        "fusion": "late",
        "n_epochs": 3,
        "n_copies": 2,
        "augmentation": {"mixup": 0.0},
        "pseudo_labels": {"threshold": 0.5, "soft": True},
    }
    name = "LSTM-FCN text+audio late fusion 2 copies"
    assert SEVERAL.name == f"{name} pseudo-labels" and SEVERAL.on_labels_alone().name == name
    assert SEVERAL.label == f"{SEVERAL.name}, no mixup, soft, threshold 0.5, epochs 3"
    mean = EmotionRecipe(mean_of=[SEVERAL, replace(SEVERAL, standardize_by="speaker")])
    again = EmotionRecipe.from_json(json.loads(json.dumps(mean.to_json())))
    assert again == mean and again.label == mean.label
    assert mean.uses_unlabelled and not mean.on_labels_alone().uses_unlabelled
    with pytest.raises(ValueError, match=r"this recipe has 2 members; build each of them\."):
        mean.build(0)


def test_every_parameter_and_the_seed_reach_the_classifier():
    built = SEVERAL.build(4)
    fusion = built.estimator.estimator
    assert (built.threshold, built.soft) == (0.5, True)
    assert (built.estimator.n_copies, built.estimator.mixup) == (2, 0.0)
    assert fusion.fusion == "late" and fusion.estimator.n_epochs == 3
    seeds = {one.random_state for one in (built, built.estimator, fusion, fusion.estimator)}
    assert seeds == {4}
    copies = EmotionRecipe(["text"], "fcn", n_copies=3)
    # 24 clips, 3 copies, all mixed: at most 168 series, 11 batches of 16; 2000 updates.
    assert copies.build(0, n_series=24).estimator.n_epochs == 182


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"fusion": "late"}, "fusion='late' needs several feature sets, but only text was named"),
        ({"features": ["a", "b"], "fusion": "sum"}, "fusion='sum' is unknown; choose one of 'bra"),
        (
            {"features": ["a", "b"], "model": "attention", "fusion": "late"},
            "model='attention' fuses in its own way; leave fusion out",
        ),
        (
            {"features": ["a", "b"], "model": "svm", "fusion": "late"},
            "model='svm' reads all feature sets as one vector; leave fusion out",
        ),
        ({"model": "tree"}, "model='tree' is unknown; choose one of 'lstmfcn', 'alstmfcn'"),
        ({"n_babble": 1, "features": ["a", "b"]}, "n_babble=1 is for one feature set, of log spe"),
        ({"n_members": 10**7}, "n_members=10000000 must be a whole number from 1 to 1000"),
        ({"context": [10**7, 0]}, r"context\[0\]=10000000 must be a whole number from 0 to 1000"),
        ({"context": [1]}, r"context=\(1,\) must be two numbers: utterances before and after"),
        ({"n_babble": 0.5}, r"n_babble=0\.5 must be a whole number of at least 0"),
        ({"n_babble": 1, "n_mixed": 1}, "n_babble and n_mixed do not go together"),
        (
            {"mean_of": [replace(SEVERAL, n_members=2)], "features": []},
            "a mean of recipes takes neither an ensemble nor a mean; give its recipes",
        ),
        (
            {"mean_of": [SEVERAL]},
            "a mean of recipes takes neither an ensemble nor features; give its recipes",
        ),
    ],
)
def test_what_does_not_go_together(changes, message):
    with pytest.raises(ValueError, match=message):
        EmotionRecipe(**{"features": ["text"], **changes})


def test_a_track_has_defaults_that_options_replace():
    assert default_recipe("semi", features=["text"]).pseudo_labels == {"threshold": 0.8}
    assert default_recipe("noise", features=["text"], n_copies=0) == EmotionRecipe(["text"])
    assert default_recipe("full", features=["text"]) == EmotionRecipe(["text"])


def test_presets_are_recipes_of_their_own():
    assert list(PRESETS) == [
        *("emodb", "emodb-noisy", "emodb-semi"),
        *("mosi-early", "mosi-branch", "mosi-late", "mosi-text"),
    ]
    assert len({recipe.label for recipe in PRESETS.values()}) == len(PRESETS)
    for recipe in PRESETS.values():
        assert EmotionRecipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
        assert [member.build(0) is not None for member in recipe.members]


# Context windows


def table(names, y):
    videos = np.array([name.split("_")[0] for name in names])
    return ClipTable("clips.csv", tuple(names), y, (), columns={"video": videos})


def test_utterances_are_read_in_their_context():
    names = [f"one_{place}" for place in range(1, 13)] + ["two_1", "two_3", "two_4"]
    clips = {"text": [np.array([[-1.0], [number]]) for number in range(15)]}  # the last is its own
    (found,) = in_context(clips, table(names, None), (2, 2)).values()
    assert found[0].ravel().tolist() == [2, 1, 0]  # what comes after, the nearest one last
    assert found[5].ravel().tolist() == [3, 4, 7, 6, 5]
    assert found[13].ravel().tolist() == [12, 14, 13]  # place 2 is no clip
    (before,) = in_context(clips, table(names, None), (9, 0)).values()
    assert before[11].ravel().tolist() == list(range(2, 12))
    assert before[12].ravel().tolist() == [12]
    with pytest.raises(ValueError, match=r"clips\.csv has clips whose names do not end"):
        in_context(clips, table([f"clip{i}" for i in range(15)], None), (2, 2))


def test_two_utterances_at_one_place_of_a_video_are_refused():
    names = ["v1_a_1", "v1_a_2", "v1_b_1"]
    clips = {"text": [np.array([[number]]) for number in range(3)]}
    with pytest.raises(ValueError) as raised:
        in_context(clips, table(names, None), (1, 1))
    assert str(raised.value) == (
        "clips.csv has v1_a_1 and v1_b_1 at one place of the video v1; number the clips of a "
        "video, or leave the context window out."
    )


def test_mixed_utterances_are_right_three_times_in_four():
    y = np.tile(["positive", "negative"], 500)
    own = np.where(y == "positive", 1.0, -1.0)
    clips = {name: own.reshape(-1, 1, 1) for name in ("text", "audio")}
    clips_table = table([f"one_{place}" for place in range(1000)], y)
    draws = in_context(clips, clips_table, (1, 1), 3, np.random.default_rng(0))
    last = np.array([x[-1, 0] for x in draws["text"]])
    assert len(last) == 3000 and (last * np.tile(own, 3)).max() <= 1.0
    fraction = (1 - last * np.tile(own, 3)) / 2  # of the other class
    assert 0 <= fraction.min() and fraction.max() <= MAX_FRACTION
    assert (fraction < 0.5).mean() == pytest.approx(0.75, abs=0.03)
    assert [x[-1, 0] for x in draws["audio"]] == last.tolist()  # the same partner and fraction
    assert not np.array_equal(last[:1000], last[1000:2000])
    # A neighbour is mixed as it is where it is itself the last frame.
    assert draws["text"][0][0, 0] == last[1]
    alone = {"text": own[:, np.newaxis]}
    assert np.abs(mixed(alone, y, np.random.default_rng(0))["text"]).max() <= 1.0
