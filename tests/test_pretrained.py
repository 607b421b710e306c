"""Do pretrained models give the hidden states they give alone, without the network?

The models are tiny and random; the test saves them, and the package loads them.
"""

import json
import shutil
import socket

import numpy as np
import pytest
import soundfile
from voices import voice, write_voices

from lstmfcn.cli import main
from lstmfcn.emotion import FeatureError, FeatureStore, extract, frame_rate, read_waveform

torch = pytest.importorskip("torch", reason="needs the extra [transformers]")
transformers = pytest.importorskip("transformers", reason="needs the extra [transformers]")

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SMALL["intermediate_size"] = 32
WAVES = {"conv_dim": (8,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] i am glad sad ##ly .".split()


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with one tiny model of each kind."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")
    for name in ("Wav2Vec2", "Hubert", "WavLM"):
        config = getattr(transformers, f"{name}Config")(**SMALL, **WAVES)
        getattr(transformers, f"{name}Model")(config).save_pretrained(folder / name)
        transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder / name)
    whisper = transformers.WhisperConfig(
        vocab_size=20,
        d_model=16,
        **{f"{part}_layers": 2 for part in ("encoder", "decoder")},
        **{f"{part}_attention_heads": 2 for part in ("encoder", "decoder")},
        **{f"{part}_ffn_dim": 32 for part in ("encoder", "decoder")},
        max_source_positions=100,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    transformers.WhisperModel(whisper).save_pretrained(folder / "whisper.tiny")
    reader = transformers.WhisperFeatureExtractor(chunk_length=2)
    reader.save_pretrained(folder / "whisper.tiny")
    bert = transformers.BertConfig(**SMALL, vocab_size=len(WORDS), max_position_embeddings=12)
    # Without its pooler, which is missing from the weights then; no feature needs it.
    transformers.BertForMaskedLM(bert).save_pretrained(folder / "bert")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
    if tokenizer.unk_token_id == tokenizer.convert_tokens_to_ids("glad"):  # of transformers 5
        tokenizer = transformers.BertTokenizerFast(vocab={w: i for i, w in enumerate(WORDS)})
    tokenizer.save_pretrained(folder / "bert")
    clip = transformers.CLIPConfig(
        text_config={**SMALL, "vocab_size": 99},
        vision_config={**SMALL, "image_size": 32, "patch_size": 8},
        projection_dim=12,
    )
    transformers.CLIPModel(clip).save_pretrained(folder / "clip")
    size = {"height": 32, "width": 32}
    reader = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=size)
    reader.save_pretrained(folder / "clip")
    return folder


@pytest.fixture(scope="module")
def wavs(tmp_path_factory):
    folder = write_voices(tmp_path_factory.mktemp("wavs"), {"a": 120, "b": 220})
    soundfile.write(folder / "long.wav", voice(150, 35.3), 16_000)
    soundfile.write(folder / "rate.wav", voice(150, 0.5, 44_100), 44_100)
    return folder


