"""Does a kept model remember everything, and does `lstmfcn emotion predict` use it?"""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from mer_folder import write_mer_folder

from lstmfcn.cli import main
from lstmfcn.emotion import EmotionRecipe, FeatureStore, load_model
from lstmfcn.emotion.kept_model import EmotionModel, read_clips_of
from lstmfcn.emotion.one_run import fit_recipe, run_recipe
from lstmfcn.emotion.splits import open_source
from lstmfcn.emotion.track_data import load_part

TONE = EmotionRecipe(
    ["tone"], "alstmfcn", n_epochs=1, n_timepoints=9, settings={"n_filters": [4, 4, 4]}
)
RECIPES = {
    "one": TONE,
    "by speaker": replace(TONE, standardize_by="speaker", n_copies=1),
    "mean": EmotionRecipe(mean_of=[TONE, replace(TONE, features=["face"], model="fcn")]),
    "late": replace(TONE, features=["tone", "face"], fusion="late"),
    "attention": EmotionRecipe(["tone", "face"], "attention", n_epochs=1, settings={"n_hidden": 4}),
    "svm": EmotionRecipe(["tone", "face"], "svm"),
    "pad": replace(TONE, mode="pad"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_mer_folder(tmp_path_factory.mktemp("mer") / "toy")


@pytest.mark.parametrize("name", RECIPES)
def test_a_kept_model_answers_as_in_its_run(root, name, tmp_path):
    source = open_source(root, "full", group="speaker")
    data = load_part(source, RECIPES[name])
    ensemble, results = run_recipe(data, 0)
    EmotionModel.of_run(data, ensemble, source).save(tmp_path / "model.lstmfcn")
    model = load_model(tmp_path / "model.lstmfcn")
    test = source.found.test
    names, sequences, groups = read_clips_of(model, root, groups_of=test)
    assert names == test.names and (groups is None) == (name != "by speaker")
    expected = results["test"][1]["probabilities"]
    np.testing.assert_allclose(model.predict_proba(sequences, names, groups), expected, atol=1e-6)
    assert model.classes_.tolist() == ["angry", "happy", "sad"]


def test_a_clip_of_an_unknown_speaker_gets_the_means_of_training(root, tmp_path):
    source = open_source(root, "full")
    data = load_part(source, RECIPES["by speaker"])
    ensemble, _ = run_recipe(data, 0)
    model = EmotionModel.of_run(data, ensemble, source)
    with pytest.warns(UserWarning, match="the model standardises by speaker, which is not known"):
        names, sequences, groups = read_clips_of(model, root)
    one = {name: x[:1] for name, x in sequences.items()}
    alone = model.predict_proba(one, names[:1], groups)
    np.testing.assert_allclose(model.predict_proba(sequences, names, groups)[:1], alone, atol=1e-6)


def test_recipes_may_read_the_same_features_in_two_ways(root):
    plain, source = EmotionRecipe(["tone"], "svm"), open_source(root, "full")
    recipe = EmotionRecipe(mean_of=[replace(plain, standardize_by="speaker"), plain])
    data = load_part(source, recipe)
    model = EmotionModel.of_run(data, fit_recipe(data, 0), source)
    with pytest.warns(UserWarning, match="the model standardises by speaker, which is not known"):
        names, sequences, groups = read_clips_of(model, root)
    assert model.predict_proba(sequences, names, groups).shape == (len(names), 3)


@pytest.fixture(scope="module")
def kept(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("kept")
    command = ["emotion", "run", "--data", str(root), "--features", "tone", "--epochs", "1"]
    command += ["--folds", "2", "--model", "fcn", "--keep-models", "--out", str(out)]
    assert main(command) == 0
    return out / "toy-full" / "FCN_tone_FRA" / "model-seed0.lstmfcn"


def test_the_command_predicts_and_draws(root, kept, tmp_path, capsys):
    call = ["emotion", "predict", str(kept), str(root), "--out", str(tmp_path / "p.csv")]
    labels = tmp_path / "some.csv"
    labels.write_text("file\ntest0.wav\ntest1.wav\n")
    call += ["--labels", str(labels), "--pictures", str(tmp_path / "pictures")]
    assert main(call) == 0
    printed = capsys.readouterr().out
    assert "clip   predicted   angry   happy     sad" in printed and "2 predictions: " in printed
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0] == "name,predicted,probability_angry,probability_happy,probability_sad"
    name, label, *probabilities = lines[1].split(",")
    assert name == "test0" and sum(map(float, probabilities)) == pytest.approx(1)
    assert label == ["angry", "happy", "sad"][np.argmax(list(map(float, probabilities)))]
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert [path.name for path in pictures] == ["test0.png", "test1.png"]
    assert min(path.stat().st_size for path in pictures) > 5_000


def test_recordings_get_the_features_of_training(tmp_path, capsys):
    soundfile = pytest.importorskip("soundfile", reason="reads recordings: lstmfcn[audio]")
    wavs, rows, rng = tmp_path / "wavs", [], np.random.default_rng(0)
    wavs.mkdir()
    for i in range(12):
        label, hertz = (("low", 200), ("high", 900))[i % 2]
        times = np.arange(8000 + 800 * i) / 16_000
        tone = np.sin(2 * np.pi * hertz * times) + 0.1 * rng.normal(size=len(times))
        soundfile.write(wavs / f"clip{i}.wav", 0.3 * tone, 16_000)
        rows.append(f"clip{i}.wav,{label if i < 10 else ''},s{i // 2}\n")
    labels = tmp_path / "labels.csv"
    labels.write_text("file,emotion,speaker\n" + "".join(rows))
    out = tmp_path / "out"
    command = ["emotion", "run", "--wavs", str(wavs), "--labels", str(labels), "--folds", "loso"]
    command += ["--features", "logmel", "--model", "fcn", "--epochs", "5", "--keep-models"]
    assert main([*command, "--out", str(out)]) == 0
    assert "10 labelled clips in leave one speaker out (5), 2 unlabelled" in capsys.readouterr().out
    (folder,) = (path.parent for path in out.glob("*/*/model-seed0.lstmfcn"))
    answers = dict(line.split(",") for line in (folder / "submission.csv").read_text().split()[1:])
    assert set(answers) == {"clip10", "clip11"}
    model = folder / "model-seed0.lstmfcn"
    assert load_model(model).needs["logmel_FRA"].frame_rate == 50
    (wavs / "bad.wav").write_text("no recording")
    call = ["emotion", "predict", str(model), str(wavs)]
    assert main(call) == 1
    assert "bad.wav is damaged or no recording" in capsys.readouterr().err
    assert main([*call, "--on-missing", "drop"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 13
    call = ["emotion", "predict", str(model), str(wavs / "clip11.wav")]
    assert main([*call, "--pictures", str(tmp_path / "pictures")]) == 0
    line = capsys.readouterr().out.splitlines()[1].split()
    assert line[:2] == ["clip11", answers["clip11"]]
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["clip11.png"]
    parts = tmp_path / "parts.csv"
    parts.write_text("file,start,end\nclip11.wav,0,0.5\nclip11.wav,0.5,1\nclip3.wav,0,0.5\n")
    assert main([*call, "--labels", str(parts)]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["clip11_0-500", "clip11_500-1000"]
    parts.write_text("file\nclip3.wav\n")
    assert main([*call, "--labels", str(parts)]) == 1
    message = "parts.csv does not name clip11.wav; pass a table of its clips."
    assert message in capsys.readouterr().err
    assert main([*command[:-1], "--out", str(out), "--wavs", str(wavs)]) == 0  # all is there
    assert FeatureStore(out).feature_sets == ["logmel_FRA"]


def changed(path, change, out):
    """Write a copy of a model's file with another description."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = json.loads(members["emotion.json"])
    change(content)
    members["emotion.json"] = json.dumps(content).encode()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def drop_recipe(content):
    content["recipes"] = []


def other_features(content):
    content["recipes"][0]["features"] = ["face-FRA"]


def damaged_means(content):
    content["preprocessors"][0]["tone_FRA"]["mean_"] = [1.0, float("1e999")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop_recipe, "as many recipes as classifiers"),
        (other_features, "its recipes read other features"),
        (damaged_means, "its means"),
        (lambda content: content.clear(), "format"),
    ],
)
def test_what_is_not_written_is_refused(kept, tmp_path, change, reason):
    changed(kept, change, tmp_path / "bad.lstmfcn")
    with pytest.raises(ValueError) as raised:
        load_model(tmp_path / "bad.lstmfcn")
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gone.lstmfcn", "clips"], "there is no file gone.lstmfcn; pass a model of emo"),
        (["HERE", "clips"], "pass"),
        (["MODEL", "nowhere"], "nowhere does not exist; expected recordings, or feature sets."),
        (["MODEL", "HERE"], "the model reads tone_FRA, which lstmfcn emotion extract did not make"),
    ],
)
def test_bad_input_is_a_sentence(kept, tmp_path, arguments, sentence, capsys):
    places = {"MODEL": str(kept), "HERE": str(tmp_path)}
    call = ["emotion", "predict", *(places.get(word, word) for word in arguments)]
    assert main(call) == 1
    assert sentence in capsys.readouterr().err
