"""Is an archive downloaded whole, or not at all? Against a real server on this machine."""

import contextlib
import hashlib
import http.server
import io
import re
import threading
import zipfile

import numpy as np
import pytest

from lstmfcn.cli import main
from lstmfcn.datasets import download_archive, list_ucr, load_ucr
from lstmfcn.datasets.download import PIECE, SOURCES
from lstmfcn.files import locked


def archive(seed=0):
    """Return the bytes of a zip with one dataset in the archive's layout, of several pieces."""
    random, file = np.random.default_rng(seed), io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for split in ("TRAIN", "TEST"):
            rows = [f"{i % 2}\t0.5\t{random.random()}" for i in range(6)]
            packed.writestr(f"UCRArchive_2018/Mine/Mine_{split}.tsv", "\n".join(rows))
        packed.writestr("UCRArchive_2018/noise.bin", random.bytes(3 * PIECE))
    return file.getvalue()


ARCHIVE = archive()
HASH = hashlib.sha256(ARCHIVE).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """A server of one file: its ``content``, ``etag``, and what it does wrong."""

    def do_GET(self):
        site = self.server
        site.asked.append(self.headers.get("Range"))
        if site.status != 200:
            return self.send_error(site.status)
        content, start = site.content, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked and site.has_ranges and self.headers.get("If-Range") == site.etag:
            start = int(asked[1])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            end = len(content) - 1
            self.send_header("Content-Range", f"bytes {start + site.shift}-{end}/{len(content)}")
        if site.says_length:
            self.send_header("Content-Length", str(len(content) - start))
        if site.etag:
            self.send_header("ETag", site.etag)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[start : site.stops_at])

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.etag, server.status, server.stops_at = ARCHIVE, '"1"', 200, None
    server.asked, server.has_ranges, server.says_length, server.shift = [], True, True, 0
    server.url = f"http://127.0.0.1:{server.server_port}/mirror.zip"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_archive_is_downloaded_and_read(site, tmp_path, capsys):
    folder = tmp_path / "new" / "archives"
    command = ["download", "ucr", "--out", str(folder), "--url", site.url]
    assert main(command) == 0
    told = capsys.readouterr()
    path = folder / "UCRArchive_2018.zip"
    assert f"{path}: {len(ARCHIVE):,} bytes, sha256 {HASH}\n" in told.out
    assert "nobody has told what its sha256 should be; --sha256 with this one pins it" in told.out
    assert "UCRArchive_2018.zip: 100%" in told.err  # the bar
    assert path.read_bytes() == ARCHIVE and left(folder) == [path.name]
    assert list_ucr(path) == ["Mine"] and load_ucr("Mine", path)[0].shape == (6, 2)
    assert main(command) == 1
    assert f"error: {path} is there; it is not replaced.\n" in capsys.readouterr().err
    assert site.asked == [None]  # and nobody was asked again


def test_the_sha256_is_compared(site, tmp_path, capsys):
    found = download_archive("uea", tmp_path, url=site.url, sha256=HASH.upper())
    assert found == (tmp_path / "Multivariate2018_ts.zip", len(ARCHIVE), HASH, True)
    out = ["--out", str(tmp_path / "other"), "--url", site.url]
    assert main(["download", "uea", *out, "--sha256", "0" * 64]) == 1
    sentence = f"has the sha256 {HASH}, not {'0' * 64}, and was deleted."
    assert sentence in capsys.readouterr().err
    assert left(tmp_path / "other") == []


def test_what_is_interrupted_goes_on(site, tmp_path):
    site.stops_at = 2 * PIECE
    with pytest.raises(ConnectionError, match=r"stopped at .* of .* bytes; the same call goes on"):
        download_archive("ucr", tmp_path, url=site.url)
    assert left(tmp_path) == ["UCRArchive_2018.zip.part", "UCRArchive_2018.zip.part.version"]
    site.stops_at = None
    assert download_archive("ucr", tmp_path, url=site.url).sha256 == HASH
    assert site.asked == [None, f"bytes={2 * PIECE}-"]
    assert left(tmp_path) == ["UCRArchive_2018.zip"]


