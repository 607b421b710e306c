"""What is a model asked about? Samples: texts, images, frames of clips, or text and frames."""

import base64
import hashlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

from lstmfcn.datasets.parsing import csv_rows
from lstmfcn.emotion.zero_shot.files import read_text, sample_name
from lstmfcn.outside import shown

__all__ = ["Sample", "check_names", "frame_indices", "image_url", "read_samples"]

FIELDS = ("name", "gt", "text", "image", "frames")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Sample:
    """One thing to classify; what it needs depends on the modality of the question.

    Parameters
    ----------
    name : str
        Unique among the samples, folder and ending of a media file aside.
    gt : str, default=""
        The true label, or ``""`` where it is not known. It is never sent.
    text : str, optional
    image : str or path-like, optional
        A file.
    frames : str, path-like, or sequence of these, optional
        Of a clip: the folder that holds them, or the files in their order.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot.samples import Sample
    >>> Sample("clip-1", gt="happy", text="What a lovely day!").text
    'What a lovely day!'
    """

    name: str
    gt: str = ""
    text: str | None = None
    image: object = None
    frames: object = None

    def pictures(self, n_frames):
        """Return the files of the image and of the frames that are sent, as a tuple of Path.

        Parameters
        ----------
        n_frames : int
            How many frames are taken; see :func:`frame_indices`. A folder's frames are ordered by
            name, numbers in names by their value.

        Raises
        ------
        ValueError
            If the frames are a video file, or there are none.
        """
        image = () if self.image is None else (Path(self.image),)
        if self.frames is None:
            return image
        frames = _frame_files(self.name, self.frames)
        return image + tuple(frames[i] for i in frame_indices(len(frames), n_frames))

    def digest(self, n_frames):
        """Return the SHA-256, as hexadecimal digits, of the text and the pictures that are sent.

        Raises
        ------
        ValueError
            If a picture cannot be read.
        """
        found = hashlib.sha256(repr(self.text).encode("utf-8", "surrogatepass"))
        for path in self.pictures(n_frames):
            picture_size(path)
            found.update(hashlib.sha256(path.read_bytes()).digest())
        return found.hexdigest()


def frame_indices(n_available, n_frames):
    """Return which frames of a clip are sent: the starts of segments of equal length.

    Parameters
    ----------
    n_available, n_frames : int
        At least 1. A clip with fewer frames than are sent is continued with its last one.

    Returns
    -------
    list of int of length n_frames

    References
    ----------
    The rule by which frames were chosen for Lian et al., "GPT-4V with Emotion: A Zero-shot
    Benchmark for Generalized Emotion Recognition", 2023, arXiv:2312.04293. There, of a folder the
    first files were sent; here they are treated as any clip, which is the same if it holds no
    more than are sent.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot.samples import frame_indices
    >>> frame_indices(10, 3), frame_indices(2, 3)
    ([0, 3, 6], [0, 1, 1])
    """
    step = max(n_available, n_frames) // n_frames
    return [min(i * step, n_available - 1) for i in range(n_frames)]


def image_url(path, greyscale=False):
    """Return a picture as a data URL: re-encoded as JPEG at the default quality, not resized.

    Raises
    ------
    ValueError
        If it cannot be read as a picture.
    """
    encoded = io.BytesIO()
    with _opened(path) as picture:
        try:
            picture.convert("L" if greyscale else "RGB").save(encoded, "JPEG")
        except Exception:  # whatever the library makes of a damaged file
            raise _unreadable(path) from None
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.getvalue()).decode('ascii')}"


def picture_size(path):
    """Return the width and height of a picture, in pixels.

    Raises
    ------
    ValueError
        If it cannot be read as a picture.
    """
    with _opened(path) as picture:
        return picture.size


def read_samples(path):
    """Read samples from a table.

    Parameters
    ----------
    path : str or path-like
        A ``.csv`` file with a header, or a ``.jsonl`` file with an object on each line; columns
        ``name`` and any of ``gt, text, image, frames``, others are ignored. ``image`` is a file,
        ``frames`` a folder, or in JSONL a list of files; relative paths start at the table's
        folder.

    Returns
    -------
    list of Sample

    Raises
    ------
    ValueError
        If the file is no such table, or a row has no name or the name of another.
    OSError
        If it is not there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.emotion.zero_shot.samples import read_samples
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "samples.csv"
    ...     _ = file.write_text("name,gt,text\\na,happy,What a day!\\nb,sad,We lost.\\n")
    ...     [(sample.name, sample.text) for sample in read_samples(file)]
    [('a', 'What a day!'), ('b', 'We lost.')]
    """
    path = Path(path)
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path} is neither a .csv nor a .jsonl file; save the samples as one.")
    text = read_text(path, FIELDS)
    rows = readers[path.suffix.lower()](path, text)
    samples = [_sample(path, number, row) for number, row in rows]
    check_names(samples)
    return samples


