"""How do recordings get features and noise in a shell? `lstmfcn emotion extract`, `add-noise`."""

import argparse
import re

from lstmfcn.cli.arguments import at_least, to_names, to_number, to_path
from lstmfcn.cli.text import text_table

SMILE = "openSMILE by audEERING (free for research, teaching and private use only)"


def add_extraction(what):
    """Add ``extract`` and ``add-noise`` to the commands of ``lstmfcn emotion``."""
    _add_extract(what)
    _add_noise(what)


def _add_extract(what):
    extract = what.add_parser(
        "extract",
        help="make features of recordings, transcripts and pictures",
        description="Make feature sets in MER2024's layout, one .npy for each clip, with a "
        "manifest. Nothing is written before all recordings are checked. Called again, it makes "
        "what is missing.",
    )
    add = extract.add_argument
    add("--wavs", type=to_path, metavar="DIR", help="folder of recordings: wav, flac, ogg, ...")
    add("--out", type=to_path, required=True, metavar="ROOT", help="gets the folder features")
    add(
        "--features",
        type=to_names,
        default=["logmel"],
        metavar="A[,B]",
        help="logmel: log-mel frames of 40 bands, 50 a second (logmel80: of 80); egemaps, compare: "
        f"low-level descriptors and functionals by {SMILE}; hf:PATH: hidden states of a pretrained "
        "model in the folder PATH (wav2vec 2.0, HuBERT, WavLM, Whisper; BERT and its kin; CLIP), "
        "which is never downloaded (default: logmel)",
    )
    add(
        "--labels",
        type=to_path,
        metavar="CSV",
        help="only the clips of this table, with a column name, file or filename, and perhaps "
        "start and end in seconds",
    )
    add(
        "--transcripts",
        type=to_path,
        metavar="CSV",
        help="table of what is said, for models of text: a column name or file, and --text-column",
    )
    add("--text-column", default="sentence", metavar="COLUMN", help="default: sentence")
    add(
        "--frames",
        type=to_path,
        metavar="DIR",
        help="folder with one folder of pictures for each clip, for models of pictures",
    )
    add(
        "--frames-per-second", type=to_number, metavar="N", help="of the pictures, for the manifest"
    )
    add(
        "--level",
        choices=("frame", "utterance", "both"),
        help="frames (_FRA), one vector for each clip (_UTT), or both; default: both of openSMILE, "
        "frames of the others",
    )
    add(
        "--layers",
        type=at_least(1),
        default=4,
        metavar="N",
        help="last hidden layers of a pretrained model that are added up (default: 4)",
    )
    add("--dtype", choices=("float32", "float16"), default="float32", help="default: float32")
    _add_common(extract)
    extract.set_defaults(command=_extract)


def _add_noise(what):
    noise = what.add_parser(
        "add-noise",
        help="make noisy copies of recordings",
        description="Mix noise into recordings by the rule of the track MER-NOISE: a ratio for "
        "each clip, and a random crop of recordings that are drawn and joined; or babble of other "
        "speakers. Copies are wav files of 16 bits and 16 kHz. Called again, it makes what is "
        "missing.",
    )
    add = noise.add_argument
    add("--wavs", type=to_path, required=True, metavar="DIR", help="folder of recordings")
    add("--out", type=to_path, required=True, metavar="DIR", help="folder for the copies")
    source = noise.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--noise", type=to_path, metavar="DIR", help="recordings of noise, such as MUSAN's speech"
    )
    source.add_argument(
        "--babble",
        type=at_least(1),
        metavar="N",
        help="in place of --noise: N voices of other recordings in --wavs",
    )
    add(
        "--voices",
        type=to_path,
        metavar="CSV",
        help="table of the clips that babble is made of, such as the training clips; of a table "
        "with the column split only its training clips; default: --labels, or all of --wavs",
    )
    add(
        "--labels",
        type=to_path,
        metavar="CSV",
        help="copy only the clips of this table, and write it for the copies, as labels.csv",
    )
    add("--group", metavar="COLUMN", help="such as speaker: nobody is in the own babble")
    add(
        "--snr",
        type=_to_ratios,
        default=(5, 6, 7, 8, 9, 10),
        metavar="LOW:HIGH",
        help="signal-to-noise ratio in dB, a whole number drawn for each clip (default: 5:10)",
    )
    add("--suffix", default="_noise", help="of the copies' names (default: _noise)")
    add("--seed", type=at_least(0), default=0, help="default: 0")
    _add_common(noise)
    noise.set_defaults(command=_noise)


def _add_common(parser):
    parser.add_argument(
        "--on-missing",
        choices=("error", "drop"),
        default="error",
        help="of recordings that cannot be used (empty, damaged, cut off, silent, not there): "
        "refuse them in one message, or leave them out",
    )
    parser.add_argument(
        "--jobs", type=at_least(1), metavar="N", help="clips at a time (default: one per core)"
    )


