"""Do recordings become the right features, once each, and stay so when things go wrong?"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import real_data
from scipy.signal import ShortTimeFFT, get_window
from voices import voice, write_voices

from lstmfcn.cli import main
from lstmfcn.emotion import (
    FeatureError,
    FeatureStore,
    extract,
    frame_rate,
    load_unlabelled,
    log_mel,
    read_waveform,
    recordings_of,
)
from lstmfcn.extraction.acoustic import import_opensmile

PITCHES = {"anna": 210, "ben": 110, "cleo 2": 190, "dörte.b": 240}


@pytest.fixture(scope="module")
def wavs(tmp_path_factory):
    return write_voices(tmp_path_factory.mktemp("wavs"), PITCHES)


@pytest.fixture
def opensmile():
    """The module, loaded so that TensorFlow in this process does no harm to it."""
    try:
        return import_opensmile()
    except ImportError as error:
        pytest.skip(str(error))


def mel_by_hand(waveform, sample_rate, n_bands):
    """Return log-mel frames by SciPy's transform, and triangles drawn by interpolation."""
    width, hop = round(0.025 * sample_rate), round(0.02 * sample_rate)
    n_fft = 2 ** int(np.ceil(np.log2(width)))
    window = np.pad(get_window("hann", width), (n_fft - width) // 2)
    transform = ShortTimeFFT(window, hop, sample_rate, phase_shift=None)
    padded = np.pad(waveform, n_fft // 2)
    power = [
        np.abs(np.fft.rfft(padded[at : at + n_fft] * transform.win)) ** 2
        for at in range(0, len(padded) - n_fft + 1, hop)
    ]
    mels = np.arange(0, 200, 0.01)  # Slaney's scale, as a table
    hertz = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))
    top = np.interp(sample_rate / 2, hertz, mels)
    edges = np.interp(np.linspace(0, top, n_bands + 2), mels, hertz)
    frequencies = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    bank = [
        np.interp(frequencies, edges[i : i + 3], [0, 2 / (edges[i + 2] - edges[i]), 0], 0, 0)
        for i in range(n_bands)
    ]
    return np.log(np.array(power) @ np.array(bank).T + 1e-6)


