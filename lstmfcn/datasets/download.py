"""How is an archive of datasets downloaded? Only by an explicit call, never by itself."""

import contextlib
import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import NamedTuple

from lstmfcn import __version__
from lstmfcn.files import locked
from lstmfcn.progress import tqdm
from lstmfcn.untrusted import as_path

PIECE = 2**18  # bytes
TIMEOUT_SECONDS = 60  # without a byte


class Source(NamedTuple):
    """Where an archive is, and the sha256 of its file; None where none is published."""

    url: str
    sha256: str | None


SOURCES = {
    "ucr": Source(
        "https://www.cs.ucr.edu/~eamonn/time_series_data_2018/UCRArchive_2018.zip",
        None,
    ),
    "uea": Source(
        "https://www.timeseriesclassification.com/aeon-toolkit/Archives/Multivariate2018_ts.zip",
        None,
    ),
}
"""The archives that :func:`download_archive` knows: name -> :class:`Source`."""


class Download(NamedTuple):
    """A file that was downloaded."""

    path: Path
    n_bytes: int
    sha256: str
    is_checked: bool  # whether a known sha256 was compared


def download_archive(name, folder, *, url=None, sha256=None, verbose=0):
    """Download the UCR or the UEA archive as one zip, which `load_ucr` reads as it is.

    After an interruption the same call goes on where it stopped, if the server allows it and has
    the same file still. The zip has its name once it is whole and checked.

    Parameters
    ----------
    name : {"ucr", "uea"}
        The 128 univariate datasets of 2018, encrypted, or the 30 multivariate ones of 2018.
    folder : str or path
        Made if it is not there. The zip is named as on the server.
    url : str, default=None
        Of a mirror, http or https.
    sha256 : str, default=None
        What the file must have, 64 hexadecimal digits; by default what :data:`SOURCES` knows. A
        mirror's file is checked by this alone.
    verbose : int, default=0
        1: a progress bar.

    Returns
    -------
    Download
        Named tuple ``path``, ``n_bytes``, ``sha256``, ``is_checked``: whether the sha256 is the one
        that was expected. If none was, keep the returned one, to pass it next time.

    Raises
    ------
    FileExistsError
        If the zip is there; it is never replaced.
    ConnectionError
        If the server cannot be reached, refuses, or stops early.
    ValueError
        If the file is no zip, or has another sha256; it is deleted.

    See Also
    --------
    load_ucr : One dataset of the zip.

    References
    ----------
    H. A. Dau et al., "The UCR Time Series Archive", 2019, arXiv:1810.07758.
    A. Bagnall et al., "The UEA multivariate time series classification archive, 2018", 2018,
    arXiv:1811.00075.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.datasets import download_archive
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "UCRArchive_2018.zip").touch()
    >>> try:
    ...     download_archive("ucr", folder)
    ... except FileExistsError as error:
    ...     print(str(error).endswith("UCRArchive_2018.zip is there; it is not replaced."))
    True
    """
    if name not in SOURCES:
        raise ValueError(f"name={name!r} is unknown; choose one of {', '.join(SOURCES)}.")
    source = SOURCES[name] if url is None else Source(url, None)
    expected = source.sha256 if sha256 is None else sha256
    if not isinstance(source.url, str) or not re.match(r"https?://[^/]+/", source.url):
        raise ValueError(f"url={source.url!r} is no address; pass one that begins with https://.")
    if expected is not None and not re.fullmatch("[0-9a-fA-F]{64}", expected):
        raise ValueError(f"the sha256 {expected!r} is not 64 hexadecimal digits.")
    folder = as_path(folder).expanduser()
    path = folder / Path(SOURCES[name].url).name
    part, lock = (path.with_name(f"{path.name}.{ending}") for ending in ("part", "lock"))
    _check_free(path)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(lock) as is_free:
        if not is_free:
            raise FileExistsError(f"{path} is being downloaded by another process.")
        try:
            _check_free(path)  # another process may have brought it
            _fetch(source.url, part, verbose)
            found, n_bytes = _check(part, source.url, expected), part.stat().st_size
            os.replace(part, path)
            _validator_path(part).unlink(missing_ok=True)
        finally:
            with contextlib.suppress(OSError):  # Windows removes no file that is open
                lock.unlink(missing_ok=True)
    return Download(path, n_bytes, found, expected is not None)


