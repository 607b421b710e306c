"""What is a sample, and how is it read? A text, an image, frames of a clip, or text and frames."""

import base64
import contextlib
import hashlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

from lstmfcn.untrusted import shown
from lstmfcn.zero_shot.score.files import by_name, read_rows, read_text

FIELDS = ("name", "gt", "text", "image", "frames")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Sample:
    """One thing to classify; the question's modality says which fields it needs.

    Parameters
    ----------
    name : str
        Unique among the samples, without regard to folder and ending of a media file.
    gt : str, default=""
        The true label, or ``""`` if it is not known. It is never sent.
    text : str, optional
    image : str or path-like, optional
    frames : str, path-like, or sequence of these, optional
        Of a clip: the folder that holds them, or the files in their order.

    See Also
    --------
    read_samples : Samples from a table.
    Question : What is asked about a sample.
    """

    name: str
    gt: str = ""
    text: str | None = None
    image: object = None
    frames: object = None

    def pictures(self, n_frames):
        """Return the files of the image and of ``n_frames`` frames, as a list of Path."""
        image = [] if self.image is None else [Path(self.image)]
        if self.frames is None:
            return image
        frames = _frame_files(self.name, self.frames)
        return image + [frames[i] for i in frame_indices(len(frames), n_frames)]

    def digest(self, n_frames):
        """Return the SHA-256 of the text and the pictures that are sent, as hexadecimal digits."""
        found = hashlib.sha256(repr(self.text).encode("utf-8", "surrogatepass"))
        for path in self.pictures(n_frames):
            picture_size(path)
            found.update(hashlib.sha256(path.read_bytes()).digest())
        return found.hexdigest()


def frame_indices(n_available, n_frames):
    """Return the starts of ``n_frames`` equal segments; a shorter clip repeats its last frame."""
    step = max(n_available, n_frames) // n_frames
    return [min(i * step, n_available - 1) for i in range(n_frames)]


def image_url(path, greyscale=False):
    """Return a picture as the data URL of a JPEG of its size."""
    encoded = io.BytesIO()
    with _opened(path) as picture:
        picture.convert("L" if greyscale else "RGB").save(encoded, "JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.getvalue()).decode('ascii')}"


def picture_size(path):
    """Return the width and height of a picture, in pixels."""
    with _opened(path) as picture:
        return picture.size


def read_samples(path):
    """Read samples from a table.

    Parameters
    ----------
    path : str or path-like
        A ``.csv`` file with a header, or a ``.jsonl`` file with an object on each line; columns
        ``name`` and any of ``gt, text, image, frames``. ``frames`` is a folder, or in JSONL a list
        of files; relative paths start at the table's folder.

    Returns
    -------
    list of Sample

    See Also
    --------
    ZeroShotRunner : Asks a model about samples.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lstmfcn.zero_shot import read_samples
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "samples.csv"
    ...     _ = file.write_text("name,gt,text\\na,happy,What a day!\\nb,sad,We lost.\\n")
    ...     [sample.text for sample in read_samples(file)]
    ['What a day!', 'We lost.']
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        rows = read_rows(path, FIELDS[:1], FIELDS[1:])
    elif path.suffix.lower() == ".jsonl":
        rows = _jsonl_rows(path)
    else:
        raise ValueError(f"{path} is neither a .csv nor a .jsonl file; save the samples as one.")
    samples = (_sample(path, number, row) for number, row in rows)
    return list(by_name(((one.name, one) for one in samples), f"{path}: ").values())


def _jsonl_rows(path):
    """Yield (line number, dict) of a file with a JSON object on each line."""
    # Not splitlines(): JSON strings may hold U+2028.
    for number, line in enumerate(read_text(path, FIELDS).split("\n"), start=1):
        if line.strip():
            row = None
            with contextlib.suppress(ValueError, RecursionError):
                row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError(
                    f'{path}: line {number} is no JSON object; write {{"name": ..., "text": ...}}.'
                )
            yield number, row


def _sample(path, number, row):
    """Return the sample of a row; relative paths start at the table's folder."""
    row = {key: value for key, value in row.items() if value not in ("", None)}
    frames = row.get("frames")
    is_list = isinstance(frames, list) and all(isinstance(file, str) for file in frames)
    for field in ("name", "text", "image", "frames"):
        if not isinstance(row.get(field, ""), str) and not (field == "frames" and is_list):
            raise ValueError(
                f"{path}: {field} in row {number} is {shown(repr(row[field]))}; give a text"
                f"{', or a list of files' if field == 'frames' else ''}."
            )
    image = path.parent / row["image"] if "image" in row else None
    if frames is not None:
        frames = tuple(map(path.parent.joinpath, frames)) if is_list else path.parent / frames
    return Sample(row.get("name", ""), str(row.get("gt", "")), row.get("text"), image, frames)


def _frame_files(name, frames):
    """Return the files of all frames of a clip, in their order."""
    if isinstance(frames, (list, tuple)):
        files = list(map(Path, frames))
    elif Path(frames).is_file():
        raise ValueError(
            f"the frames of {name!r} are the file {frames}; take them out of the video into a "
            "folder (ffmpeg -i VIDEO FOLDER/%05d.png) and give that."
        )
    elif not Path(frames).is_dir():
        raise ValueError(f"the folder {frames} with the frames of {name!r} does not exist.")
    else:
        files = [path for path in Path(frames).iterdir() if path.suffix.lower() in PICTURES]
        files.sort(key=_by_number)
    if not files:
        raise ValueError(
            f"{name!r} has no frames in {frames}; give at least one ({', '.join(PICTURES)})."
        )
    return files


def _by_number(path):
    """Return a key by which frame-2 comes before frame-10."""
    parts = re.split(r"([0-9]+)", path.name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


@contextlib.contextmanager
def _opened(path):
    """Open a picture; whatever goes wrong in the body is the picture's fault."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            yield picture
    except FileNotFoundError:
        raise ValueError(f"the picture {path} does not exist; correct its path.") from None
    except Exception:  # whatever the library makes of a damaged file
        raise ValueError(f"{path} cannot be read as a picture; save it as a JPEG or PNG.") from None
