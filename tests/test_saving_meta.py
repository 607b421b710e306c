"""Do meta-estimators, fusions in them and baselines come back from a file as they were?"""

import json
import zipfile
from functools import partial

import numpy as np
import pandas as pd
import pytest
from conftest import PLAIN, refusal
from sklearn.linear_model import LogisticRegression

import lstmfcn
from lstmfcn import FCNClassifier, LSTMFCNEnsemble
from lstmfcn.meta import AugmentedClassifier, FoldEnsemble, PseudoLabelClassifier
from lstmfcn.meta.linear import LinearBaseline
from lstmfcn.multimodal import AttentionFusionClassifier, FusionClassifier
from lstmfcn.multimodal.attention_baseline import count_weights

TINY = FCNClassifier((4, 4, 4), **PLAIN, n_epochs=1, random_state=0)
RNG = np.random.RandomState(0)
X = {"A": RNG.normal(size=(18, 2, 10)).astype("f4"), "B": RNG.normal(size=(18, 3, 6)).astype("f4")}
Y = np.tile(["angry", "happy", "sad"], 6)
FEW = np.where(np.arange(18) < 9, Y, "")
PSEUDO = {"threshold": 0.0, "n_rounds": 1, "n_members": 2, "random_state": 0}

ESTIMATORS = {
    "augmented": lambda: AugmentedClassifier(TINY, n_copies=1, random_state=0).fit(X["A"], Y),
    "augmented fusion": lambda: AugmentedClassifier(
        FusionClassifier(TINY, "late", random_state=0), n_copies=1, random_state=0
    ).fit(X, Y),
    "pseudo-labels": lambda: PseudoLabelClassifier(
        AugmentedClassifier(TINY, n_copies=1, random_state=0), **PSEUDO
    ).fit(X["A"], FEW),
    "augmented ensemble": lambda: AugmentedClassifier(
        LSTMFCNEnsemble(TINY, random_state=0), n_copies=1, mixup=0.0, random_state=0
    ).fit(X["A"], Y),
    "folds": lambda: FoldEnsemble(TINY, 2, random_state=0, average="logits").fit(X["A"], Y),
    "attention": lambda: AttentionFusionClassifier(n_hidden=4, n_epochs=1, random_state=0).fit(
        X, Y
    ),
    "attention over frames": lambda: AttentionFusionClassifier(
        "frame", n_hidden=4, n_epochs=1, random_state=0
    ).fit(X, Y),
    "svm": lambda: LinearBaseline("svm", random_state=0).fit(X["A"], Y),
    "logreg": lambda: LinearBaseline("logreg", random_state=0).fit(X, Y),
}


@pytest.fixture(scope="module")
def fitted():
    found = {}

    def get(name):
        if name not in found:
            found[name] = ESTIMATORS[name]()
        return found[name]

    return get


def series(name):
    return X if "fusion" in name or "attention" in name or name == "logreg" else X["A"]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_was_saved_answers_the_same(fitted, name, tmp_path):
    clf = fitted(name)
    clf.save(tmp_path / "model.lstmfcn")
    again = lstmfcn.load(tmp_path / "model.lstmfcn")
    assert type(again) is type(clf) and again.classes_.tolist() == clf.classes_.tolist()
    expected = clf.predict_proba(series(name))
    np.testing.assert_array_equal(again.predict_proba(series(name)), expected)
    mine, theirs = again.get_params(deep=False), clf.get_params(deep=False)
    for key in mine.keys() - {"estimator"}:
        assert mine[key] == theirs[key]
    assert again._members() == clf._members()
    if name == "folds":
        assert again.out_of_fold() == clf.out_of_fold()


@pytest.mark.parametrize("inner", ["augmented", "linear", "in modalities"])
def test_a_loaded_model_refuses_columns_in_another_order(inner, tmp_path):
    frame = pd.DataFrame(X["A"][:, 0]).add_prefix("t")
    turned = frame[frame.columns[::-1]]
    clf = AugmentedClassifier(TINY, n_copies=1, random_state=0)
    if inner == "linear":
        clf = LinearBaseline(random_state=0)
    if inner == "in modalities":
        clf.set_params(estimator=FusionClassifier(TINY, "late", random_state=0))
        frame, turned = {"A": frame}, {"A": turned}
    clf.fit(frame, Y).save(tmp_path / "model.lstmfcn")
    again = lstmfcn.load(tmp_path / "model.lstmfcn")
    np.testing.assert_array_equal(again.predict_proba(frame), clf.predict_proba(frame))
    for one in (clf, again):
        assert "must be in the same order" in refusal(partial(one.predict, turned))


