"""Do words lead to classes on wheels of emotions as in MER2025, and are workbooks read?"""

import zipfile

import pytest
from conftest import real_data, refusal

from lstmfcn.cli import main
from lstmfcn.datasets.xlsx import MAIN, xlsx_rows
from lstmfcn.emotion import read_wheels, wheel_scores

# The first wheel tells joy from gloom; the second one has neither "proud" nor what leads to it.
FILES = {
    "wheel1": [
        ["level1", "level2", "level3"],
        ["Happy ", "content", "calm"],
        ["", "", "serene"],
        ["", "proud", "smug"],
        ["sad", "lonely", "lost"],
        ["", "hurt", "low"],
    ],
    "wheel2": [["level1", "level2", "level3"], ["joy", "calm", "serene"], ["gloom", "low", "lost"]],
    "synonym": [
        ["word_run1", "synonym_run1", "word_run2", "synonym_run2"],
        ["calm", "['relaxed', 'Easy']", "calm", "['tranquil']"],
        ["serene", "['relaxed']", "smug", "['vain']"],
        ["lost", "['confused']", "low", "['confused', 'down']"],
        ["smug", "[]", "proud", "['vain']"],
        ["low", "[]", "lost", "[]"],
        ["hurt", "[]", "content", "[]"],
    ],
    "format": [
        ["name", "format"],
        ["calm", "calmly,calmness"],
        ["relaxed", "relaxed,relaxing"],
        ["vain", "vanity"],
        ["confused", "confusion,confusing"],
        ["hurt", ""],
        ["content", "calmly"],
    ],
}
TRUTH = {
    "a": ["Calmly", "confusion"],  # happy and sad
    "b": ["vanity"],  # happy on the first wheel, nothing on the second
    "c": ["relaxing "],
    "d": ["hungry"],  # on no wheel
}
PREDICTED = {"a": ["relaxed"], "b": ["hurt", "vain"], "c": [], "d": ["calm"], "e": ["calm"]}


def write_csv(path, rows):
    path.write_text("".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows))


def write_xlsx(path, rows, *, shared=False, **parts):
    """Write a workbook as Excel does: with texts in the cells, or in a list that cells refer to."""
    texts = sorted({cell for row in rows for cell in row})
    lines = []
    for i, row in enumerate(rows, start=1):
        line = ""
        for letter, cell in zip("ABCDEF", row, strict=False):
            if not cell:
                continue  # Excel writes no empty cells
            value = f"<is><t>{cell}</t></is>"
            kind = "inlineStr"
            if shared:
                kind, value = "s", f"<v>{texts.index(cell)}</v>"
            line += f'<c r="{letter}{i}" t="{kind}">{value}</c>'
        lines.append(f'<row r="{i}">{line}</row>')
    main_ns = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    items = "".join(f"<si><r><t>{t[:2]}</t></r><r><t>{t[2:]}</t></r></si>" for t in texts)
    contents = {
        "xl/workbook.xml": f'<workbook {main_ns} xmlns:r="{relations}"><sheets>'
        '<sheet name="one" r:id="r7"/><sheet name="two" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": "<Relationships>"
        '<Relationship Id="r1" Target="worksheets/other.xml"/>'
        '<Relationship Id="r7" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {main_ns}><sheetData>{''.join(lines)}"
        "</sheetData></worksheet>",
        "xl/sharedStrings.xml": f"<sst {main_ns}>{items}</sst>",
    } | {name.replace("__", "/") + ".xml": text for name, text in parts.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)


@pytest.fixture
def folder(tmp_path):
    """A folder with two wheels, workbooks and a CSV file."""
    (tmp_path / "wheels").mkdir()
    for i, (name, rows) in enumerate(FILES.items()):
        if name == "format":
            write_csv(tmp_path / "wheels" / "format.csv", rows)
        else:
            write_xlsx(tmp_path / "wheels" / f"{name}.xlsx", rows, shared=i % 2 == 0)
    return tmp_path / "wheels"


def test_words_lead_to_the_first_word_on_the_wheel(folder):
    wheels = read_wheels(folder)
    assert sorted(wheels.wheels) == ["wheel1", "wheel2"]
    # "relaxed" may mean calm or serene, which "calmly" may as a form of "calm" and "content".
    assert wheels.words["relaxing"] == ("calm", "serene")
    assert wheels.words["calmly"] == ("calm", "content")
    assert wheels.words["vanity"] == ("proud", "smug") and "smug" not in wheels.words
    assert wheels.words["hurt"] == ("hurt",)
    assert wheels.classes(["relaxing", "confusing", "hungry"], "wheel1", 1) == {"happy", "sad"}
    assert wheels.classes(["relaxing", "vanity", "confusing"], "wheel1", 2) == {
        "content",
        "proud",
        "lonely",  # of "lost", which stands before "low"
    }
    assert wheels.classes(["vanity"], "wheel2", 1) == set()
    # A class of the inner ring is on the ring around it the first of its own.
    assert wheels.wheels["wheel1"][2]["happy"] == "content"