def hidden_states(folder, waveform):
    """Return all hidden states of a model of sound, each (T, D)."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    reader = transformers.AutoFeatureExtractor.from_pretrained(folder)
    values = reader(waveform, sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        if "input_features" in values:
            model = model.get_encoder()
        output = model(next(iter(values.values())), output_hidden_states=True)
    return [layer[0].numpy() for layer in output.hidden_states]


@pytest.mark.parametrize("name", ["Wav2Vec2", "Hubert", "WavLM"])
def test_models_of_sound(models, wavs, tmp_path, name):
    done = extract(wavs, tmp_path, [f"hf:{models / name}"], level="both")
    assert done.feature_sets == (f"{name}-FRA", f"{name}-UTT")
    assert frame_rate(tmp_path, f"{name}-FRA") == 50.0
    features = FeatureStore(tmp_path).feature_set(f"{name}-FRA")
    for clip in ("a", "rate"):
        states = hidden_states(models / name, read_waveform(wavs / f"{clip}.wav"))
        np.testing.assert_allclose(features.read(clip), sum(states[-2:]), atol=1e-5)
        vector = np.load(tmp_path / "features" / f"{name}-UTT" / f"{clip}.npy")
        np.testing.assert_allclose(vector, features.read(clip).mean(axis=0), atol=1e-5)
    # In parts of 30 s there are as many frames as in one, of about the same values.
    whole = sum(hidden_states(models / name, read_waveform(wavs / "long.wav"))[-2:])
    found = features.read("long")
    assert found.shape == whole.shape == (1 + (round(35.3 * 16_000) - 400) // 320, 16)
    assert np.corrcoef(found[1480:1580].ravel(), whole[1480:1580].ravel())[0, 1] > 0.9


def test_whispers_encoder_without_its_padding(models, wavs, tmp_path):
    extract(wavs, tmp_path, [f"hf:{models / 'whisper.tiny'}"], n_layers=1)
    features = FeatureStore(tmp_path).feature_set("whisper.tiny")
    waveform = read_waveform(wavs / "a.wav")
    expected = hidden_states(models / "whisper.tiny", waveform)[-1]
    assert expected.shape == (100, 16)  # of 2 s, as this one is padded to
    np.testing.assert_allclose(features.read("a"), expected[:25], atol=1e-5)
    assert len(features.read("long")) == np.ceil(35.3 * 50)
    second = hidden_states(models / "whisper.tiny", read_waveform(wavs / "long.wav")[32_000:64_000])
    np.testing.assert_allclose(features.read("long")[100:200], second[-1], atol=1e-5)
    assert frame_rate(tmp_path, "whisper.tiny") == 50.0


def test_a_vector_for_each_token_but_the_special_ones(models, tmp_path):
    table = tmp_path / "said.csv"
    table.write_text('name,chinese\na,"I am gladly sad."\nlong,"' + "glad sad " * 20 + '"\n')
    command = ["emotion", "extract", "--out", tmp_path, "--features", f"hf:{models / 'bert'}"]
    command += ["--transcripts", table, "--text-column", "chinese", "--layers", 2]
    assert main(list(map(str, command))) == 0
    model = transformers.AutoModel.from_pretrained(models / "bert").eval()
    with torch.inference_mode():
        tokens = torch.tensor([[2, 5, 6, 7, 9, 8, 10, 3]])  # CLS i am glad ##ly sad . SEP
        states = model(tokens, output_hidden_states=True).hidden_states
    features = FeatureStore(tmp_path).feature_set("bert")
    expected = (states[-1] + states[-2])[0, 1:-1].numpy()
    np.testing.assert_allclose(features.read("a"), expected, atol=1e-5)
    assert features.read("long").shape == (40, 16)  # the model reads 10 at a time
    assert frame_rate(tmp_path, "bert") is None


def test_image_features_of_pictures_in_order_of_time(models, tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng, frames = np.random.default_rng(0), tmp_path / "frames"
    pictures = [image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8)) for _ in range(35)]
    (frames / "a").mkdir(parents=True)
    for i, picture in enumerate(pictures):
        picture.save(frames / "a" / f"frame{i}.png")
    options = {"frames": frames, "frames_per_second": 25}
    extract(None, tmp_path, [f"hf:{models / 'clip'}"], **options)
    model = transformers.AutoModel.from_pretrained(models / "clip").eval()
    reader = transformers.AutoImageProcessor.from_pretrained(models / "clip")
    with torch.inference_mode():
        seen = model.vision_model(**reader(pictures, return_tensors="pt")).pooler_output
        expected = model.visual_projection(seen).numpy()
    found = FeatureStore(tmp_path).feature_set("clip").read("a")
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert frame_rate(tmp_path, "clip") == 25.0
    (frames / "b").mkdir()
    (frames / "c").mkdir()
    (frames / "c" / "1.png").write_bytes(b"no picture")
    with pytest.raises(FeatureError, match=r"1 of 3 clips .*:\n  the folder b holds no pictures"):
        extract(None, tmp_path / "o", [f"hf:{models / 'clip'}"], **options)
    (frames / "b").rmdir()
    with pytest.raises(FeatureError, match=r"1 of 2 clips .*:\n  c/1\.png is damaged or no pic"):
        extract(None, tmp_path / "o", [f"hf:{models / 'clip'}"], **options)


def test_other_weights_in_the_same_folder_are_refused(models, wavs, tmp_path):
    shutil.copytree(models / "Hubert", tmp_path / "m")
    one = {"a": wavs / "a.wav"}
    extract(one, tmp_path, [f"hf:{tmp_path / 'm'}"])
    with pytest.raises(ValueError, match=r"values was sum of the last 4 .* now sum of the last 1"):
        extract(one, tmp_path, [f"hf:{tmp_path / 'm'}"], n_layers=1)
    config = transformers.HubertConfig(**SMALL, **WAVES)
    transformers.HubertModel(config).save_pretrained(tmp_path / "other" / "m")
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path / "other" / "m")
    with pytest.raises(ValueError, match="m-FRA was made with other parameters: weights_sha256"):
        extract(one, tmp_path, [f"hf:{tmp_path / 'other' / 'm'}"])


def test_a_kept_model_hears_by_the_same_model(models, wavs, tmp_path, capsys):
    shutil.copytree(models / "Hubert", tmp_path / "m")
    (tmp_path / "wavs").mkdir()
    for i in range(8):
        soundfile.write(tmp_path / "wavs" / f"c{i}.wav", voice(120 + 100 * (i % 2), 0.5), 16_000)
    labels = tmp_path / "labels.csv"
    rows = "".join(f"c{i}.wav,{('low', 'high')[i % 2]}\n" for i in range(8))
    labels.write_text(f"file,emotion\n{rows}")
    out = tmp_path / "out"
    made = ["emotion", "extract", "--wavs", tmp_path / "wavs", "--features", f"hf:{tmp_path / 'm'}"]
    assert main(list(map(str, [*made, "--layers", 1, "--out", out]))) == 0
    command = ["emotion", "run", "--data", out, "--labels", labels, "--features", "m", "--folds", 2]
    command += ["--model", "fcn", "--epochs", 1, "--keep-models", "--out", out / "results"]
    assert main(list(map(str, command))) == 0
    (kept,) = out.glob("results/*/*/model-seed0.lstmfcn")
    capsys.readouterr()
    answers = []
    for clips in (tmp_path / "wavs" / "c1.wav", out):
        assert main(["emotion", "predict", str(kept), str(clips)]) == 0
        lines = capsys.readouterr().out.splitlines()
        answers.append(next(line.split() for line in lines if line.startswith("c1 ")))
    assert answers[0] == answers[1]
    shutil.rmtree(tmp_path / "m")
    assert main(["emotion", "predict", str(kept), str(tmp_path / "wavs")]) == 1
    said = capsys.readouterr().err
    assert f"m-FRA comes from a pretrained model in {tmp_path / 'm'}, which is not there;" in said


def test_models_that_cannot_be_used_are_refused_in_words(models, wavs, tmp_path):
    def refused(change, sentence):
        shutil.rmtree(tmp_path / "m", ignore_errors=True)
        shutil.copytree(models / "Wav2Vec2", tmp_path / "m")
        change(tmp_path / "m")
        with pytest.raises((ValueError, OSError), match=sentence):
            extract({"a": wavs / "a.wav"}, tmp_path / "o", [f"hf:{tmp_path / 'm'}"])
        assert not (tmp_path / "o").exists()

    def configure(**changes):
        def change(folder):
            config = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(json.dumps(config | changes))

        return change

    def pickled(folder):
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    refused(shutil.rmtree, r"is no folder on this disk, and nothing is downloaded; expected one")
    refused(lambda m: (m / "config.json").unlink(), r"holds no model: config\.json cannot be used")
    refused(configure(model_type="gpt2"), r"is a model of type gpt2; expected one of wav2vec2, hub")
    refused(pickled, r"holds no weights as safetensors, and no others are read, as these may run")
    refused(configure(num_hidden_layers=5), r"the weights in .* do not fit its config\.json: \d+ ")
    refused(configure(hidden_size=24), r"holds no model that can be loaded; save it there")
    reader = "preprocessor_config.json"
    refused(lambda m: (m / reader).unlink(), r"holds no preprocessor_config\.json that can be load")
    refused(lambda m: (m / "model.safetensors").write_bytes(b"no"), r"holds no model that can be")