def test_a_linear_baseline_knows_its_modalities(fitted):
    clf, expected = fitted("logreg"), fitted("logreg").predict_proba(X)
    np.testing.assert_array_equal(clf.predict_proba({"B": X["B"], "A": X["A"]}), expected)
    was = "but this LinearBaseline was fitted on 20 values of 'A', 18 values of 'B'"
    remedy = "pass the same modalities and values, or fit again."
    nan = {**X, "B": np.full_like(X["B"], np.nan)}
    cases = {
        f"X has 20 values of 'A', {was}; {remedy}": lambda: clf.predict({"A": X["A"]}),
        f"X has 20 values, {was}; {remedy}": lambda: clf.predict(X["A"]),
        f"X has 20 values of 'A', 15 values of 'B', {was}; {remedy}": (
            lambda: clf.predict({**X, "B": X["B"][:, :, 1:]})
        ),
    }
    for expected, call in cases.items():
        assert refusal(call) == expected
    for call in (clf.predict, lambda X: LinearBaseline().fit(X, Y)):
        assert refusal(partial(call, nan)).startswith(
            "modality 'B': X contains NaN in 18 of 18 series, first in series 0"
        )
    shorter = [x[:, i % 2 :] for i, x in enumerate(X["A"])]
    assert refusal(lambda: clf.predict({**X, "A": shorter})) == (
        "modality 'A': X has clips of different lengths; pool each clip's frames into one vector."
    )


def test_an_estimator_of_others_has_no_file(tmp_path):
    clf = AugmentedClassifier(LogisticRegression(), n_copies=1).fit(X["A"][:, 0], Y)
    with pytest.raises(TypeError, match=r"only the classifiers of lstmfcn can be saved, not Logi"):
        clf.save(tmp_path / "model.lstmfcn")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("level", ["frame", "utterance"])
def test_weights_are_counted_without_building(fitted, level):
    clf = fitted("attention over frames" if level == "frame" else "attention")
    assert count_weights(**clf.network_.architecture) == clf.model_.count_params()


def changed(path, member, change):
    """Rewrite one JSON member of a file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = json.loads(members[member])
    change(content)
    members[member] = json.dumps(content).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("name", "member", "change", "reason"),
    [
        ("augmented", "meta.json", lambda c: c.update({"class": "os.system"}), "is none of"),
        (
            "augmented",
            "meta.json",
            lambda c: c["parameters"].update({"evil": 1}),
            "has no parameter 'evil'",
        ),
        ("augmented", "meta.json", lambda c: c["parameters"].update({"crop": 7}), "'crop' param"),
        (
            "augmented",
            "meta.json",
            lambda c: c["classes"].update({"values": ["a", "b", "c"]}),
            "other classes",
        ),
        ("folds", "meta.json", lambda c: c.update({"fold_of": [0] * 18}), "other folds"),
        ("folds", "meta.json", lambda c: c.update({"out_of_fold": [[1.0]]}), "its out_of_fold"),
        ("folds", "meta.json", lambda c: c.update({"names": [1] * 18}), "its names"),
        (
            "attention",
            "attention.json",
            lambda c: c["architecture"].update({"n_hidden": 4096}),
            "not that of its classes",
        ),
        (
            "attention",
            "attention.json",
            lambda c: c.update({"shapes": [["A", 1, 10**9]]}),
            "width",
        ),
        ("svm", "linear.json", lambda c: c.update({"coef_": [[1.0]]}), "its coef_ has the shape"),
        ("svm", "linear.json", lambda c: c.update({"widths": {"": 19}}), "its widths_ are not"),
        ("svm", "linear.json", lambda c: c.update({"feature_names": [1]}), "its column names"),
        ("svm", "linear.json", lambda c: c.update({"scale_": [0.0] * 20}), "its scale_ is not"),
    ],
)
def test_what_save_does_not_write_is_refused(fitted, tmp_path, name, member, change, reason):
    path = tmp_path / "model.lstmfcn"
    fitted(name).save(path)
    changed(path, member, change)
    with pytest.raises(ValueError, match="does not describe a classifier of lstmfcn") as raised:
        lstmfcn.load(path)
    assert reason in str(raised.value)