@pytest.mark.parametrize(("sample_rate", "n_bands"), [(16_000, 40), (16_000, 64), (44_100, 80)])
def test_log_mel_is_what_another_computation_gives(sample_rate, n_bands):
    waveform = voice(seconds=0.7, sample_rate=sample_rate)
    found = log_mel(waveform, sample_rate, n_bands=n_bands)
    assert found.shape == (1 + len(waveform) // round(0.02 * sample_rate), n_bands)
    np.testing.assert_allclose(found, mel_by_hand(waveform, sample_rate, n_bands), atol=1e-3)


def test_log_mel_of_numbers_that_can_be_told():
    silence = log_mel(np.zeros(1600))
    np.testing.assert_allclose(silence, np.log(1e-6))
    loud, soft = log_mel(voice()), log_mel(voice() / 10)
    np.testing.assert_allclose(loud[10].max() - soft[10].max(), np.log(100), atol=1e-3)
    for waveform, sentence in {
        "NaN": ([np.nan] * 99, "waveform contains NaN or infinity"),
        "two channels": (np.zeros((2, 99)), r"array of shape \(2, 99\) .* expected one channel"),
    }.values():
        with pytest.raises(ValueError, match=sentence):
            log_mel(waveform)
    with pytest.raises(ValueError, match="mel bands are too narrow for 16000 Hz: band"):
        log_mel(voice(), n_bands=300)


def test_open_smile_gives_what_it_gives_alone(opensmile, wavs, tmp_path):
    done = extract(wavs, tmp_path, ["egemaps", "compare"])
    assert done.feature_sets == ("eGeMAPS_FRA", "eGeMAPS_UTT", "ComParE_FRA", "ComParE_UTT")
    store = FeatureStore(tmp_path)
    for name, level, sizes in (
        ("eGeMAPSv02", "eGeMAPS", (25, 88)),
        ("ComParE_2016", "ComParE", (65, 6373)),
    ):
        for own, suffix, size in zip(("lld", "func"), ("FRA", "UTT"), sizes, strict=True):
            smile = opensmile.Smile(opensmile.FeatureSet[name], opensmile.FeatureLevel(own))
            expected = smile.process_file(wavs / "ben.wav").to_numpy()
            features = store.feature_set(f"{level}_{suffix}")
            np.testing.assert_array_equal(features.read("ben"), expected)
            assert features.n_features == size
            manifest = json.loads((features.folder / "manifest.json").read_text())
            assert manifest["feature_names"] == list(smile.feature_names)
            assert "commercial use needs" in manifest["licence"]
    assert frame_rate(tmp_path, "eGeMAPS_FRA") == 100.0
    assert frame_rate(tmp_path, "eGeMAPS_UTT") is None


def test_open_smile_works_in_a_process_that_has_tensorflow(opensmile, wavs, tmp_path):
    code = (
        "import lstmfcn.networks.backend, sys\nassert 'tensorflow' in sys.modules\n"
        "from lstmfcn.emotion import extract\n"
        f"print(extract({str(wavs)!r}, {str(tmp_path)!r}, ['egemaps']).n_made)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "8\n"), done.stderr


def test_features_of_the_berlin_corpus_are_those_that_were_made_elsewhere(opensmile, tmp_path):
    folder = real_data() and real_data() / "emodb"
    if folder is None or not (folder / "wavs.zip").is_file():
        pytest.skip("no real data: set LSTMFCN_DATA to the folder that holds emodb/")
    import zipfile

    with zipfile.ZipFile(folder / "wavs.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".wav")][::60]
        archive.extractall(tmp_path, names)
    extract(tmp_path, tmp_path, ["logmel", "egemaps"])
    ours, theirs = FeatureStore(tmp_path), FeatureStore(folder)
    for name in names:
        clip = Path(name).stem
        logmel = ours.feature_set("logmel").read(clip)
        # Theirs are stored as float16.
        np.testing.assert_allclose(logmel, theirs.feature_set("logmel40").read(clip), atol=4e-3)
        for level, step in (("eGeMAPS_FRA", 2), ("eGeMAPS_UTT", 1)):
            found = ours.feature_set(level).read(clip)[::step]
            np.testing.assert_array_equal(found, theirs.feature_set(level).read(clip))


def test_what_is_stored_and_how_it_is_described(wavs, tmp_path):
    done = extract(wavs, tmp_path, ["logmel", "LOGMEL24"], level="both", dtype="float16", n_jobs=2)
    assert done.feature_sets == ("logmel_FRA", "logmel_UTT", "logmel24_FRA", "logmel24_UTT")
    assert done.clips == tuple(sorted(PITCHES))
    assert (done.n_made, done.problems) == (16, {})
    stored = np.load(tmp_path / "features" / "logmel_FRA" / "dörte.b.npy")
    frames = log_mel(read_waveform(wavs / "dörte.b.wav"))
    np.testing.assert_array_equal(stored, frames.astype(np.float16))
    vector = np.load(tmp_path / "features" / "logmel_UTT" / "dörte.b.npy")
    np.testing.assert_array_equal(vector, frames.mean(axis=0).astype(np.float16))
    manifest = json.loads((tmp_path / "features" / "logmel24_FRA" / "manifest.json").read_text())
    assert manifest["parameters"] == {
        "kind": "log-mel",
        "n_bands": 24,
        "window_seconds": 0.025,
        "hop_seconds": 0.02,
        "floor": 1e-6,
        "sample_rate": 16_000,
        "level": "frame",
        "dtype": "float16",
    }
    assert manifest["versions"]["soundfile"] == soundfile.__version__
    assert (frame_rate(tmp_path, "logmel24_FRA"), frame_rate(tmp_path, "logmel_UTT")) == (50, None)


def test_a_frame_rate_that_is_none_is_refused(wavs, tmp_path):
    extract(wavs, tmp_path)
    path = tmp_path / "features" / "logmel_FRA" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"frame_rate": "fast"}))
    with pytest.raises(ValueError, match=r"its frame_rate is fast, not a positive number"):
        frame_rate(tmp_path, "logmel")
    path.write_text("{")
    with pytest.raises(ValueError, match=r"manifest.json of logmel_FRA is damaged \(it is no JSON"):
        frame_rate(tmp_path, "logmel")


