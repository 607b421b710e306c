"""Does `lstmfcn emotion zero-shot` print and write what it says, and refuse with one sentence?"""

import csv
import importlib.util
import json
import re

import matplotlib.pyplot as plt
import pytest
from conftest import real_data

from lstmfcn.cli import main
from lstmfcn.cli import zero_shot as commands
from lstmfcn.zero_shot.ask.prompts import MODALITIES

ZERO_SHOT = ["emotion", "zero-shot"]
needs_client = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None,
    reason="the client library comes with lstmfcn[zeroshot]",
)
# What the made-up answers are: truth, answer of the model, our prediction.
SAMPLES = [
    ("1", "positive", "positive,negative", "positive"),
    ("2", "positive", "negative,positive", "positive"),
    ("3", "negative", "negative", "positive"),
    ("4", "negative", "neutral,negative", "negative"),
    ("5", "negative", None, "negative"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A root with made-up answers to twitter2, and predictions.csv beside it."""
    folder = tmp_path_factory.mktemp("zero-shot")
    (folder / "root" / "twitter2").mkdir(parents=True)
    write(
        folder / "root" / "twitter2" / "label.csv",
        [["name", "gt", "gpt4v"], *([f"{name}.jpg", truth, ""] for name, truth, *_ in SAMPLES)],
    )
    write(
        folder / "root" / "twitter2" / "label-gpt4v.csv",
        [["name", "gt", "gpt4v"], *(list(one[:3]) for one in SAMPLES if one[2])],
    )
    write(
        folder / "predictions.csv",
        [["name", "predicted"], *([one[0], one[3]] for one in SAMPLES)],
    )
    return folder


def write(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def compare(folder, *arguments, dataset="twitter2"):
    return main(
        [
            *ZERO_SHOT,
            "compare",
            *("--answers", str(folder / "root"), "--dataset", dataset),
            *("--predictions", str(folder / "predictions.csv"), *arguments),
        ]
    )


def test_table_without_files_is_that_of_the_counts(tmp_path, capsys):
    out = tmp_path / "table.csv"
    assert main([*ZERO_SHOT, "table", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert (
        "25 of 25 published numbers come out to their two decimals: 25 of 25 from the counts that "
        "come with this package (36 of 36 lines)." in printed
    )
    line = next(line for line in printed.splitlines() if line.startswith("FERV39k"))
    assert line.split()[1:5] == ["accuracy", "34.29", "34.29", "32.93"]
    assert line.split()[6:] == ["2584/7536", "24.79", "14.29", "counts"]
    assert "Flattered by its rule:\n  RAF-DB rgb: accuracy 75.81 leaves out 1" in printed
    assert "Wronged by a spelling:\n  MER2023 multi: accuracy 63.50, but 64.96" in printed
    assert "CASME II: accuracy 14.64, majority class 40.17, guessing 20.00" in printed
    rows = read(out)
    assert len(rows) == 36 and {row["source"] for row in rows} == {"counts"}
    assert sum(row["published"] != "" for row in rows) == 25
    assert {row["agrees"] for row in rows} == {"True", ""}
    assert float(rows[0]["recomputed"]) == pytest.approx(100 * 684 / 981)
    assert len(list(tmp_path.iterdir())) == 1  # nothing temporary is left


def test_table_says_if_a_number_does_not_come_out(folder, capsys):
    assert main([*ZERO_SHOT, "table", "--answers", str(folder / "root")]) == 0
    printed = capsys.readouterr().out
    assert (
        "24 of 25 published numbers come out to their two decimals: 0 of 1 from the files given (1 "
        "of 36 lines), 24 of 24 from the counts" in printed
    )
    line = next(line for line in printed.splitlines() if line.startswith("Twitter II"))
    assert line.split() == (
        "Twitter II accuracy 87.95 50.00 40.00 0.0-100.0 2/4 50.00 50.00 csv".split()
    )


def test_table_of_the_released_files(capsys):
    data = real_data()
    if data is None or not (data / "gpt4v").is_dir():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds gpt4v/")
    assert main([*ZERO_SHOT, "table", "--answers", str(data / "gpt4v")]) == 0
    printed = capsys.readouterr().out
    found = re.search(
        r"25 of 25 published numbers come out to their two decimals: (\d+) of (\d+) from the files "
        r"given \((\d+) of 36 lines\), (\d+) of \4 from the counts",
        printed,
    )
    right, published, n_lines, others = map(int, found.groups())
    assert right == published == 25 - others and n_lines == printed.count("  csv\n")
    assert n_lines >= 30  # 36 lines, 6 of them of datasets that may not be there


def test_compare_prints_and_writes(folder, tmp_path, capsys):
    out, figures = tmp_path / "new" / "folder", plt.get_fignums()
    assert compare(folder, "--out", str(out), "--name", "LSTM-FCN") == 0
    printed = capsys.readouterr().out
    assert (
        "Twitter II: 4 of 5 predictions compared, of 4 samples answered by an unnamed model; "
        "without an answer: 1, without a class: 0" in printed
    )
    accuracy = next(line for line in printed.splitlines() if line.startswith("accuracy"))
    assert accuracy.split()[:4] == ["accuracy", "0.7500", "0.5000", "+0.2500"]
    assert accuracy.split()[-6:] == ["0.5000", "0.8000,", "0.4000", "(n", "=", "5)"]
    assert "right alone: LSTM-FCN 2, an unnamed model 1; McNemar's exact p = 1" in printed
    line = next(line for line in printed.splitlines() if line.startswith("negative"))
    assert line.split() == ["negative", "0.5000", "0.5000", "2"]

    numbers = json.loads((out / "comparison.json").read_text())
    assert numbers["n"] == 4 and numbers["systems"] == ["LSTM-FCN", "an unnamed model"]
    assert numbers["scores"]["accuracy"]["difference"] == 0.25
    assert read(out / "samples.csv")[-1] == {
        "name": "4",
        "truth": "negative",
        "predicted": "negative",
        "answered": "",
    }
    positive = read(out / "per-class.csv")[0]
    assert (positive["class"], positive["n"], positive["ours"]) == ("positive", "2", "1.0")
    assert (out / "comparison.png").stat().st_size > 10_000
    assert len(list(out.iterdir())) == 4 and plt.get_fignums() == figures


def test_compare_on_the_samples_of_a_label_file(folder, tmp_path, capsys):
    labels = tmp_path / "labels.csv"
    write(labels, [["name", "discrete"], ["2.jpg", "negative"], ["5", "negative"], ["9", "x"]])
    assert compare(folder, "--labels", str(labels)) == 0
    printed = capsys.readouterr().out
    assert "1 of 5 predictions are of the 1 answered samples of labels.csv" in printed
    assert "1 of them were released with another class, or with none" in printed
    assert "right alone: classifier 0, an unnamed model 1" in printed
    write(labels, [["name", "discrete"], ["2.jpg", "negative"]])
    write(tmp_path / "predictions.csv", [["name", "predicted"], ["1", "positive"]])
    (tmp_path / "root").symlink_to(folder / "root")
    assert compare(tmp_path, "--labels", str(labels)) == 1
    assert "has none of the 1 answered samples of" in capsys.readouterr().err


def test_compare_notes_predictions_of_no_class(folder, tmp_path, capsys):
    (tmp_path / "root").symlink_to(folder / "root")
    rows = [["name", "label"], ["1", "positive"], ["2", "glad"]]
    write(tmp_path / "predictions.csv", rows)
    assert compare(tmp_path, "--column", "label", "--model", "another") == 0
    printed = capsys.readouterr().out
    assert "note: 1 of 2 predictions are no class of Twitter II and count as wrong" in printed
    assert "answered by another" in printed


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--column", "label"], "has the columns name, predicted; expected name, label, each once"),
        (["--variant", "three"], "--variant three of twitter2 is unknown"),
        (["--out", "FILE"], "is a file; name a folder with --out."),
        (["--labels", "nowhere.csv"], "there is no file nowhere.csv; give a table with the "),
    ],
)
def test_compare_refuses(folder, arguments, message, capsys):
    file = str(folder / "predictions.csv")
    assert compare(folder, *(file if one == "FILE" else one for one in arguments)) == 1
    error = capsys.readouterr().err
    assert message in error and error.startswith("lstmfcn: error: ") and error.count("\n") == 1


def test_other_refusals(folder, tmp_path, capsys):
    assert compare(folder, dataset="emodb") == 1
    assert "--dataset emodb is unknown; choose one of ckplus," in capsys.readouterr().err
    assert main([*ZERO_SHOT, "table", "--answers", str(tmp_path)]) == 1
    assert "has none of the folders ckplus," in capsys.readouterr().err
    assert main([*ZERO_SHOT, "table", "--answers", str(tmp_path / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err
    assert main([*ZERO_SHOT, "table", "--out", str(tmp_path / "no" / "table.csv")]) == 1
    assert "create it first" in capsys.readouterr().err
    for command in (["emotion"], ZERO_SHOT):
        with pytest.raises(SystemExit) as left:
            main(command)
        assert left.value.code == 2


def ask(*arguments, status=0):
    """Call ``run`` of the shell."""
    assert main([*ZERO_SHOT, "run", *map(str, arguments)]) == status


@needs_client
def test_the_command_plans_asks_and_goes_on(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    samples, out = tmp_path / "samples.csv", tmp_path / "out"
    labels = [("happy", "sad")[i % 2] for i in range(6)]
    rows = [[f"s{i}", label, f"Text {i}, so {label}."] for i, label in enumerate(labels)]
    write(samples, [["name", "gt", "text"], *rows])
    arguments = ["--samples", samples, "--vocabulary", "happy, sad", "--model", "fake"]
    arguments += ["--out", out, "--batch-size", 2, "--seed", 3]
    ask(*arguments, "--dry-run")
    printed = capsys.readouterr().out
    assert "You are an expert" in printed and 'sample 2: "Text ' in printed
    assert "6 samples, 0 of them answered before; 3 requests if each is answered at" in printed
    assert "at most 3000 of replies. Nothing was sent." in printed and not out.exists()
    ask(*arguments, status=1)
    assert "there is no key for the endpoint" in capsys.readouterr().err

    ask(*arguments, "--fake", "--max-requests", 1)
    printed = capsys.readouterr().out
    assert "6 samples: 2 ok, 4 not asked; 0 were answered before, 1 requests now" in printed
    assert "ended because the budget of 1 requests is spent; run it again to go on" in printed
    ask(*arguments, "--fake", "--concurrency", 2, "--max-completion-tokens")
    captured = capsys.readouterr()
    assert "6 samples: 6 ok; 2 were answered before, 2 requests now; files are in" in captured.out
    assert "ask fake: 100%" in captured.err
    assert json.loads((out / "answers.jsonl").read_text().splitlines()[0])["seed"] == 3
    assert (out / "label-gpt4v.csv").read_text().splitlines()[1] == 's0,happy,"happy,sad"'


@needs_client
def test_answers_of_another_endpoint_or_temperature_are_not_taken_over(tmp_path, capsys):
    samples, out = tmp_path / "samples.csv", tmp_path / "out"
    write(samples, [["name", "gt", "text"], ["a", "happy", "A happy day."]])
    arguments = ["--samples", samples, "--vocabulary", "happy,sad", "--model", "m", "--out", out]
    ask(*arguments, "--fake")
    capsys.readouterr()
    ask(*arguments, "--fake", "--temperature", 0.7, status=1)
    assert f"{out} has answers of m at the temperature 0.0, not 0.7; name another folder." in (
        capsys.readouterr().err
    )
    lines = (out / "answers.jsonl").read_text()
    (out / "answers.jsonl").write_text(lines.replace("127.0.0.1", "api.example.org"))
    ask(*arguments, "--fake", status=1)
    assert "from the endpoint api.example.org" in capsys.readouterr().err


@needs_client
def test_a_comparison_names_the_model_that_answered(tmp_path, capsys):
    (tmp_path / "samples.csv").write_text(
        "name,gt,text\na,positive,What a good day!\nb,negative,A bad day.\n"
    )
    arguments = ["--samples", tmp_path / "samples.csv", "--vocabulary", "positive,negative"]
    ask(*arguments, "--model", "mine-7b", "--out", tmp_path / "twitter2", "--fake")
    (tmp_path / "predictions.csv").write_text("name,predicted\na,positive\nb,positive\n")
    (tmp_path / "root").symlink_to(tmp_path)
    assert compare(tmp_path) == 0
    printed = capsys.readouterr().out
    assert "of 2 samples answered by mine-7b;" in printed and "GPT-4V" not in printed


@needs_client
def test_each_variant_of_a_run_has_its_model_and_its_scores(tmp_path, capsys):
    samples, out = tmp_path / "samples.csv", tmp_path / "mine"
    samples.write_text(
        "name,gt,text\na,happy,A happy day!\nb,sad,A happy end.\nc,happy,I am sad.\n"
        "d,calm,So sad.\n"
    )
    arguments = ["--samples", samples, "--vocabulary", "happy,sad,calm", "--out", out, "--fake"]
    ask(*arguments, "--model", "one-7b", "--variant", "text")
    ask(*arguments, "--model", "two-8b", "--variant", "other")
    capsys.readouterr()
    score = [*ZERO_SHOT, "score", str(out)]
    assert main(score) == 1
    assert "has several variants; choose one of 'other', 'text'." in capsys.readouterr().err
    assert main([*score, "--variant", "third"]) == 1
    assert "--variant third is not in" in capsys.readouterr().err
    assert main([*score, "--variant", "text", "--out", str(tmp_path / "scores.csv")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "mine text, answered by one-7b: 4 samples with a class; 0 without an answer, 0 answered "
        "out of the vocabulary (wrong)\n"
    )
    lines = [line.split() for line in printed.splitlines()]
    assert ["accuracy", "0.2500"] in [line[:2] for line in lines]
    assert ["happy", "1", "1", "0", "0"] in lines and ["calm", "0", "1", "0", "0"] in lines
    rows = {row["metric"]: row for row in read(tmp_path / "scores.csv")}
    assert float(rows["uar"]["strict"]) == pytest.approx(0.5 / 3)
    assert float(rows["accuracy"]["majority"]) == 0.5
    (tmp_path / "predictions.csv").write_text("name,predicted\na,happy\nb,sad\n")
    (tmp_path / "root").symlink_to(tmp_path)
    for variant, model in (("text", "one-7b"), ("other", "two-8b")):
        assert compare(tmp_path, "--variant", variant, dataset="mine") == 0
        assert f"answered by {model};" in capsys.readouterr().out


def test_a_run_is_scored_with_its_missing_answers(folder, tmp_path, capsys):
    assert main([*ZERO_SHOT, "score", str(folder / "root" / "twitter2")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "Twitter II, answered by an unnamed model: 5 samples with a class; 1 without an answer, 1 "
        "answered out of the vocabulary (wrong)\n"
    )
    line = next(line for line in printed.splitlines() if line.startswith("accuracy"))
    assert line.split()[1::2][:2] == ["0.5000", "0.4000"]
    write(tmp_path / "label.csv", [["name", "gt"], ["a", ""]])
    write(tmp_path / "label-gpt4v.csv", [["name", "gt", "gpt4v"], ["a", "", "sad"]])
    assert main([*ZERO_SHOT, "score", str(tmp_path)]) == 1
    assert "has no true labels; ask about samples that have a gt." in capsys.readouterr().err
    assert main([*ZERO_SHOT, "score", str(tmp_path / "x")]) == 1
    assert "name the folder of a run (--out)." in capsys.readouterr().err


def test_the_released_answers_are_those_of_gpt4v(capsys):
    data = real_data()
    if data is None or not (data / "gpt4v").is_dir():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds gpt4v/")
    assert main([*ZERO_SHOT, "score", str(data / "gpt4v" / "dfew")]) == 0
    assert capsys.readouterr().out.startswith("DFEW, answered by GPT-4V: ")


def test_a_vocabulary_that_is_none(tmp_path, capsys):
    arguments = ["--samples", "x.csv", "--model", "m", "--out", tmp_path / "out"]
    ask(*arguments, "--vocabulary", "happy", status=1)
    assert capsys.readouterr().err.startswith(
        "lstmfcn: error: the vocabulary 'happy' is neither several labels with commas between them "
        "nor one of the datasets ckplus, sfew2, "
    )


def test_the_command_knows_the_modalities_and_vocabularies(tmp_path, capsys):
    assert commands.MODALITIES == tuple(MODALITIES)
    (tmp_path / "samples.csv").write_text("name,text\na,x\n")
    arguments = ["--samples", tmp_path / "samples.csv", "--model", "fake", "--out", tmp_path]
    ask(*arguments, "--vocabulary", "mer2023", "--dry-run")
    assert '["worried", "happy", "neutral", "angry", "surprised", "sad"]' in capsys.readouterr().out