def test_scores_by_hand(folder):
    found = wheel_scores(TRUTH, PREDICTED, folder)
    first, second = found.wheels
    # a: 1/1, 1/2; b: 1/2, 1/1; c: 0, 0; d is left out, and of the second wheel b as well.
    assert (first["n"], first["precision"], first["recall"]) == (3, 1.5 / 3, 1.5 / 3)
    assert (second["n"], second["precision"], second["recall"]) == (2, 1 / 2, 0.5 / 2)
    assert first["f1"] == 0.5 and second["f1"] == pytest.approx(2 * 0.5 * 0.25 / 0.75)
    assert found.f1 == pytest.approx((0.5 + 1 / 3) / 2) and found.n == 4
    assert found.precision == 0.5 and found.recall == 0.375
    assert found.unknown == ("hungry",)
    # On the second level b is proud and vain alike, but hurt is another class.
    assert wheel_scores(TRUTH, PREDICTED, folder, level=2).wheels[0]["precision"] == 0.5
    nothing = wheel_scores(TRUTH, {name: [] for name in TRUTH}, folder)
    assert (nothing.f1, nothing.precision, nothing.recall) == (0, 0, 0)


def test_the_example_of_mer2025(capsys):
    data = real_data()
    if data is None or not (data / "mer-ov" / "emotion_wheel").is_dir():
        pytest.skip("no wheels: put MER2025's folder emotion_wheel into mer-ov/ of LSTMFCN_DATA")
    files = [data / "mer-ov" / name for name in ("check-openset.csv", "predict-openset.csv")]
    for level, f1 in ((1, 0.5546077967), (2, 0.4245826049)):
        found = wheel_scores(*files, data / "mer-ov" / "emotion_wheel", level=level)
        assert found.f1 == pytest.approx(f1, abs=1e-9)


def test_the_shell_prints_both_levels(folder, capsys, tmp_path):
    for name, words in (("truth", TRUTH), ("predicted", PREDICTED)):
        rows = [[clip, str(some)] for clip, some in words.items()]
        write_csv(tmp_path / f"{name}.csv", [["name", "openset"], *rows])
    paths = ["--truth", tmp_path / "truth.csv", "--predictions", tmp_path / "predicted.csv"]
    score = ["emotion", "score", *map(str, paths)]
    assert main([*score, "--wheels", str(folder), "--out", str(tmp_path / "out.json")]) == 0
    printed = capsys.readouterr().out
    assert "1 predictions are of clips without a truth, and do not count" in printed
    lines = [line.split() for line in printed.splitlines()]
    assert ["wheel1", "0.5000", "0.5000", "0.5000", "3"] in lines
    assert ["mean", "0.4167", "0.5000", "0.3750", "-"] in lines
    assert "1 words lead to no wheel: hungry" in printed and "level 2 of the wheels:" in printed
    assert '"level 2"' in (tmp_path / "out.json").read_text()
    for more, sentence in (
        (["--wheels", str(folder), "--group", "speaker"], "on their own; leave out --group."),
        (["--wheels", str(tmp_path)], "has no synonym, format, wheel1 (.xlsx or .csv); name"),
        (["--wheels", str(tmp_path / "x")], "is no folder; expected one with wheel1.xlsx,"),
    ):
        assert main([*score, *more]) == 1
        assert sentence in capsys.readouterr().err
    assert main(["emotion", "score", *score[4:], "--wheels", str(folder)]) == 1
    assert "add --truth, a file of words." in capsys.readouterr().err


def test_the_shell_scores_by_groups_of_synonyms(capsys):
    data = real_data()
    if data is None or not (data / "mer-ov").is_dir():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds mer-ov/")
    files = [data / "mer-ov" / name for name in ("check-openset.csv", "predict-openset.csv")]
    arguments = ["--truth", files[0], "--predictions", files[1]]
    arguments += ["--synonyms", data / "mer-ov" / "openset-synonym.zip"]
    assert main(["emotion", "score", *map(str, arguments)]) == 0
    assert "0.5398         0.5818      0.4978" in capsys.readouterr().out


def test_files_that_are_no_wheels(folder):
    write_csv(folder / "wheel3.csv", [["level1", "level2"], ["a", "b"]])
    assert refusal(lambda: read_wheels(folder)) == (
        "wheel3.csv has no column level3; its first row is level1, level2."
    )
    (folder / "wheel3.csv").unlink()
    other = {name: ["hungry"] for name in TRUTH}
    assert refusal(lambda: wheel_scores(other, PREDICTED, folder)) == (
        "no true word of 4 clips leads to wheel1; give words of its language."
    )
    assert "there is no prediction for a, b, c, d" in refusal(
        lambda: wheel_scores(TRUTH, {}, folder)
    )


def test_workbooks_that_deceive(tmp_path):
    path = tmp_path / "a.xlsx"
    for parts, reason in (
        ({"xl__workbook": "<a/>"}, "it has no sheet"),
        ({"xl__worksheets__sheet1": "<a"}, "xl/worksheets/sheet1.xml is no XML"),
        (
            {"xl__sharedStrings": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'},
            "xl/sharedStrings.xml is too large, or declares entities",
        ),
        ({"xl__sharedStrings": "<a/>"}, "cell A1 refers to a text that is not there"),
        (
            {"xl__worksheets__sheet1": f'<a xmlns="{MAIN[1:-1]}"><row><c r="ZZZ1"/></row></a>'},
            "cell ZZZ1 is behind column 256",
        ),
    ):
        write_xlsx(path, [["x"]], shared=True, **parts)
        assert refusal(lambda: xlsx_rows(path)) == (
            f"a.xlsx is no workbook or is damaged ({reason}); expected an Excel workbook (.xlsx)."
        )
    path.write_text("name,format")
    assert "a.xlsx is no workbook or is damaged" in refusal(lambda: xlsx_rows(path))
    write_xlsx(path, [["a", "", "b"], [], ["", "1"]])
    assert xlsx_rows(path) == [["a", "", "b"], [], ["", "1"]]
