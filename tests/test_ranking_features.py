"""Are feature sets ranked without a test clip, and do many of them with long names fit?"""

import csv
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from conftest import narrow_networks
from mer_folder import write_labels, write_mer_folder

from lstmfcn.cli import main
from lstmfcn.cli.emotion import _print_gain, _print_ranking
from lstmfcn.emotion import EmotionRecipe, ranking
from lstmfcn.emotion.ranking import rank_recipes
from lstmfcn.emotion.recipe import short_name
from lstmfcn.emotion.splits import open_source
from lstmfcn.emotion.track_data import load_part
from lstmfcn.emotion.track_runs import models_of, run_track
from lstmfcn.evaluation import Results

LINEAR = EmotionRecipe(["tone_FRA"], "svm")


@pytest.fixture
def root(tmp_path):
    """Two feature sets that tell the class, and one of noise with a long name."""
    root = write_mer_folder(tmp_path / "toy")
    noise = root / "features" / f"noise-{'of-an-extractor-' * 14}FRA"
    noise.mkdir()
    rng = np.random.default_rng(0)
    for path in (root / "features" / "tone_FRA").glob("*.npy"):
        np.save(noise / path.name, rng.normal(size=(9, 4)))
        frames = np.load(path)
        label = "angry happy sad".split()[int("".join(filter(str.isdigit, path.stem))) % 3]
        np.save(path, frames + 5 * ["angry", "happy", "sad"].index(label))
    return root


def recipes_of(root):
    return [replace(LINEAR, features=[p.name]) for p in sorted((root / "features").iterdir())]


def test_no_test_clip_ranks(root, tmp_path):
    source, recipes = open_source(root, "full", group="speaker"), recipes_of(root)
    ranked = rank_recipes(source, recipes, tmp_path)
    assert ranked[0][1].features == ("tone_FRA",) and ranked[0][0] > 0.9
    write_labels(root / "label-test.csv", [(f"test{i}", "sad", "s9") for i in range(12)])
    for path in (root / "features").rglob("test*.npy"):
        path.unlink()
    again = rank_recipes(open_source(root, "full", group="speaker"), recipes, tmp_path / "again")
    assert again == ranked


def test_a_rank_is_kept_until_clips_or_recipe_change(root, tmp_path, monkeypatch):
    source, recipes = open_source(root, "full"), recipes_of(root)[:1]
    (first,) = rank_recipes(source, recipes, tmp_path)
    trained = []
    fit = ranking.fit_recipe
    monkeypatch.setattr(ranking, "fit_recipe", lambda *a: trained.append(a) or fit(*a))
    assert rank_recipes(source, recipes, tmp_path) == [first] and not trained
    rank_recipes(source, [replace(recipes[0], standardize_by="speaker")], tmp_path)
    assert len(trained) == 3
    labels = root / "label-train.csv"
    labels.write_text(labels.read_text().replace(",s3", ",s2"))
    by_speaker = [replace(recipes[0], standardize_by="speaker")]
    rank_recipes(open_source(root, "full"), by_speaker, tmp_path)
    assert len(trained) == 6
    rows = [(f"train{i}", "angry happy sad".split()[i % 3], "s1") for i in range(12)]
    write_labels(root / "label-train.csv", rows)
    rank_recipes(open_source(root, "full"), recipes, tmp_path)
    assert len(trained) == 9


def test_each_fold_chooses_by_its_own_training_clips(root, tmp_path):
    source = open_source(root, "full", group="speaker").with_folds(3)
    models = models_of(source, recipes_of(root), tmp_path, best=2)
    assert [m.name.split()[0] for m in models] == ["SVM"] * 4 and "best 2 of 3" in models[-1].name
    for part in range(3):
        held = set(source.tables(part)[source.title].names)
        inner = source.within(part, 3)
        assert not held & set(inner.found.train.names)
        assert len(models[-1].choose(part).features) == 2
    assert len(list((tmp_path / "toy-full" / "ranking").iterdir())) == 9


def test_a_fusion_reads_the_clips_that_have_all_feature_sets(root, tmp_path, monkeypatch):
    (root / "features" / "tone_FRA" / "train0.npy").unlink()
    (root / "features" / "face-FRA" / "train1.npy").unlink()

    def rank(source, recipes, folder, *, part=0, verbose=0):  # each fold leaves out another set
        recipes = sorted(recipes, key=lambda recipe: recipe.features)
        return [(1.0, recipes[(part + place) % 3]) for place in range(3)]

    monkeypatch.setattr("lstmfcn.emotion.track_runs.rank_recipes", rank)
    source = open_source(root, "full", on_missing="drop").with_folds(3)
    *_, fused = models_of(source, recipes_of(root), tmp_path, best=2)
    scored = [name for part in range(3) for name in fused.data(part).tests["3 folds"].names]
    assert list(fused.tests["3 folds"].names) == scored
    assert fused.left_out["clips"] == ["train0", "train1"]


