"""Do recordings of any kind become the right samples, and damaged ones a sentence?"""

import csv
import os
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from voices import voice, write_voices

from lstmfcn.cli import main
from lstmfcn.emotion import (
    FeatureError,
    Recording,
    add_noise,
    find_recordings,
    load_unlabelled,
    read_waveform,
    recordings_of,
)

TONE = 1000  # Hz


def tone(sample_rate, hertz=TONE, seconds=1.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * sample_rate)) / sample_rate)


@pytest.mark.parametrize(
    ("name", "sample_rate", "options", "tolerance"),
    [
        ("a.wav", 16_000, {"subtype": "PCM_16"}, 1e-4),
        ("stereo.WAV", 8_000, {"subtype": "PCM_24", "channels": 2}, 1e-3),
        ("a.flac", 48_000, {}, 1e-3),
        ("float.wav", 44_100, {"subtype": "FLOAT"}, 1e-3),
        ("odd rate.wav", 44_101, {"subtype": "DOUBLE"}, 1e-3),
        ("six.wav", 96_000, {"subtype": "PCM_32", "channels": 6}, 1e-3),
        ("a.ogg", 22_050, {}, 0.05),
        ("named.wav", 16_000, {"format": "OGG"}, 0.05),
        ("a.mp3", 32_000, {}, 0.1),
        ("ünter.b.aiff", 11_025, {}, 1e-3),
    ],
)
def test_any_file_gives_the_same_tone(tmp_path, name, sample_rate, options, tolerance):
    n_channels = options.pop("channels", 1)
    sound = np.stack([tone(sample_rate)] * n_channels, axis=1)
    soundfile.write(tmp_path / name, sound, sample_rate, **options)
    found = read_waveform(tmp_path / name)
    assert found.dtype == np.float32
    inner = slice(1000, 15_000)  # filters and codecs ring at the ends
    np.testing.assert_allclose(found[inner], tone(16_000)[inner], atol=tolerance)


def test_resampling_lets_nothing_through_that_the_lower_rate_cannot_hold(tmp_path):
    high, low = (tone(44_100, hertz=hertz) for hertz in (8_200, 7_300))
    soundfile.write(tmp_path / "high.wav", high, 44_100, subtype="FLOAT")
    soundfile.write(tmp_path / "low.wav", low, 44_100, subtype="FLOAT")
    inner = slice(1000, 15_000)
    assert np.abs(read_waveform(tmp_path / "high.wav")[inner]).max() < 1e-4
    kept = read_waveform(tmp_path / "low.wav")[inner]
    np.testing.assert_allclose(kept, tone(16_000, 7_300)[inner], atol=1e-3)


def test_a_part_is_what_the_whole_has_there(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, voice(seconds=2.0), 16_000)
    whole = read_waveform(path)
    np.testing.assert_array_equal(read_waveform(path, start=0.5, end=1.25), whole[8_000:20_000])
    np.testing.assert_array_equal(read_waveform(path, start=1.5), whole[24_000:])
    with pytest.raises(ValueError, match=r"has no part from 1 to 9 s: it ends at 2\.00 s\.$"):
        read_waveform(path, start=1, end=9)


