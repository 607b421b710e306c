"""Does the page about a run say what records and predictions say, and does it work on its own?"""

import csv
import html
import json
import re

import numpy as np
import pytest
from conftest import narrow_networks
from mer_folder import write_mer_folder

from lstmfcn.cli import main
from lstmfcn.emotion import read_scored
from lstmfcn.emotion.attention_maps import read_attention
from lstmfcn.emotion.report import write_emotion_page
from lstmfcn.emotion.run_results import _read_clips, read_results, seeds_together
from lstmfcn.evaluation import Results, score_classes

SAD = "<i>sad</i> & 'co'"  # a label that a page must not take for its own
CLASSES = ("angry", "happy", SAD)
NAME = "ALSTM-FCN tone_FRA"


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A run of track "noise": two seeds, a feature set of 50 frames in a second."""
    folder = tmp_path_factory.mktemp("page")
    root = write_mer_folder(folder / "toy", classes=CLASSES)
    manifest = {"frame_rate": 50, "parameters": {}}
    (root / "features" / "tone_FRA" / "manifest.json").write_text(json.dumps(manifest))
    arguments = ["--track", "noise", "--data", root, "--features", "tone", "--group", "speaker"]
    arguments += ["--classes", ",".join(CLASSES), "--model", "alstmfcn", "--epochs", "4"]
    arguments += ["--copies", "0", "--seeds", "2", "--out", folder / "out"]
    with narrow_networks():
        assert main(["emotion", "run", *map(str, arguments)]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def text(out):
    return (out / "report.html").read_text(encoding="utf-8")


def tables(text):
    """Return the rows of all tables, as texts of cells."""
    found = []
    for body in re.findall(r"<table.*?</table>", text, re.DOTALL):
        rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
        cells = [re.findall(r"<t[dh].*?>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]
        found.append([[html.unescape(re.sub("<[^>]*>", " ", c)).split() for c in r] for r in cells])
    return found


def test_the_table_has_both_numbers(out, text):
    rows = next(rows for rows in tables(text) if ["UAR"] in rows[0])
    assert [row[0] for row in rows[0:1]] == [[]] and len(rows) == 6
    records = {r["seed"]: r for r in Results(out).records() if r["dataset"] == "toy:noise"}
    seeds = next(row for row in rows if row[0][-4:] == ["mean", "of", "2", "seeds"])
    mean = np.mean([record["balanced_accuracy"] for record in records.values()])
    assert seeds[0][:3] == ["ALSTM-FCN", "tone_FRA,", "noisy"] and seeds[1][0] == f"{mean:.3f}"
    path = next(out.glob("*/*/predictions.csv"))
    clips = read_scored(path, group="speaker")
    known = {"groups": clips.groups, "classes": clips.classes}
    scores = score_classes(clips.y_true, clips.y_pred, **known).scores
    row = next(row for row in rows if row[0][-1:] == ["predictions.csv"])
    for cell, score in zip(row[1:], scores.values(), strict=True):
        assert cell[0] == f"{score['value']:.3f}"
        assert cell[2] == f"{score['clips'][0]:.3f}\u2013{score['clips'][1]:.3f}"
        assert cell[4] == f"{score['groups'][0]:.3f}\u2013{score['groups'][1]:.3f}"
    assert rows[-1][0][0] == "always" and rows[-1][1] == ["0.333"]


def test_seeds_together_say_what_the_file_scores(out):
    noisy, clean = seeds_together(Results(out))
    clips = read_scored(next(out.glob("*/*/predictions.csv")))
    scores = score_classes(clips.y_true, clips.y_pred).scores
    values = [f"{scores[name]['value']:.4f}" for name in ("uar", "weighted_f1", "accuracy")]
    assert noisy == (
        f"{NAME}, noisy: 2 seeds together, as in predictions.csv: UAR {values[0]}, weighted F1 "
        f"{values[1]}, accuracy {values[2]}"
    )
    assert clean.startswith(f"{NAME}, clean: 2 seeds together, as in predictions-clean.csv")


def test_what_was_asked(text):
    facts = {" ".join(row[0]): " ".join(row[1]) for row in tables(text)[0]}
    assert facts["Corpus"] == "toy" and facts["Trained on"] == "24 clips"
    assert facts["Scored on"] == "12 clips (noisy) of 2 speakers; 12 clips (clean) of 2 speakers"
    assert facts["Emotions"] == f"{SAD} (4 clips), angry (4 clips), happy (4 clips)"
    assert facts["Features"] == "tone_FRA (of each frame)" and "4 epochs" in facts["Models"]
    assert facts["Models"].startswith(f"{NAME} : an LSTM with attention and a convolutional")
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", text)
    assert headings == [
        "What was asked",
        "Scores",
        "Emotions",
        "Noise and losses",
        "When in a clip",
        "Speakers",
        "Missed clips",
        "How it was made",
    ]


def test_confusions_and_speakers_count_the_clips(out, text):
    clips = read_scored(next(out.glob("*/*/predictions.csv")), group="speaker")
    found = score_classes(clips.y_true, clips.y_pred, classes=clips.classes)
    matrix = next(rows for rows in tables(text) if rows[0][0] == ["true,", "answer:"])
    assert [[int(c[0]) for c in row[1:]] for row in matrix[1:]] == found.confusion.tolist()
    speakers = next(rows for rows in tables(text) if rows[0][0] == ["speaker"])
    for row in speakers[1:]:
        of = clips.groups == row[0][0]
        assert row[2] == [f"{np.mean(clips.y_true[of] == clips.y_pred[of]):.3f}"]
        assert row[3] == [str(of.sum())]
    assert [row[1] for row in speakers[1:]] == sorted(row[1] for row in speakers[1:])


def test_maps_are_of_typical_and_of_wrong_clips(out, text):
    maps = read_attention(next(out.glob("toy-noise/*")))[""]
    assert text.count("<b>typical</b>") == sum(not one.is_wrong for one in maps)
    assert text.count('<b class="bad">wrong</b>') == sum(one.is_wrong for one in maps)
    root = out.parent / "toy" / "features" / "tone_FRA"
    for one in maps:
        assert one.relevance.sum() == pytest.approx(1) and (one.relevance >= 0).all()
        assert len(one.size) == len(one.relevance) and 1 / 3 < one.probability <= 1
        assert one.unit == "seconds" and one.name.endswith("_noise")
        assert one.duration == len(np.load(root / f"{one.name}.npy")) / 50
    with open(next(out.glob("*/*/predictions.csv")), newline="") as file:
        truth = {row["name"]: row["truth"] for row in csv.DictReader(file)}
    assert all(truth[one.name] == one.truth for one in maps)
    assert "standardised, over seconds." in text


def test_a_label_may_hold_a_comma(tmp_path):
    path = tmp_path / "predictions.csv"
    head = 'name,truth,predicted,"probability_calm, bored",probability_sad'
    path.write_text(f'{head}\na,sad,sad,0.2,0.8\nb,"calm, bored",sad,0.4,0.6\n')
    clips, group = _read_clips(path)
    assert group is None and clips.classes == ("calm, bored", "sad")
    path.write_text(f"{head},speaker\na,sad,sad,0.2,0.8,S1\n")
    assert _read_clips(path)[1] == "speaker"


def test_nothing_of_the_sweeps_page_is_left(text):
    words = re.sub(r"<style>.*?</style>|data:[^\"]*", "", text, flags=re.DOTALL)
    assert not re.search(r"\brank|geometric|MPCE|dataset", words)
    assert "<script" not in text and SAD not in text and html.escape(SAD) in text
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//|@import|url\(", text)
    assert set(re.findall(r'src="(\w+:)', text)) == {"data:"} and "default-src 'none'" in text
    ids = set(re.findall(r' id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= ids


def test_a_folder_without_predictions_has_its_seeds(out, tmp_path, text):
    found = Results(out)
    copy = Results(tmp_path / "copy")
    for record in found.records():
        run = next(r for r in found.finished() if vars(r).items() <= record.items())
        copy.write(run, record, found.predictions(run))
    write_emotion_page(copy)
    page = (tmp_path / "copy" / "report.html").read_text(encoding="utf-8")
    assert "mean of 2 seeds" in page and "Speakers" not in re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert [one.scores for one in read_results(copy)] == [None, None]


@pytest.mark.parametrize("width, dark", [(1280, False), (390, False), (390, True)])
def test_it_fits_a_screen(browser, out, width, dark):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 400}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get_log("browser")
    browser.get((out / "report.html").as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(
        "return [...document.images].every(i => i.complete && i.naturalWidth > 100)"
    )
    # Text is no wider than its place, and can be told from the ground it is on.
    stuck = "return [...document.querySelectorAll('p, figcaption, summary, h2')]"
    assert (
        browser.execute_script(f"{stuck}.filter(e => e.scrollWidth > e.clientWidth + 1).length")
        == 0
    )
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    ink = browser.execute_script("return getComputedStyle(document.body).color")
    light, dark_ = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (ground, ink))
    assert (dark_ - light if dark else light - dark_) > 300
    assert browser.get_log("browser") == []