def test_finished_files_are_not_made_again(wavs, tmp_path):
    extract(wavs, tmp_path)
    folder = tmp_path / "features" / "logmel_FRA"
    made = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npy")}
    (folder / "ben.npy").unlink()
    (folder / ".anna-0123456789abcdef.npy").touch()  # of a killed process
    assert extract(wavs, tmp_path).n_made == 1
    again = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npy")}
    assert {name for name in made if made[name] != again[name]} == {"ben.npy"}
    assert made.keys() == again.keys()
    assert extract(wavs, tmp_path).n_made == 0


def test_features_made_otherwise_are_refused(wavs, tmp_path):
    extract(wavs, tmp_path / "out")
    folder = tmp_path / "out" / "features" / "logmel_FRA"
    with pytest.raises(ValueError) as caught:
        extract(wavs, tmp_path / "out", dtype="float16")
    assert str(caught.value) == (
        "logmel_FRA was made with other parameters: dtype was float32 and is now float16. Pass the "
        f"same again, delete {folder}, or use another folder."
    )
    others = write_voices(tmp_path / "others", {"ben": 300})
    with pytest.raises(
        ValueError, match=r"features of 1 clips from other recordings .* as ben; use"
    ):
        extract(others, tmp_path / "out")
    (folder / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"holds files without manifest\.json, made elsewhere"):
        extract(wavs, tmp_path / "out")


def test_features_stand_beside_those_that_are_there(wavs, tmp_path):
    (tmp_path / "hubert-FRA").mkdir()
    np.save(tmp_path / "hubert-FRA" / "ben.npy", np.ones((3, 2)))
    extract(wavs, tmp_path)
    assert FeatureStore(tmp_path).feature_sets == ["hubert-FRA", "logmel_FRA"]


def test_bad_recordings_are_told_in_one_message_before_anything_is_written(tmp_path, capsys):
    wavs = write_voices(tmp_path / "w", {"a": 100, "sub/b": 200, "cut": 100})
    (wavs / "cut.wav").write_bytes((wavs / "a.wav").read_bytes()[:4000])
    (wavs / "empty.wav").touch()
    (wavs / "text.wav").write_text("no sound")
    out = tmp_path / "out"
    command = ["emotion", "extract", "--wavs", str(wavs), "--out", str(out), "--jobs", "1"]
    assert main(command) == 1
    told = capsys.readouterr().err.split("lstmfcn: ")[1].splitlines()
    assert told == [
        "error: 3 of 5 clips cannot be used; replace them, or pass --on-missing drop to leave "
        "them out:",
        "  cut.wav is cut off: it has 3956 bytes of sound where its header promises 16000",
        "  empty.wav is empty",
        "  text.wav is damaged or no recording (Format not recognised)",
    ]
    assert not out.exists()
    assert main([*command, "--on-missing", "drop"]) == 0
    captured = capsys.readouterr()
    assert "warning: 3 of 5 clips are left out:\n  cut.wav is cut off" in captured.err
    assert captured.out.splitlines() == [
        f"2 clips in {out / 'features'}; 2 files are new",
        "",
        "feature set  clips   D    dtype  frames per second  T (min, median, max)",
        "logmel_FRA       2  40  float32                 50            26, 26, 26",
    ]
    assert FeatureStore(out).feature_set("logmel").clips == ("a", "b")