def damaged(folder):
    """Write files that cannot be used, and return {name: what is said about it}."""
    good = voice()
    soundfile.write(folder / "good.wav", good, 16_000)
    soundfile.write(folder / "good.flac", good, 16_000)
    soundfile.write(folder / "good.ogg", good, 16_000)
    soundfile.write(folder / "good.mp3", np.tile(good, 3), 16_000)
    wav, flac, ogg, mp3 = (
        (folder / f"good.{s}").read_bytes() for s in ("wav", "flac", "ogg", "mp3")
    )
    for suffix in ("flac", "ogg", "mp3"):
        (folder / f"good.{suffix}").unlink()
    with_nan = good.copy()
    with_nan[8_000] = np.nan
    for name, samples in {
        "nan": with_nan,
        "silent": np.zeros(8_000),
        "constant": np.full(8_000, 0.3),
        "short": good[:160],
    }.items():
        soundfile.write(folder / f"{name}.wav", samples, 16_000, subtype="FLOAT")
    (folder / "dead.wav").symlink_to("nowhere")
    (folder / "loop.wav").symlink_to("loop.wav")
    os.mkfifo(folder / "pipe.wav")
    for name, data in {
        "empty.wav": b"",
        "text.wav": b"no sound at all\n" * 99,
        "header.wav": wav[:44],
        "half-a-header.wav": wav[:20],
        "cut.wav": wav[: len(wav) // 2],
        "cut-1.flac": flac[: len(flac) // 2],
        "cut-2.ogg": ogg[: len(ogg) * 2 // 3],
        "cut-3.mp3": mp3[: len(mp3) // 2],
    }.items():
        (folder / name).write_bytes(data)
    lost = "is cut off: it has {} bytes of sound where its header promises 32000"
    return {
        "nan.wav": "nan.wav holds NaN or infinity, first at 0.50 s",
        "silent.wav": "silent.wav is silent",
        "constant.wav": "constant.wav is silent",
        "short.wav": "short.wav lasts 10 ms; expected at least 100",
        "dead.wav": "there is no file dead.wav",
        "loop.wav": "loop.wav is a link that leads back to itself",
        "pipe.wav": "pipe.wav is not a file",
        "empty.wav": "empty.wav is empty",
        "text.wav": "text.wav is damaged or no recording",
        "header.wav": f"header.wav {lost.format(0)}",
        "half-a-header.wav": "half-a-header.wav is damaged or no recording",
        "cut.wav": f"cut.wav {lost.format(15978)}",
        "cut-1.flac": "cut-1.flac is damaged or no recording",
        "cut-2.ogg": "cut-2.ogg is cut off: its last Ogg page is not there",
        "cut-3.mp3": "cut-3.mp3 is cut off: it has",
    }


def test_damaged_files_are_told_in_words(tmp_path):
    for name, sentence in damaged(tmp_path).items():
        with pytest.raises((ValueError, OSError)) as caught:
            read_waveform(tmp_path / name)
        assert str(caught.value).replace(f"{tmp_path}/", "").startswith(sentence), name


def test_a_wav_that_was_streamed_has_no_length_and_is_whole(tmp_path):
    soundfile.write(tmp_path / "a.wav", voice(), 16_000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"  # as ffmpeg writes into a pipe
    (tmp_path / "b.wav").write_bytes(data)
    np.testing.assert_array_equal(*map(read_waveform, (tmp_path / "a.wav", tmp_path / "b.wav")))


def test_recordings_are_found_in_folders_and_behind_links(tmp_path):
    write_voices(tmp_path / "w", {"b.1": 100, "sub/deep/a ü": 100, ".hidden": 100})
    (tmp_path / "w" / "loop").symlink_to(tmp_path / "w")
    write_voices(tmp_path / "elsewhere", {"c": 100})
    (tmp_path / "w" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "w" / "notes.txt").touch()
    found = find_recordings(tmp_path / "w")
    assert {clip: one.name for clip, one in found.items()} == {
        "a ü": "sub/deep/a ü.wav",
        "b.1": "b.1.wav",
        "c": "linked/c.wav",
    }


def test_recordings_of_one_name_are_named_by_their_folders(tmp_path):
    write_voices(tmp_path, {"anna/01": 100, "ben/01": 200, "ben/02": 200})
    assert list(find_recordings(tmp_path)) == ["anna_01", "ben_01", "ben_02"]
    (tmp_path / "ben" / "02.flac").touch()
    with pytest.raises(ValueError) as caught:
        find_recordings(tmp_path)
    assert str(caught.value).endswith(
        "has files that cannot be told apart; rename or remove them:\n"
        "  ben/02.flac and ben/02.wav: they would have the same name, ben_02"
    )


def test_a_folder_without_recordings_says_what_is_there(tmp_path):
    with pytest.raises(ValueError, match=r"holds no recordings; expected \.wav, \.flac"):
        find_recordings(tmp_path)
    (tmp_path / "a.MP4").touch()
    films = r"holds 1 films or recordings of kinds that are not read; take their sound out first"
    with pytest.raises(ValueError, match=films):
        find_recordings(tmp_path)
    (tmp_path / "a.wav").touch()
    with pytest.warns(UserWarning, match=films):
        assert list(find_recordings(tmp_path)) == ["a"]
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; expected a folder\."):
        find_recordings(tmp_path / "nowhere")


def test_a_table_names_recordings_with_more_or_fewer_folders(tmp_path):
    wavs = write_voices(tmp_path / "w", {"s1/a": 100, "s2/a": 200, "s2/b": 200})
    table = tmp_path / "labels.csv"
    table.write_text("file,start,end\ncorpus\\w\\s1\\a.mp4,,\ns2/a,0.1,0.3\nb.WAV,,\ns3/b.wav,,\n")
    found = recordings_of(load_unlabelled(table), wavs)
    assert [(one.name, one.start, one.end) for one in found.values()] == [
        ("s1/a.wav", 0.0, None),
        ("s2/a.wav", 0.1, 0.3),
        ("s2/b.wav", 0.0, None),
        ("s3/b.wav", 0.0, None),  # which is not there: another speaker's b is none
    ]
    table.write_text("name\na\n")
    with pytest.raises(ValueError, match=r"add their folders:\n  a may be s1/a\.wav or s2/a\.wav"):
        recordings_of(load_unlabelled(table), wavs)
    table.write_text("file\nx.wav\ny.wav\n")
    with pytest.raises(ValueError, match=r"none of the 2 .*, such as x\.wav; it has .* as s1/a"):
        recordings_of(load_unlabelled(table), wavs)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty holds no recordings; expected \.wav"):
        recordings_of(load_unlabelled(table), tmp_path / "empty")


def snr_of(clean, noisy):
    """Return the ratio in dB, for copies that were not scaled down."""
    clean, noisy = (soundfile.read(path)[0] for path in (clean, noisy))
    return 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_noise_has_the_ratio_that_the_table_says(tmp_path):
    wavs = write_voices(tmp_path / "w", {f"{i}": 100 + 20 * i for i in range(8)})
    noise = tmp_path / "n"
    write_voices(noise, {"short": 300}, seconds=0.2)
    soundfile.write(noise / "fast.flac", voice(400, 3.0, 44_100), 44_100)
    command = ["emotion", "add-noise", "--wavs", wavs, "--noise", noise, "--out", tmp_path / "out"]
    assert main(list(map(str, [*command, "--snr", "0:4", "--jobs", 1]))) == 0
    rows = rows_of(tmp_path / "out" / "noise.csv")
    assert [row["clean"] for row in rows] == [f"{i}" for i in range(8)]
    assert len({row["snr_db"] for row in rows}) > 2
    for row in rows:
        noisy = tmp_path / "out" / f"{row['name']}.wav"
        found = snr_of(wavs / f"{row['clean']}.wav", noisy)
        assert found == pytest.approx(float(row["snr_db"]), abs=0.05)
        info = soundfile.info(noisy)
        assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")


def test_noise_depends_on_seed_and_name_alone_and_is_not_made_again(tmp_path):
    wavs = write_voices(tmp_path / "w", {"a": 100, "b": 150, "c": 200})
    voices = find_recordings(write_voices(tmp_path / "v", {"x": 300, "y": 320, "z": 350}))
    clips = find_recordings(wavs)
    first = add_noise({"b": clips["b"]}, tmp_path / "1", voices=voices)
    assert first == {"b": "b_noise"}
    made = (tmp_path / "1" / "b_noise.wav").stat().st_mtime_ns
    add_noise(clips, tmp_path / "1", voices=voices, n_jobs=2)
    assert (tmp_path / "1" / "b_noise.wav").stat().st_mtime_ns == made
    add_noise(clips, tmp_path / "2", voices=voices)
    for clip in clips:
        one, two = ((tmp_path / n / f"{clip}_noise.wav").read_bytes() for n in "12")
        assert one == two
    add_noise(clips, tmp_path / "3", voices=voices, random_state=1)
    assert (tmp_path / "3" / "a_noise.wav").read_bytes() != one


def test_nobody_is_in_the_own_babble_and_test_speakers_are_in_none(tmp_path):
    speakers = {"anna": 200, "ben": 110, "cleo": 220, "dora": 240}
    pitches = {f"{s[0]}{i}": pitch for s, pitch in speakers.items() for i in range(3)}
    wavs = write_voices(tmp_path / "w", pitches, seconds=0.3)
    rows = [f"{clip}.wav,{clip[0]},{'test' if clip[0] == 'd' else 'train'},sad" for clip in pitches]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["file,speaker,split,emotion", *rows]))
    command = ["emotion", "add-noise", "--wavs", wavs, "--labels", table, "--voices", table]
    command += ["--babble", 2, "--group", "speaker", "--out", tmp_path / "o", "--jobs", 1]
    assert main(list(map(str, command))) == 0
    for row in rows_of(tmp_path / "o" / "noise.csv"):
        voices = row["voices"].split()
        assert len(set(voices)) == 2
        assert not {voice[0] for voice in voices} & {row["clean"][0], "d"}
    labels = rows_of(tmp_path / "o" / "labels.csv")
    assert labels[0] == {"name": "a0_noise", "speaker": "a", "split": "train", "emotion": "sad"}
    assert len(labels) == 12


def test_no_part_of_the_own_recording_is_in_its_babble_unless_it_lies_elsewhere(tmp_path):
    wavs = write_voices(tmp_path / "w", {"a": 100, "b": 150, "c": 200}, seconds=1.0)
    table = tmp_path / "parts.csv"
    rows = [f"{name}.wav,{start},{start + 0.5}" for name in "abc" for start in (0, 0.5)]
    table.write_text("\n".join(["file,start,end", *rows]))
    command = ["emotion", "add-noise", "--wavs", wavs, "--voices", table, "--babble", 4]
    assert main(list(map(str, [*command, "--out", tmp_path / "o", "--jobs", 1]))) == 0
    for row in rows_of(tmp_path / "o" / "noise.csv"):
        assert not any(voice.startswith(row["clean"]) for voice in row["voices"].split())
    part, whole = Recording(wavs / "a.wav", "a", 0.2, 0.4), Recording(wavs / "a.wav", "a")
    assert part.overlaps(whole) and not part.overlaps(replace(whole, start=0.4))


def test_the_table_tells_the_voices_that_were_used_after_a_second_call_too(tmp_path):
    wavs = write_voices(tmp_path / "w", {"a": 100, "b": 150, "c": 200, "d": 250})
    voices = find_recordings(write_voices(tmp_path / "v", {f"{i}": 100 + 30 * i for i in range(9)}))
    voices["0"].path.write_bytes(b"")
    for _ in range(2):
        with pytest.warns(UserWarning, match="1 of 13 recordings are left out:\n  0.wav is empty"):
            add_noise(wavs, tmp_path / "o", voices=voices, on_missing="drop")
        rows = rows_of(tmp_path / "o" / "noise.csv")
        assert "0" not in " ".join(row["voices"] for row in rows).split()


def test_noise_is_refused_in_words(tmp_path):
    wavs, out = write_voices(tmp_path / "w", {"a": 100, "b": 150}), tmp_path / "o"
    clips = find_recordings(wavs)
    with pytest.raises(FeatureError) as caught:
        add_noise(clips, out, voices=clips)
    assert str(caught.value) == (
        "none of the 2 recordings can be used; replace them, or name others:\n"
        "  a has 1 voices of others; expected 3\n  b has 1 voices of others; expected 3"
    )
    noise = write_voices(tmp_path / "n", {"a": 300})
    (wavs / "cut.wav").write_bytes((wavs / "a.wav").read_bytes()[:3000])
    with pytest.raises(FeatureError, match=r"1 of 3 recordings cannot be used; replace them, or"):
        add_noise(wavs, out, voices=find_recordings(wavs), n_voices=1)
    assert not out.exists()
    with pytest.raises(ValueError, match=r"/o lies within .*; use another folder\.$"):
        add_noise(wavs, wavs / "o", noise=wavs)
    with pytest.raises(ValueError, match=r"pass either noise=\.\.\. or voices=\.\.\."):
        add_noise(clips, out)
    with pytest.warns(UserWarning, match="1 of 4 recordings are left out:\n  cut.wav is cut off"):
        assert list(add_noise(wavs, out, noise=noise, on_missing="drop")) == ["a", "b"]
    with pytest.raises(ValueError, match=r"o was made with other parameters: random_state was 0"):
        add_noise(clips, out, noise=noise, random_state=1)
    soundfile.write(wavs / "a.wav", voice(300), 16_000)
    with pytest.raises(ValueError, match="has copies of 1 other recordings of the same names"):
        add_noise(clips, out, noise=noise)
