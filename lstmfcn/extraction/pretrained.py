"""What does a pretrained model hear, read or see? Its hidden states, from a folder on this disk."""

import contextlib
import functools
import hashlib
import math
import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lstmfcn.features.npy import Unusable
from lstmfcn.untrusted import DAMAGED, damage, decode_json, listed, read_text, shown

SOUND = ("wav2vec2", "hubert", "wavlm", "data2vec-audio", "whisper")
TEXT = ("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "ernie")
TEXT += ("mpnet", "roberta", "xlm-roberta")
KINDS = {  # model_type in config.json -> what the model takes
    **dict.fromkeys(SOUND, "sound"),
    **dict.fromkeys(TEXT, "text"),
    "clip": "pictures",
}
UNUSED = ("pooler", "masked_spec_embed", "decoder.")  # weights that no feature depends on
CHUNK = 30  # seconds of sound that the model hears at once; attention costs its square
PICTURES_AT_ONCE = 32


@dataclass(frozen=True)
class Pretrained:
    """The recipe of a pretrained model's hidden states: `hf:PATH`.

    Attributes
    ----------
    folder : Path
        What `save_pretrained` wrote: config.json, weights as safetensors, and the tokenizer or
        preprocessor.
    n_layers : int
        Hidden layers, from the last one, that are added up.
    picture_rate : float or None
        Pictures per second.
    """

    folder: Path
    model_type: str
    n_layers: int
    picture_rate: float | None = None
    stamp: tuple = ()  # sizes and times of the files: a model that changes is loaded anew
    joint = "-"
    levels = ("frame",)
    n_at_a_time = 1  # the model itself uses all cores

    @classmethod
    def named(cls, name, n_layers, picture_rate):
        """Return the recipe that `hf:PATH` means, or None."""
        if not name.startswith("hf:"):
            return None
        _import_transformers(name)
        folder = Path(name.removeprefix("hf:")).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{shown(name)} is no folder on this disk, and nothing is downloaded; expected one "
                "that save_pretrained wrote, with config.json and model.safetensors."
            )
        try:
            model_type = decode_json(read_text(folder / "config.json"))["model_type"]
        except DAMAGED as error:
            raise ValueError(
                f"{shown(name)} holds no model: config.json cannot be used ({damage(error)})."
            ) from error
        if model_type not in KINDS:
            raise ValueError(
                f"{shown(name)} is a model of type {shown(model_type)}; expected one of "
                f"{listed(KINDS)}."
            )
        if not _weights(folder):
            raise ValueError(
                f"{shown(name)} holds no weights as safetensors, and no others are read, as these "
                "may run code; load the model where you trust it, and save it anew with "
                "save_pretrained(PATH)."
            )
        files = sorted((file.name, file.stat()) for file in os.scandir(folder) if file.is_file())
        stamp = tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in files)
        return cls(folder.resolve(), model_type, n_layers, picture_rate, stamp)

    @property
    def stem(self):
        """The name of the folder, which becomes the name of the feature set."""
        return self.folder.name

    @property
    def kind(self):
        """What the model takes: "sound", "text" or "pictures"."""
        return KINDS[self.model_type]

    @property
    def sample_rate(self):
        """Of the sound that the model takes, Hz."""
        return self._prepared[1].sampling_rate if self.kind == "sound" else None

    @property
    def frame_rate(self):
        """Vectors per second, or None."""
        if self.kind != "sound":
            return self.picture_rate if self.kind == "pictures" else None
        return self.sample_rate / self._hop

    @property
    def _prepared(self):
        return _prepared(self)

    @property
    def _model(self):
        return _model(self)

    @property
    def _hop(self):
        """Samples from one vector to the next."""
        config, reader = self._prepared
        if self.model_type == "whisper":
            return 2 * reader.hop_length
        return math.prod(config.conv_stride)

    def load(self):
        """Refuse a model that cannot be loaded, before anything is written."""
        return self._model

    def manifest(self, level):
        """Return what a manifest says about the features."""
        return {
            "parameters": {
                "kind": "pretrained",
                "model_type": self.model_type,
                "weights_sha256": _digest(self),
                "values": "projected image features"
                if self.kind == "pictures"
                else f"sum of the last {self.n_layers} hidden layers",
                "frames_per_second": self.picture_rate if self.kind == "pictures" else None,
            },
            "versions": {name: _version(name) for name in ("torch", "transformers")},
            "model": self.stem,
            "model_folder": str(self.folder),  # where a kept model finds it again
            "n_layers": self.n_layers,
        }

    def compute(self, value, name, levels):
        """Return {"frame": float32 array of shape (T, D)}."""
        import torch

        read = {"sound": self._hear, "text": self._read, "pictures": self._see}[self.kind]
        try:
            with torch.inference_mode():
                frames = read(value, name)
        except RuntimeError as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise Unusable(f"{name} cannot be used by {self.stem} ({shown(reason)})") from error
        return {"frame": frames.float().cpu().numpy()}

    def _hear(self, waveform, name):
        """Return the vectors of a waveform; a long one is heard in parts that leave no gap."""
        import torch

        if self.model_type == "whisper":
            return torch.cat(list(self._hear_in_windows(waveform)))
        config, reader = self._prepared
        values = reader(waveform, sampling_rate=self.sample_rate, return_tensors="pt").input_values
        values = values[0].to(
            self._model.device
        )  # (n_values,), of mean 0 and variance 1 if so trained
        field, hop = _field(config), self._hop
        size = CHUNK * self.sample_rate // hop * hop
        parts = [
            values[at : at + size + field - hop] for at in range(0, len(values) - field + 1, size)
        ]
        if not parts:
            raise Unusable(f"{name} is too short for {self.stem}")
        heard = [self._model(part[None], output_hidden_states=True) for part in parts]
        return torch.cat([self._summed(one) for one in heard])

    def _hear_in_windows(self, waveform):
        """Yield Whisper's vectors of each 30 s, those of its padding left out."""
        model, reader = self._model, self._prepared[1]
        for at in range(0, len(waveform), reader.n_samples):
            part = waveform[at : at + reader.n_samples]
            mels = reader(part, sampling_rate=self.sample_rate, return_tensors="pt")
            output = model(mels["input_features"].to(model.device), output_hidden_states=True)
            yield self._summed(output)[: math.ceil(len(part) / self._hop)]

    def _read(self, text, name):
        """Return a vector for each token but the special ones."""
        import torch

        model, tokenizer = self._model, self._prepared[1]
        longest = min(tokenizer.model_max_length, _positions(model.config))
        encoded = tokenizer(
            text,
            truncation=True,
            max_length=longest,
            return_overflowing_tokens=True,
            return_special_tokens_mask=True,
        )
        vectors = []
        for tokens, is_special in zip(
            encoded["input_ids"], encoded["special_tokens_mask"], strict=True
        ):
            output = model(torch.tensor([tokens]).to(model.device), output_hidden_states=True)
            kept = [place for place, special in enumerate(is_special) if not special]
            vectors.append(self._summed(output)[kept])
        if not sum(map(len, vectors)):
            raise Unusable(f"{name} has a transcript without any token of {self.stem}")
        return torch.cat(vectors)

    def _see(self, paths, name):
        """Return a vector for each picture."""
        import torch

        model, reader = self._model, self._prepared[1]
        seen = []
        for at in range(0, len(paths), PICTURES_AT_ONCE):
            pictures = [_picture(path, name) for path in paths[at : at + PICTURES_AT_ONCE]]
            pixels = reader(pictures, return_tensors="pt")["pixel_values"].to(model.device)
            found = model.get_image_features(pixel_values=pixels)
            seen.append(found if torch.is_tensor(found) else found.pooler_output)
        return torch.cat(seen)

    def _summed(self, output):
        """Return the sum of the last layers, (T, D), of the only one in a batch."""
        layers = output.hidden_states
        return sum(layers[-min(self.n_layers, len(layers) - 1) :])[0]