def test_the_tables_of_a_track_with_two_models_of_each_set(root, tmp_path, monkeypatch, capsys):
    def rank(source, recipes, folder, *, part=0, verbose=0):
        return [(0.5, recipe) for recipe in recipes]

    monkeypatch.setattr("lstmfcn.emotion.track_runs.rank_recipes", rank)
    monkeypatch.setattr("lstmfcn.emotion.ranking.rank_recipes", rank)
    source, recipes = open_source(root, "semi"), recipes_of(root)
    semi = [replace(one, model="fcn", pseudo_labels={"threshold": 0.8}) for one in recipes]
    models = models_of(source, semi, tmp_path, best=2) + models_of(source, recipes, tmp_path)
    _print_ranking(source, models, 3)
    printed = capsys.readouterr().out
    assert [printed.count(f"\n{p.name} ") for p in (root / "features").iterdir()] == [1, 1, 1]
    (fused,) = (model for model in models if model.choose)
    assert printed.count(" fuses ") == 1 and f"\n{fused.name} fuses face-FRA, noise-" in printed
    test = next(iter(fused.tests))
    _print_gain(models, {(one.name, test): [{"weighted_f1": 0.5}] for one in models})
    gains = capsys.readouterr().out
    assert gains.count("the unlabelled clips change") == 3 and "SVM" not in gains


def test_a_mean_reads_the_clips_that_have_all_feature_sets(root):
    (root / "features" / "tone_FRA" / "test0.npy").unlink()
    (root / "features" / "face-FRA" / "test1.npy").unlink()
    mean = EmotionRecipe(mean_of=[replace(LINEAR, features=[name]) for name in ("tone", "face")])
    data = load_part(open_source(root, "full", on_missing="drop"), mean)
    assert [len(one.tests["test"]) for one in data.of_each_recipe] == [10, 10]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"n_babble": 1}, "n_babble=1 is for one feature set, of log spectra; name one, or leave"),
        ({"model": "ensemble"}, "model='ensemble' reads one feature set, not face-FRA, noise-"),
        ({"model": "fcn", "pseudo_labels": {}}, "learns from unlabelled clips, which track 'full'"),
    ],
)
def test_what_cannot_be_fused_is_told_before_ranking(root, tmp_path, options, sentence):
    recipes = [replace(recipe, **options) for recipe in recipes_of(root)]
    with pytest.raises(ValueError, match=re.escape(sentence)):
        models_of(open_source(root, "full"), recipes, tmp_path, best=3)
    with pytest.raises(ValueError, match=r"^name='x' is for one model, not for 3; leave it out\.$"):
        models_of(open_source(root, "full"), recipes_of(root), tmp_path, "x", best=3)
    assert not (tmp_path / "toy-full").exists()


def test_long_names_are_short_in_tables_and_folders(root, tmp_path):
    (long, *_) = (recipe for recipe in recipes_of(root) if "noise" in recipe.features[0])
    assert len(long.name) < 80 and long.name.startswith("SVM noise-of-an-extractor-")
    assert short_name("a" * 61) != short_name("a" * 62) and len(short_name("é" * 80)) <= 60
    models, rows, _ = run_track(open_source(root, "full"), recipes_of(root), tmp_path / "out")
    assert len(rows) == 3
    assert {record["model"] for record in Results(tmp_path / "out").records()} == {
        model.name for model in models
    }
    for model in models:
        assert (model.folder / "predictions.csv").exists()


def test_the_command_ranks_and_fuses(root, tmp_path, capsys):
    shutil.rmtree(root / "features" / "face-FRA")
    command = ["emotion", "run", "--data", str(root), "--features", "all", "--model", "fcn"]
    command += ["--epochs", "2", "--length", "9", "--baselines", "svm", "--out", str(tmp_path)]
    with narrow_networks():
        assert main(command) == 0
    printed = capsys.readouterr().out
    assert "feature sets by 3 folds of the training clips:" in printed
    assert "FCN best 2 of 2 fuses" in printed
    for start in ("FCN tone_FRA", "FCN best 2 of 2", "SVM tone_FRA", "SVM noise-of-an-extr"):
        assert f"\n{start}" in printed
    with open(tmp_path / "toy-full" / "FCN_best_2_of_2" / "predictions.csv") as file:
        assert len(list(csv.DictReader(file))) == 12


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--features", "tone", "--best", "2"], "--best is of --features all; leave it out."),
        (["--features", "all", "--fusion", "late"], "fuses the best by branches; leave out --fus"),
        (["--features", "tone", "--baselines", "tree"], "--baselines tree is unknown; choose"),
    ],
)
def test_what_cannot_be(root, tmp_path, arguments, sentence, capsys):
    assert main(["emotion", "run", "--data", str(root), "--out", str(tmp_path), *arguments]) == 1
    assert sentence in capsys.readouterr().err