def check_names(samples):
    """Refuse samples that a file of answers could not tell apart.

    Raises
    ------
    ValueError
        If there are none, or one has no name or the name of another.
    """
    if not samples:
        raise ValueError("there are no samples; give at least one.")
    seen = {}
    for sample in samples:
        name = sample_name(sample.name)
        if not name:
            raise ValueError(f"a sample has the name {sample.name!r}; name every sample.")
        if name in seen:
            raise ValueError(
                f"{name!r} is there twice ({seen[name]!r} and {sample.name!r}); give every sample "
                "a name of its own."
            )
        seen[name] = sample.name


def _csv_rows(path, text):
    lines = [line for _, line in csv_rows(path, text)]
    head = lines[0] if lines else []
    if "name" not in head or len(set(head)) != len(head):
        raise ValueError(
            f"{path} has the columns {shown(', '.join(head)) or '(none)'}; expected name and any "
            f"of {', '.join(FIELDS[1:])}, each once."
        )
    for number, line in enumerate(lines[1:], start=1):
        if len(line) != len(head):
            raise ValueError(
                f"{path}: row {number} has {len(line)} cells under {len(head)} columns; put cells "
                "that hold commas in quotes."
            )
        yield number, {key: cell for key, cell in zip(head, line, strict=True) if cell}


def _jsonl_rows(path, text):
    # Not splitlines(): JSON strings may hold U+2028.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise ValueError(
                    f'{path}: line {number} is no JSON object; write {{"name": ..., "text": ...}}.'
                )
            yield number, {key: value for key, value in row.items() if value is not None}


def _sample(path, number, row):
    """Return the sample of a row, paths from the table's folder."""
    frames = row.get("frames")
    is_list = isinstance(frames, list) and all(isinstance(file, str) for file in frames)
    for field in FIELDS:
        if field in row and not (
            isinstance(row[field], str) or (field == "frames" and is_list) or field == "gt"
        ):
            raise ValueError(
                f"{path}: {field} in row {number} is {shown(repr(row[field]))}; give a text"
                f"{', or a list of files' if field == 'frames' else ''}."
            )
    here = path.parent
    if frames is not None:
        frames = tuple(here / file for file in frames) if is_list else here / frames
    return Sample(
        row.get("name", ""),
        str(row.get("gt", "")),
        row.get("text"),
        here / row["image"] if "image" in row else None,
        frames,
    )


def _frame_files(name, frames):
    """Return the files of all frames of a clip, in their order."""
    if isinstance(frames, (list, tuple)):
        files = [Path(file) for file in frames]
    elif Path(frames).is_file():
        raise ValueError(
            f"the frames of {name!r} are the file {frames}; take them out of the video into a "
            "folder (ffmpeg -i VIDEO FOLDER/%05d.png) and give that."
        )
    elif not Path(frames).is_dir():
        raise ValueError(f"the folder {frames} with the frames of {name!r} does not exist.")
    else:
        files = sorted(
            (path for path in Path(frames).iterdir() if path.suffix.lower() in PICTURES),
            key=_by_number,
        )
    if not files:
        raise ValueError(
            f"{name!r} has no frames in {frames}; give at least one ({', '.join(PICTURES)})."
        )
    return files


def _by_number(path):
    """Return a key by which frame-2 comes before frame-10."""
    parts = re.split(r"([0-9]+)", path.name)
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)]


def _opened(path):
    from PIL import Image

    try:
        return Image.open(path)
    except FileNotFoundError:
        raise ValueError(f"the picture {path} does not exist; correct its path.") from None
    except Exception:  # whatever the library makes of a damaged file
        raise _unreadable(path) from None


def _unreadable(path):
    return ValueError(f"{path} cannot be read as a picture; save it as a JPEG or PNG.")