@functools.lru_cache(maxsize=8)
def _prepared(recipe):
    """Return the configuration of a model, and what prepares its input."""
    folder, transformers = recipe.folder, _import_transformers(recipe.stem)
    readers = {
        "sound": (transformers.AutoFeatureExtractor, "preprocessor_config.json"),
        "text": (transformers.AutoTokenizer, "tokenizer"),
        "pictures": (transformers.AutoImageProcessor, "preprocessor_config.json"),
    }
    reader, what = readers[recipe.kind]
    return (
        _from(folder, transformers.AutoConfig, "config.json"),
        _from(folder, reader, what),
    )


@functools.lru_cache(maxsize=1)
def _model(recipe):
    """Return a model, ready to use."""
    import torch

    folder, transformers = recipe.folder, _import_transformers(recipe.stem)
    options = {"use_safetensors": True, "output_loading_info": True}
    model, notes = _from(folder, transformers.AutoModel, "model", **options)
    absent = [key for key in notes["missing_keys"] if not any(word in key for word in UNUSED)]
    if absent or notes["mismatched_keys"]:  # transformers would draw them at random
        raise ValueError(
            f"the weights in {shown(folder)} do not fit its config.json: "
            f"{len(absent) or len(notes['mismatched_keys'])} are missing or of another shape, such "
            f"as {shown(min(absent, default='') or notes['mismatched_keys'])}."
        )
    if recipe.model_type == "whisper":
        model = model.get_encoder()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.float().eval().to(device)


def _from(folder, cls, what, **options):
    """Return what a class of transformers reads from a folder, without the network or its code."""
    transformers = _import_transformers(folder.name)
    try:
        with _quiet(transformers):
            return cls.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **options
            )
    except Exception as error:  # safetensors has an error of its own, which is none of Python's
        raise ValueError(
            f"{shown(folder)} holds no {what} that can be loaded; save it there with its own "
            "save_pretrained(PATH)."
        ) from error


@functools.lru_cache(maxsize=8)
def _digest(recipe):
    """Return the SHA-256 of the weights."""
    digest = hashlib.sha256()
    for path in _weights(recipe.folder):
        with open(path, "rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def _field(config):
    """Return the samples that one vector of a wav2vec 2.0 model covers."""
    field, hop = 1, 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        field, hop = field + (kernel - 1) * hop, hop * stride
    return field


def _positions(config):
    """Return the most tokens that a model reads; RoBERTa counts from behind its padding."""
    offset = config.pad_token_id + 1 if "roberta" in config.model_type else 0
    offset += config.model_type == "camembert" and config.pad_token_id + 1
    offset += 2 * (config.model_type == "mpnet")
    return config.max_position_embeddings - offset


def _picture(path, name):
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (*DAMAGED, Image.DecompressionBombError) as error:
        raise Unusable(f"{name}/{path.name} is damaged or no picture") from error


def _weights(folder):
    return sorted(folder.glob("*.safetensors"))


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _import_transformers(name):
    try:
        import torch  # noqa: F401
        import transformers
    except ImportError as error:
        raise ImportError(
            f"the features {shown(name)} need torch and transformers ({error}); pip install "
            "'lstmfcn[transformers]'."
        ) from error
    return transformers


@contextlib.contextmanager
def _quiet(transformers):
    """Silence the notes and the bar of loading; what they would say is checked."""
    logging = transformers.logging
    level, had_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if had_bar:
            logging.enable_progress_bar()
