"""Does the report say what the records say, and does it work in a browser on its own?"""

import json
import re

import numpy as np
import pytest

from lstmfcn import FCNClassifier
from lstmfcn.cli import main
from lstmfcn.datasets import load_ucr
from lstmfcn.evaluation import Results, Run, classification_metrics, score_table
from lstmfcn.report import write_report

HOSTILE = "</script><script>document.title='broken'</script><img src=x onerror=alert(1)>"
SETS = ["GunPoint", "ArrowHead", "ItalyPowerDemand", "ECG200", "Coffee", "Wine", HOSTILE]
MODELS = ["LSTM-FCN", "FCN", "peer"]


def results(folder):
    """Two seeds of three models on seven datasets; one run is missing and failed."""
    found = Results(folder)
    random = np.random.default_rng(0)
    for m, model in enumerate(MODELS):
        found.register(model, {"target": f"module:{model}", "parameters": {"m": m}})
        for dataset in SETS:
            for seed in (0, 1):
                run = Run(dataset, model, seed)
                if run == Run("Coffee", "peer", 1) or (dataset, model) == ("Wine", "peer"):
                    found.write_failure(run, f"MemoryError: no room for {dataset} <b>")
                    continue
                y_true = random.integers(0, 3, size=50)
                right = random.random(50) < 0.6 + 0.1 * m
                y_pred = np.where(right, y_true, (y_true + 1) % 3)
                record = {
                    **classification_metrics(y_true, y_pred, classes=[0, 1, 2]),
                    "fit_seconds": 10.0 * 3**m,
                    "predict_seconds": 0.1,
                    "epochs": 100,
                    "n_parameters": None,
                    "peak_memory_bytes": 10**8,
                    "n_train": 30,
                    "n_test": 50,
                    "n_channels": 1,
                    "n_timepoints": 100 + len(dataset),
                    "n_classes": 3,
                    "began": f"2026-01-0{m + 1}T00:00:00Z",
                    "versions": {"python": "3.11"},
                    "hardware": {"cores": 2},
                    "commit": None,
                    "target": f"module:{model}",
                    "parameters": {"m": m},
                }
                arrays = {"y_true": y_true, "y_pred": y_pred, "classes": [0, 1, 2]}
                found.write(run, record, arrays)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    found = results(folder / "results")
    X, y, *_ = load_ucr("GunPoint")
    fcn = FCNClassifier(n_filters=(8, 8, 8), n_epochs=3, random_state=0).fit(X, y)
    path = found.fitted_path(Run("GunPoint", "FCN", 1))
    path.parent.mkdir(parents=True)
    fcn.save(path)
    broken = found.fitted_path(Run("ArrowHead", "FCN", 0))
    broken.parent.mkdir(parents=True)
    broken.write_text("no model")
    published = ["--published", "HC2,karim2018:LSTM-FCN"]
    out = ["--out", str(folder / "report.html"), "--title", "A & B"]
    assert main(["benchmark", "report", str(folder / "results"), *out, *published]) == 0
    return folder