def _to_ratios(text):
    """Return the whole numbers in "5:10", or in "5"."""
    match = re.fullmatch(r"(-?\d{1,3})(?::(-?\d{1,3}))?", text)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if low > high:
        raise argparse.ArgumentTypeError(f"{text!r} is not LOW:HIGH in dB, such as 5:10")
    return tuple(range(low, high + 1))


def _extract(arguments):
    from lstmfcn.emotion import FeatureStore, extract, frame_rate, load_unlabelled, recordings_of

    wavs, transcripts = arguments.wavs, None
    if arguments.labels is not None:
        if wavs is None:
            raise ValueError("--labels names recordings; give their folder, too (--wavs).")
        wavs = recordings_of(load_unlabelled(arguments.labels), wavs)
    if arguments.transcripts is not None:
        table = load_unlabelled(arguments.transcripts)
        if arguments.text_column not in table.columns:
            raise ValueError(
                f"{table.source} has no column {arguments.text_column!r}; name the one with the "
                f"text by --text-column: {', '.join(table.columns) or 'there is none'}."
            )
        texts = table.columns[arguments.text_column].tolist()
        transcripts = dict(zip(table.names, texts, strict=True))
    done = extract(
        wavs,
        arguments.out,
        arguments.features,
        transcripts=transcripts,
        frames=arguments.frames,
        frames_per_second=arguments.frames_per_second,
        level=arguments.level,
        n_layers=arguments.layers,
        dtype=arguments.dtype,
        on_missing=arguments.on_missing,
        n_jobs=arguments.jobs or -1,
        verbose=1,
    )
    store = FeatureStore(done.root)
    rows = []
    for name in done.feature_sets:
        one = store.feature_set(name).describe()
        lengths = "{:g}, {:g}, {:g}".format(*one.n_frames)
        rate = frame_rate(done.root, name)
        rows.append([name, one.n_clips, one.n_features, one.dtype, rate and f"{rate:g}", lengths])
    columns = ["feature set", "clips", "D", "dtype", "frames per second", "T (min, median, max)"]
    print(f"{len(done.clips)} clips in {done.root}; {done.n_made} files are new\n")
    print(text_table(columns, rows))


def _noise(arguments):
    from lstmfcn.emotion import add_noise, find_recordings, load_unlabelled, recordings_of
    from lstmfcn.emotion.clip_labels import read_clips

    wavs, labels, groups = find_recordings(arguments.wavs), None, {}
    clips = voices = wavs
    if arguments.labels is not None:
        rows, _, _ = read_clips(arguments.labels, ("name",))
        labels = load_unlabelled(arguments.labels)
        clips = voices = recordings_of(labels, arguments.wavs)
    tables = [labels]
    if arguments.voices is not None:
        tables.append(load_unlabelled(arguments.voices))
    if (of_voices := tables[-1]) is not None:
        voices = recordings_of(_training_clips(of_voices), arguments.wavs)
    if arguments.group is not None:
        if tables == [None]:
            raise ValueError("--group is a column of --labels or --voices; give one of them.")
        for table in tables:
            if table is not None:
                groups |= dict(zip(table.names, table.groups(arguments.group), strict=True))
    names = add_noise(
        clips,
        arguments.out,
        noise=arguments.noise,
        voices=None if arguments.babble is None else voices,
        groups=groups if arguments.group is not None else None,
        n_voices=arguments.babble or 3,
        snr_db=arguments.snr,
        suffix=arguments.suffix,
        random_state=arguments.seed,
        on_missing=arguments.on_missing,
        n_jobs=arguments.jobs or -1,
        verbose=1,
    )
    noise = arguments.noise or f"babble of {arguments.babble} of {len(voices)} voices"
    print(f"{len(names)} noisy copies in {arguments.out}, with {noise}")
    if labels is not None:
        _write_labels(rows, names, arguments.out / "labels.csv")


def _training_clips(table):
    """Return the rows of a table that its column split, if there is one, calls training clips."""
    from lstmfcn.emotion.corpus import TRAIN

    if "split" not in table.columns:
        return table
    rows = [row for row, split in enumerate(table.columns["split"]) if split.lower() in TRAIN]
    if not rows:
        raise ValueError(f"{table.source} has no training clip in its column split (train, dev).")
    return table[rows]


def _write_labels(rows, names, out):
    """Write the table of some clips for their copies."""
    from lstmfcn.files import write_csv

    copies = [row | {"name": names[row["name"]]} for _, row in rows if row["name"] in names]
    columns = [name for name in copies[0] if name not in ("file", "start", "end", "")]
    write_csv(out, columns, copies)
    print(f"their labels: {out}")