def test_what_only_the_extractor_sees_is_told_too(opensmile, wavs, tmp_path):
    features = {"features": ["logmel", "compare"], "level": "utterance", "dtype": "float16"}
    with pytest.raises(FeatureError) as caught:
        extract(wavs, tmp_path, **features)
    first, *lines = str(caught.value).splitlines()
    assert first == "none of the 4 clips can be used; replace them, or name others:"
    assert [line.split()[0] for line in lines] == ["anna.wav", "ben.wav", "cleo", "dörte.b.wav"]
    assert "in ComParE, too large for float16; pass dtype='float32'" in lines[0]
    assert len(FeatureStore(tmp_path).feature_set("logmel")) == 4  # which is finished


def test_a_table_chooses_clips_and_parts(wavs, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("file,start,end,emotion\nx/ben.wav,0.1,0.3,sad\nx/anna.wav,,,sad\n")
    command = ["emotion", "extract", "--wavs", wavs, "--out", tmp_path, "--jobs", 1]
    assert main(list(map(str, [*command, "--labels", table]))) == 0
    features = FeatureStore(tmp_path).feature_set("logmel")
    assert features.clips == ("anna", "ben_100-300")
    part = read_waveform(wavs / "ben.wav")[1600:4800]
    np.testing.assert_array_equal(features.read("ben_100-300"), log_mel(part))
    table.write_text("file,start,end\nanna.wav,,\nzoe.wav,,\n")
    with pytest.raises(FeatureError, match=r"1 of 2 clips .*:\n  there is no file zoe\.wav"):
        extract(recordings_of(load_unlabelled(table), wavs), tmp_path / "o")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--features", "mfcc"],
            "the features mfcc are unknown; expected logmel, egemaps, compare",
        ),
        (["--features", "logmel,hf:nowhere"], "hf:nowhere "),
        (["--dtype", "float16", "--wavs", "nowhere"], "nowhere does not exist; expected a folder."),
        (["--labels", "nowhere.csv"], "nowhere.csv does not exist; expected a file with labels."),
    ],
)
def test_wrong_options_are_refused_in_words(wavs, tmp_path, capsys, arguments, sentence):
    command = ["emotion", "extract", "--wavs", wavs, "--out", tmp_path / "o", *arguments]
    assert main(list(map(str, command))) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_features_without_what_they_are_made_from_name_the_option(tmp_path, capsys):
    assert main(["emotion", "extract", "--out", str(tmp_path / "o")]) == 1
    assert "error: logmel is made from sound; pass --wavs" in capsys.readouterr().err


def test_names_do_not_leave_the_folder(wavs, tmp_path):
    with pytest.raises(ValueError, match=r"^the name '\.\./a' would leave the folder of the feat"):
        extract({"../a": wavs / "ben.wav"}, tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_a_killed_process_loses_only_what_it_was_doing(tmp_path):
    wavs = write_voices(tmp_path / "w", {f"{i:03}": 100 + i for i in range(150)}, seconds=0.2)
    code = f"from lstmfcn.emotion import extract\nextract({str(wavs)!r}, {str(tmp_path)!r})"
    folder = tmp_path / "features" / "logmel_FRA"
    process = subprocess.Popen([sys.executable, "-c", code])
    while process.poll() is None and len(list(folder.glob("*.npy"))) < 20:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_there = len(list(folder.glob("[0-9]*.npy")))
    n_made = extract(wavs, tmp_path).n_made
    assert 150 - n_there <= n_made <= 150 - n_there + 1
    features = FeatureStore(tmp_path).feature_set("logmel")
    assert (len(features), features.describe().problems) == (150, {})


def test_two_processes_do_not_write_one_folder(wavs, tmp_path):
    extract(wavs, tmp_path)
    folder = tmp_path / "features" / "logmel_FRA"
    code = (
        "import filelock, sys, time\n"
        f"with filelock.FileLock({str(folder / '.lock')!r}):\n"
        "    print('locked', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(ValueError, match=r"another process is writing to .*logmel_FRA; wait"):
            extract(wavs, tmp_path)
        process.stdin.close()
    assert extract(wavs, tmp_path).n_made == 0