def test_ctrl_c_keeps_what_came(site, tmp_path, monkeypatch):
    class Interrupted:
        def __init__(self, **_):
            self.n = 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n):
            self.n += 1
            if self.n == 2:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("lstmfcn.datasets.download.tqdm", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            download_archive("ucr", tmp_path, url=site.url)
    assert (tmp_path / "UCRArchive_2018.zip.part").read_bytes() == ARCHIVE[: 2 * PIECE]
    assert download_archive("ucr", tmp_path, url=site.url).sha256 == HASH
    assert site.asked == [None, f"bytes={2 * PIECE}-"]


@pytest.mark.parametrize("change", ["another version", "no ranges", "no version"])
def test_what_cannot_go_on_begins_again(site, tmp_path, change):
    site.stops_at = 2 * PIECE
    if change == "no version":
        site.etag = None
    remedy = "begins again" if change == "no version" else "goes on from there"
    with pytest.raises(ConnectionError, match=f"the same call {remedy}"):
        download_archive("ucr", tmp_path, url=site.url)
    site.stops_at = None
    if change == "another version":
        site.etag, site.content = '"2"', archive(seed=1)
    site.has_ranges = change != "no ranges"
    download_archive("ucr", tmp_path, url=site.url)
    assert (tmp_path / "UCRArchive_2018.zip").read_bytes() == site.content


def test_what_was_whole_but_not_named_is_not_brought_again(site, tmp_path):
    part = tmp_path / "UCRArchive_2018.zip.part"
    part.write_bytes(ARCHIVE)
    part.with_name(f"{part.name}.version").write_text(site.etag)
    assert download_archive("ucr", tmp_path, url=site.url).sha256 == HASH
    assert site.asked == [f"bytes={len(ARCHIVE)}-"]


def test_a_part_that_is_too_long_begins_again(site, tmp_path):
    part = tmp_path / "UCRArchive_2018.zip.part"
    part.write_bytes(ARCHIVE + b"more")
    part.with_name(f"{part.name}.version").write_text(site.etag)
    assert download_archive("ucr", tmp_path, url=site.url).sha256 == HASH
    assert site.asked == [f"bytes={len(ARCHIVE) + 4}-", None]


def test_another_part_than_was_asked_for_is_refused(site, tmp_path):
    site.stops_at = PIECE
    with pytest.raises(ConnectionError):
        download_archive("ucr", tmp_path, url=site.url)
    site.stops_at, site.shift = None, 1
    with pytest.raises(ConnectionError, match="answers with another part than it was asked for"):
        download_archive("ucr", tmp_path, url=site.url)


@pytest.mark.parametrize("says_length", [True, False])
def test_no_zip_is_refused(site, tmp_path, capsys, says_length):
    site.content, site.says_length = b"<html>moved</html>", says_length
    command = ["download", "ucr", "--out", str(tmp_path), "--url", site.url]
    assert main(command) == 1
    told = capsys.readouterr().err
    assert "is no zip, and was deleted; the address may have changed, pass another one as" in told
    assert told.endswith("as --url ...\n")
    assert left(tmp_path) == []


def test_without_a_length_a_cut_zip_is_noticed(site, tmp_path):
    site.says_length, site.stops_at = False, 2 * PIECE
    with pytest.raises(ValueError, match="is no zip"):
        download_archive("ucr", tmp_path, url=site.url)
    assert left(tmp_path) == []


@pytest.mark.parametrize("status, words", [(404, "404 (Not Found)"), (503, "503 (Service")])
def test_a_server_that_refuses_is_named(site, tmp_path, capsys, status, words):
    site.status = status
    command = ["download", "ucr", "--out", str(tmp_path), "--url", site.url]
    assert main(command) == 1
    told = capsys.readouterr().err
    assert f"error: {site.url} answers {words}" in told and "pass another address as --url" in told
    assert left(tmp_path) == []


def test_a_file_is_no_folder_for_it(site, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["download", "ucr", "--out", str(tmp_path / "file"), "--url", site.url]) == 1
    assert "file is a file; name a folder with --out." in capsys.readouterr().err
    assert site.asked == []


def test_no_server_is_named(tmp_path):
    with pytest.raises(
        ConnectionError, match=r"cannot be read \(.*refused\); the same call begins"
    ):
        download_archive("ucr", tmp_path, url="http://127.0.0.1:9/x.zip")


def test_one_process_at_a_time(site, tmp_path):
    with locked(tmp_path / "UCRArchive_2018.zip.lock"):
        with pytest.raises(FileExistsError, match="is being downloaded by another process"):
            download_archive("ucr", tmp_path, url=site.url)
    assert site.asked == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "uci"}, "name='uci' is unknown; choose one of ucr, uea."),
        ({"url": "file:///etc/passwd"}, "url='file:///etc/passwd' is no address; pass one that"),
        ({"url": 3}, "url=3 is no address; pass one that begins with https://."),
        ({"sha256": "abc"}, "the sha256 'abc' is not 64 hexadecimal digits."),
    ],
)
def test_refusals(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        download_archive(**{"name": "ucr", "folder": tmp_path / "new", **arguments})
    assert left(tmp_path) == []


def test_a_known_sha256_is_whole():
    for source in SOURCES.values():
        assert source.sha256 is None or re.fullmatch("[0-9a-f]{64}", source.sha256)
        assert source.url.startswith("https://")