def _check_free(path):
    if path.exists():
        raise FileExistsError(f"{path} is there; it is not replaced.")


def _fetch(url, part, verbose):
    """Bring the rest of a file into ``part``."""
    had, validator = _partly_there(part)
    headers = {"User-Agent": f"lstmfcn/{__version__}", "Accept-Encoding": "identity"}
    if had:  # a server whose file has changed answers with the whole of it
        headers |= {"Range": f"bytes={had}-", "If-Range": validator}
    request = urllib.request.Request(url, headers=headers)
    try:
        with _reaching(url, part):
            answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and had:
            if error.headers["Content-Range"] != f"bytes */{had}":  # it is not all there
                part.unlink()
                _fetch(url, part, verbose)
            return
        raise ConnectionError(
            f"{url} answers {error.code} ({error.reason}); pass another address as url=..."
        ) from None
    with answer:
        if answer.status != 206:
            had = 0
        elif not (answer.headers["Content-Range"] or "").startswith(f"bytes {had}-"):
            raise ConnectionError(f"{url} answers with another part than it was asked for.")
        missing = answer.length  # bytes, None where the server does not say it
        if missing is not None and missing > shutil.disk_usage(part.parent).free:
            raise OSError(f"{part.parent} has no room for the {missing:,} bytes of {url}.")
        _note_validator(part, answer)
        _pour(answer, url, part, had, missing, verbose)


@contextlib.contextmanager
def _reaching(url, part):
    """Turn what a connection raises into one sentence, but not a server's own refusal."""
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except (http.client.HTTPException, OSError) as error:
        reason = str(getattr(error, "reason", error)) or type(error).__name__
        raise ConnectionError(f"{url} cannot be read ({reason}); {_remedy(part)}.") from error


def _pour(answer, url, part, had, missing, verbose):
    total = None if missing is None else had + missing
    units = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
    bar = tqdm(total=total, initial=had, desc=part.stem, disable=not verbose, **units)
    with bar, open(part, "ab") as file:
        file.truncate(had)
        while True:
            with _reaching(url, part):
                piece = answer.read(PIECE)
            if not piece:
                break
            file.write(piece)
            file.flush()
            bar.update(len(piece))
            had += len(piece)
    if total is not None and had != total:
        raise ConnectionError(f"{url} stopped at {had:,} of {total:,} bytes; {_remedy(part)}.")


def _remedy(part):
    return f"the same call {'goes on from there' if _partly_there(part)[0] else 'begins again'}"


def _partly_there(part):
    """Return how many bytes are there, and what tells whether the server's file is the same."""
    try:
        return part.stat().st_size, _validator_path(part).read_text(encoding="latin-1")
    except FileNotFoundError:
        return 0, None


def _note_validator(part, answer):
    """Keep the server's mark of this version of the file; without one nothing can go on."""
    etag = answer.headers["ETag"] or ""
    mark = answer.headers["Last-Modified"] if etag.startswith("W/") or not etag else etag
    if mark:
        _validator_path(part).write_text(mark, encoding="latin-1")
    else:
        _validator_path(part).unlink(missing_ok=True)


def _validator_path(part):
    return part.with_name(f"{part.name}.version")


def _check(part, url, expected):
    """Return the sha256 of a file; delete one that has another than expected, or is no zip."""
    digest, problem = hashlib.sha256(), None
    with open(part, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    found = digest.hexdigest()
    if expected is not None and found != expected.lower():
        problem = f"has the sha256 {found}, not {expected.lower()}, and was deleted."
    elif not zipfile.is_zipfile(part):
        remedy = "the address may have changed, pass another one as url=..."
        problem = f"is no zip, and was deleted; {remedy}"
    if problem is not None:
        part.unlink()
        _validator_path(part).unlink(missing_ok=True)
        raise ValueError(f"what {url} gave {problem}")
    return found