@pytest.fixture(scope="module")
def text(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def contents(text):
    return json.loads(re.search(r'id="contents">(.*?)</script>', text, re.DOTALL)[1])


def test_contents_are_the_records(folder, contents):
    records = Results(folder / "results").records()
    table = score_table(records)
    assert contents["models"] == table.ranked().models
    assert [d["name"] for d in contents["datasets"]] == table.datasets
    scores = np.array(contents["scores"]["accuracy"], dtype=float)
    np.testing.assert_allclose(scores, table.ranked().scores, rtol=1e-5)
    i, j = table.datasets.index("GunPoint"), contents["models"].index("FCN")
    both = [r["accuracy"] for r in records if (r["dataset"], r["model"]) == ("GunPoint", "FCN")]
    assert contents["standard_deviations"]["accuracy"][i][j] == pytest.approx(
        np.std(both, ddof=1), rel=1e-5
    )
    assert [row[:3] for row in contents["runs"][i][j]] == [
        [seed, 0, pytest.approx(value, rel=1e-5)] for seed, value in enumerate(both)
    ]
    expected = {row["model"]: row["arithmetic_rank"] for row in table.summary()}
    ranks = {row["model"]: row["arithmetic_rank"] for row in contents["summaries"]["accuracy"]}
    assert ranks == pytest.approx(expected, rel=1e-5)
    assert contents["incomplete"] == ["Wine"]
    assert {f["dataset"] for f in contents["failures"]} == {"Wine", "Coffee"}
    assert contents["provenance"]["began"] == ["2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"]
    assert "log_loss" not in contents["scores"]  # no record has one


def test_confusions_count_the_cases(folder, contents):
    arrays = Results(folder / "results").predictions(Run("GunPoint", "peer", 0))
    found = contents["confusions"]["GunPoint"]["peer"]
    for i, j in np.ndindex(3, 3):
        cases = (arrays["y_true"] == i) & (arrays["y_pred"] == j)
        assert found["matrix"][i][j] == cases.sum()
    true, predicted, count = found["most_confused"][0]
    assert count == max(found["matrix"][i][j] for i, j in np.ndindex(3, 3) if i != j)
    assert found["matrix"][int(true)][int(predicted)] == count


def test_published_results_stand_apart(contents):
    found = contents["published"]
    assert set(found["models"][:2]) == {"HC2 (middlehurst2024)", "LSTM-FCN (karim2018)"}
    assert set(found["left_out"]) == {HOSTILE}
    assert [source["name"] for source in found["sources"]] == ["karim2018", "middlehurst2024"]
    assert not any("HC2" in model for model in contents["models"])


def test_pictures(contents):
    titles = [picture["title"] for picture in contents["pictures"]]
    assert titles[:2] == ["Critical differences", "Every pair"]
    assert sum(" against " in title for title in titles) == 3
    assert titles[-2:] == ["Score and cost", "Every dataset"]
    drawn = contents["dataset_pictures"]["GunPoint"]["FCN"]
    assert [picture["title"] for picture in drawn] == ["Learning curves", "Class activation map"]
    everything = [*contents["pictures"], *drawn, *contents["published"]["pictures"]]
    assert all(p["uri"].startswith("data:image/") and len(p["uri"]) > 2000 for p in everything)
    assert "is not a classifier file, or is damaged" in contents["dataset_notes"]["ArrowHead"]


def test_the_page_asks_for_nothing(text):
    page = re.sub(r'id="contents">.*?</script>', "", text, flags=re.DOTALL)
    assert "A &amp; B" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|innerHTML|eval\(", page)
    assert "default-src 'none'" in page


def test_one_model_on_one_dataset(tmp_path):
    found = Results(tmp_path / "results")
    arrays = {"y_true": [0, 1], "y_pred": [0, 1]}
    record = {"accuracy": 1.0, "per_class_error": 0.0, "n_classes": 2, "target": "a:B"}
    found.write(Run("mine", "only"), record, arrays)
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    contents = json.loads(re.search(r'id="contents">(.*?)</script>', page, re.DOTALL)[1])
    assert [picture["title"] for picture in contents["pictures"]] == ["Every dataset"]


def test_maps_on_other_data_are_not_drawn(tmp_path):
    found, run = Results(tmp_path / "results"), Run("mine", "only")
    found.write(run, {"accuracy": 1.0, "per_class_error": 0.0, "n_classes": 2, "data": "0a"}, {})
    path = found.fitted_path(run)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    X, y = np.zeros((2, 9)), np.array([0, 1])
    write_report(found, tmp_path / "a.html", load_split=lambda name: (X, y, X, y))
    assert "These are not the series and labels of the sweep." in (tmp_path / "a.html").read_text()


def test_any_name_of_a_dataset_is_drawn(tmp_path):
    found = Results(tmp_path / "results")
    for dataset in ("$$", r"$\frac$", "_", "\N{SNOWMAN}" * 20, "A" * 200):
        for model, accuracy in (("one", 0.5), ("_two", 0.75)):
            found.write(Run(dataset, model), {"accuracy": accuracy, "fit_seconds": 1.0}, {})
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    contents = json.loads(re.search(r'id="contents">(.*?)</script>', page, re.DOTALL)[1])
    titles = [picture["title"] for picture in contents["pictures"]]
    assert titles[:2] == ["Critical differences", "Every pair"]
    assert titles[2:] == ["_two against one", "Score and cost", "Every dataset"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--metric", "f2"], "--metric f2 is unknown; choose one of accuracy, balanced_accuracy"),
        (["--out", "/nowhere/report.html"], "the folder /nowhere does not exist"),
        (["--published", "HC3"], "method='HC3' is unknown; choose one of karim2018:1-NN DTW"),
    ],
)
def test_refusals(folder, tmp_path, capsys, arguments, sentence):
    out = ["--out", str(tmp_path / "report.html")]
    assert main(["benchmark", "report", str(folder / "results"), *out, *arguments]) == 1
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# In a browser


@pytest.fixture
def page(browser, folder):
    browser.get("about:blank")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get_log("browser"), browser.get_log("performance")
    browser.get((folder / "report.html").as_uri())
    yield browser
    assert browser.get_log("browser") == []
    asked = [
        message["params"]["request"]["url"]
        for message in (
            json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
        )
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert all(url.startswith(("file:", "data:", "about:")) for url in asked), asked


def rows(page):
    return page.execute_script(
        "return [...document.querySelectorAll('#scores-table tbody tr')]"
        ".map(r => [...r.cells].map(c => c.textContent))"
    )


def wait_until(page, condition):
    """Wait for what a click has asked for: the page answers a new address a moment later."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, timeout=20, poll_frequency=0.05).until(lambda _: condition())


def heading(page):
    return page.execute_script("return document.querySelector('h2')?.textContent")


def test_it_renders(page, contents):
    assert page.title == "A & B"
    names = [row[0] for row in rows(page)]
    assert names == [dataset["name"] for dataset in contents["datasets"]]
    headings = page.execute_script(
        "return [...document.querySelectorAll('h2')].map(h => h.textContent)"
    )
    assert headings == [
        "Summary",
        "Datasets",
        "Pictures",
        "Beside published results",
        "Failures",
        "Provenance",
    ]
    assert page.execute_script(
        "return [...document.images].every(i => i.complete && i.naturalWidth > 100)"
    )
    assert page.execute_script(
        "return document.documentElement.scrollWidth <= window.innerWidth"
    )  # nothing sticks out


def test_it_sorts(page, contents):
    from selenium.webdriver.common.by import By

    def click(name):
        path = f"//table[@id='scores-table']//th/button[text()='{name}']"
        page.find_element(By.XPATH, path).click()

    column = 4 + contents["models"].index("peer")
    click("peer")
    down = [row[column] for row in rows(page)]
    assert down[-1] == "\u2013" and down[:-1] == sorted(down[:-1], reverse=True)
    click("peer")
    up = [row[column] for row in rows(page)]
    assert up[-1] == "\u2013" and up[:-1] == sorted(up[:-1])
    click("length")
    lengths = [int(row[2]) for row in rows(page)]
    assert lengths == sorted(lengths)
    sorted_by = "return document.querySelector('[aria-sort=ascending]').textContent"
    assert page.execute_script(sorted_by) == "length"


def test_it_filters_and_shows_other_numbers(page, contents):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    page.find_element(By.ID, "filter").send_keys("oint")
    assert [row[0] for row in rows(page)] == ["GunPoint"]
    assert page.find_element(By.ID, "count").text == "1 of 7 datasets"
    Select(page.find_element(By.ID, "metric")).select_by_value("fit_seconds")
    assert rows(page)[0][4:] == [
        {"LSTM-FCN": "10 s", "FCN": "30 s", "peer": "90 s"}[m] for m in contents["models"]
    ]
    Select(page.find_element(By.ID, "show")).select_by_value("difference")
    assert rows(page)[0][4 + contents["models"].index("FCN")] == "20 s"
    page.find_element(By.ID, "filter").clear()
    page.find_element(By.ID, "filter").send_keys("nothing of the kind")
    assert rows(page) == []


def test_a_dataset_has_its_page(page, contents):
    from selenium.webdriver.common.by import By

    page.find_element(By.LINK_TEXT, "GunPoint").click()
    wait_until(page, lambda: heading(page) == "GunPoint")
    runs = page.execute_script("return document.querySelectorAll('#runs-table tbody tr').length")
    assert runs == 6
    heads = page.execute_script(
        "return [...document.querySelectorAll('h3')].map(h => h.textContent)"
    )
    assert heads[-3:] == contents["models"]  # of the confusions
    captions = [element.text for element in page.find_elements(By.CSS_SELECTOR, "figure h3")]
    assert captions == ["Learning curves", "Class activation map"]
    page.find_element(By.PARTIAL_LINK_TEXT, "→").click()
    following = [dataset["name"] for dataset in contents["datasets"]]
    following = following[following.index("GunPoint") + 1]
    wait_until(page, lambda: heading(page) == following)
    page.find_element(By.LINK_TEXT, "all datasets").click()
    wait_until(page, lambda: len(rows(page)) == 7)


def test_hostile_names_stay_text(page):
    from selenium.webdriver.common.by import By

    assert page.title == "A & B"
    assert HOSTILE in [row[0] for row in rows(page)]
    page.find_element(By.LINK_TEXT, HOSTILE).click()
    wait_until(page, lambda: heading(page) == HOSTILE)


PHONE, DESK = (390, 800), (1280, 900)


def look(page, size, colours="light"):
    """Show the page at a size, with the reader's preference of colours, and from its top."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": colours}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    page.execute_script("window.scrollTo(0, 0)")


def luminance(colour):
    """Return the relative luminance of a CSS colour, as contrast is defined (WCAG 2)."""
    r, g, b = (int(c) / 255 for c in re.findall(r"\d+", colour)[:3])
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (r, g, b))
    return sum(c * weight for c, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_accuracies_are_seen_and_the_page_does_not_scroll_sideways(page, size):
    look(page, size)
    assert page.execute_script("return document.documentElement.scrollWidth") <= size[0]
    cells = page.execute_script(
        "return [...document.querySelectorAll('#scores-table tbody tr:first-child td')].map(c => {"
        "const b = c.getBoundingClientRect(); return [c.textContent, b.left, b.right] })"
    )
    shown = [text for text, left, right in cells if left >= 0 and left < right <= size[0]]
    assert sum(bool(re.fullmatch(r"0\.\d{4}|1\.0000", text)) for text in shown) == 3
    assert shown[0] == cells[0][0]
    # Whatever is wider than its box scrolls in it, and its first column stays.
    boxes = page.execute_script(
        "const left = (e) => e.getBoundingClientRect().left;"
        "return [...document.querySelectorAll('.scroll')]"
        ".filter(b => b.scrollWidth > b.clientWidth).map(b => { b.scrollLeft = 99;"
        " const cell = b.querySelector('td');"
        " return [b.scrollLeft, cell ? left(cell) - left(b) : 0] })"
    )
    assert all(moved > 0 and offset == 0 for moved, offset in boxes)
    assert len(boxes) > 2 or size == DESK


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_it_can_be_read_by_day_and_by_night(page, colours):
    import io

    from PIL import Image

    look(page, DESK, colours)
    style = "const s = getComputedStyle(document.querySelector(arguments[0])); return [s.color, "
    ink, ground = page.execute_script(style + "s.backgroundColor]", "body")
    assert (luminance(ground) < 0.05) == (colours == "dark")
    for selector in ("body", ".soft", "td a", "th", "td.bad"):
        ink, _ = page.execute_script(style + "0]", selector)
        low, high = sorted((luminance(ink), luminance(ground)))
        assert (high + 0.05) / (low + 0.05) > 4.5, selector  # WCAG 2, level AA
    image = page.find_element("css selector", "figure img")
    picture = Image.open(io.BytesIO(image.screenshot_as_png)).convert("L")
    counts = picture.histogram()
    assert (counts.index(max(counts)) < 64) == (colours == "dark")  # the ground of a picture


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_dots_say_what_they_are(page, contents, size):
    look(page, size)
    picture = next(p for p in contents["pictures"] if p["title"] == "peer against FCN")
    scores = contents["scores"]["accuracy"]
    named = {
        dataset["name"]: row for dataset, row in zip(contents["datasets"], scores, strict=True)
    }
    peer, fcn = (contents["models"].index(model) for model in ("peer", "FCN"))
    x, y, text = picture["dots"][0]
    page.execute_script(
        "const f = [...document.querySelectorAll('figure')].find(f =>"
        " f.querySelector('h3').textContent === 'peer against FCN').querySelector('.frame');"
        "f.scrollIntoView({block: 'center'}); f.id = 'aimed'"
    )
    box = page.execute_script(
        "const b = document.getElementById('aimed').getBoundingClientRect();"
        "return [b.left, b.top, b.width, b.height]"
    )
    tip = page.find_element("id", "tip")

    def is_told():  # the end of the scrolling hides it
        for beside in (1, 0):
            at = {"x": box[0] + x * box[2] + beside, "y": box[1] + y * box[3]}
            page.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", **at})
        return tip.is_displayed()

    wait_until(page, is_told)
    assert tip.text == text
    dataset, rest = text.split("\n")[0].rsplit(": ", 1)
    first, second = (named[dataset][j] for j in (peer, fcn))
    assert rest == f"peer {first:.4f}, FCN {second:.4f}"
    inside = page.execute_script(
        "const b = document.getElementById('tip').getBoundingClientRect();"
        "return b.left >= 0 && b.right <= innerWidth && b.top >= 0"
    )
    assert inside
    away = {"type": "mouseMoved", "x": 3, "y": 3}
    page.execute_cdp_cmd("Input.dispatchMouseEvent", away)
    wait_until(page, lambda: not tip.is_displayed())


def test_models_have_one_order(page, contents):
    ranked = [row["model"] for row in contents["summaries"]["accuracy"]]
    assert contents["models"] == ranked
    assert [model["name"] for model in contents["provenance"]["models"]] == ranked
    first_cells = "return [...document.querySelectorAll('#summary tbody td:first-child')]"
    assert page.execute_script(first_cells + ".map(c => c.textContent)") == ranked
    heads = page.execute_script(
        "return [...document.querySelectorAll('#scores-table th')].map(c => c.textContent)"
    )
    assert heads[4:] == ranked
    pairs = [p["title"] for p in contents["pictures"] if " against " in p["title"]]
    a, b, c = ranked
    assert pairs == [f"{a} against {b}", f"{a} against {c}", f"{b} against {c}"]
