"""How are predictions of emotions scored and compared from a shell? `lstmfcn emotion score`."""

import json

from lstmfcn.cli.arguments import at_least, to_names, to_path
from lstmfcn.cli.text import text_table

FILE = {"type": to_path, "metavar": "FILE"}
TRUTH = "CSV file with the truth; default: the column truth of the predictions"


def add_scores(commands):
    """Add ``score`` and ``compare`` to the commands of ``lstmfcn emotion``."""
    _add_score(commands)
    _add_compare(commands)


def _add_score(commands):
    score = commands.add_parser(
        "score",
        help="score a file of predictions",
        description="Score predictions by UAR (the mean of the classes' recalls), weighted F1 and "
        "accuracy, with 95 % bootstrap intervals over clips and over speakers, and each class. "
        "Columns are found by their names: name or file; truth, discrete, emotion or label; "
        "predicted; probability_CLASS.",
    )
    score.add_argument("--predictions", **FILE, required=True, help="CSV file of predictions")
    score.add_argument("--truth", **FILE, help=TRUTH)
    _add_common(score)
    score.add_argument(
        "--combined",
        action="store_true",
        help="of --target: print MER2023's score as well, weighted F1 minus a quarter of the MSE",
    )
    score.add_argument(
        "--wheels",
        type=to_path,
        metavar="FOLDER",
        help="of words in a column openset: MER2025's scores on the wheels of emotions in this "
        "folder, its emotion_wheel",
    )
    score.add_argument(
        "--synonyms",
        type=to_path,
        metavar="ZIP",
        help="of words in a column openset: MER2024's scores by the groups in this zip or folder, "
        "its openset-synonym.zip",
    )
    score.add_argument("--out", **FILE, help="write the numbers to this JSON file as well")
    score.set_defaults(command=_score)


def _add_compare(commands):
    compare = commands.add_parser(
        "compare",
        help="which of two files of predictions is better?",
        description="Compare two predictions of the same clips: differences (first minus second) "
        "with paired 95 % bootstrap intervals over clips and over speakers, McNemar's test, the "
        "recall of each class.",
    )
    compare.add_argument("first", **FILE | {"metavar": "A.csv"}, help="CSV file of predictions")
    compare.add_argument("second", **FILE | {"metavar": "B.csv"}, help="another one")
    compare.add_argument("--truth", **FILE, help=TRUTH.replace("predictions", "first file"))
    _add_common(compare)
    compare.add_argument("--out", **FILE, help="write the numbers to this JSON file as well")
    compare.set_defaults(command=_compare)


def _add_common(parser):
    parser.add_argument(
        "--group", metavar="COLUMN", help="such as speaker: a second interval is over its values"
    )
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        help="a dimension, such as valence: CCC, MSE and R2 of numbers; no truth is an empty cell "
        "or -10",
    )
    parser.add_argument(
        "--classes", type=to_names, metavar="A,B,C", help="refuse other labels; default: all labels"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the bootstrap (default: 0)")


def _score(arguments):
    from lstmfcn.emotion import read_scored
    from lstmfcn.evaluation import score_classes, score_numbers

    _check_out(arguments)
    if arguments.wheels is not None or arguments.synonyms is not None:
        return _score_words(arguments)
    if arguments.combined and arguments.target is None:
        raise ValueError("--combined is of a valence and an emotion; add --target valence.")
    options = {"group": arguments.group, "classes": arguments.classes or None}
    paths = (arguments.predictions, arguments.truth)
    clips = read_scored(*paths, target=arguments.target, **options)
    random = {"groups": clips.groups, "random_state": arguments.seed}
    if arguments.target is None:
        known = {"probabilities": clips.probabilities, "classes": clips.classes}
        found = score_classes(clips.y_true, clips.y_pred, **known, **random)
    else:
        found = score_numbers(clips.y_true, clips.y_pred, **random)
    _print_heading(clips, found, arguments)
    print(f"\n{_table(found, arguments.group, ['value'])}")
    if arguments.target is None:
        _print_classes(found)
    combined = _combined(paths, options, found) if arguments.combined else {}
    for name, value in combined.items():
        print(f"{name}: {value:.4f}")
    return _write(arguments.out, found, combined)


def _score_words(arguments):
    """Print how well sets of words match: on wheels of emotions, or by groups of synonyms."""
    from lstmfcn.emotion import open_vocabulary_scores, read_label_sets, read_wheels, wheel_scores
    from lstmfcn.emotion.wheels import LEVELS

    others = ("group", "target", "classes", "combined")
    given = [f"--{name}" for name in others if getattr(arguments, name)]
    if given or arguments.truth is None:
        fault = f"leave out {', '.join(given)}" if given else "add --truth, a file of words"
        raise ValueError(f"sets of words are scored on their own; {fault}.")
    paths, numbers = (arguments.truth, arguments.predictions), {}
    n_more = len(read_label_sets(paths[1]).keys() - read_label_sets(paths[0]).keys())
    if n_more:
        print(f"{n_more} predictions are of clips without a truth, and do not count")
    if arguments.synonyms is not None:
        found = open_vocabulary_scores(*paths, arguments.synonyms)
        scores = {name: getattr(found, name) for name in ("average", "accuracy", "recall")}
        print(f"MER2024, by groups of synonyms, {len(found.samples)} clips:")
        print(text_table(["average", "set accuracy", "set recall"], [list(scores.values())]))
        numbers["synonyms"] = scores
    wheels = None if arguments.wheels is None else read_wheels(arguments.wheels)
    for level in LEVELS if wheels else ():
        found = wheel_scores(*paths, wheels, level=level)
        keys = ("wheel", "f1", "precision", "recall", "n")
        rows = [[row[key] for key in keys] for row in found.wheels]
        rows.append(["mean", found.f1, found.precision, found.recall, None])
        print(f"\nMER2025, level {level} of the wheels:")
        print(text_table(["", "F1", "precision", "recall", "clips with a class"], rows))
        numbers[f"level {level}"] = vars(found)
    if wheels and found.unknown:
        from lstmfcn.untrusted import listed

        print(f"\n{len(found.unknown)} words lead to no wheel: {listed(found.unknown, 10)}")
    return _write(arguments.out, None, numbers)


def _combined(paths, options, found):
    """Return the emotions' weighted F1, and MER2023's score of them and the valence."""
    from lstmfcn.emotion import mer_scores, read_scored
    from lstmfcn.emotion.scores import VALENCE_WEIGHT

    clips = read_scored(*paths, **options)
    f1 = mer_scores(clips.y_true, clips.y_pred, classes=clips.classes)["weighted_f1"]
    error = found.scores["mse"]["value"]
    return {"weighted F1": f1, "combined": f1 - VALENCE_WEIGHT * error}


def _compare(arguments):
    from lstmfcn.emotion import read_pair
    from lstmfcn.evaluation import compare_classes, compare_numbers

    _check_out(arguments)
    options = {"group": arguments.group, "target": arguments.target}
    options["classes"] = arguments.classes or None
    first, second = read_pair(arguments.first, arguments.second, arguments.truth, **options)
    data = (first.y_true, first.y_pred, second.y_pred)
    random = {"groups": first.groups, "random_state": arguments.seed}
    if arguments.target is None:
        found = compare_classes(*data, classes=first.classes, **random)
    else:
        found = compare_numbers(*data, **random)
    names = _short_names(arguments.first, arguments.second)
    _print_heading(first, found, arguments, f"{names[0]} against {names[1]}")
    print(f"\n{_table(found, arguments.group, ['first', 'second', 'difference'], names)}")
    if arguments.target is None:
        print(
            f"\nright alone: {names[0]} {found.only_first}, {names[1]} {found.only_second}; "
            f"McNemar's exact p = {found.p_value:.3g}\n\nrecall of each class:"
        )
        keys = ("class", "first", "second", "n")
        rows = [[row[key] for key in keys] for row in found.per_class]
        print(text_table(["", *names, "clips"], rows))
    _write(arguments.out, found, {"files": [str(arguments.first), str(arguments.second)]})


def _short_names(first, second):
    """Return what tells two files apart: their names, or the innermost folders that differ."""
    parts = (path.absolute().parts[::-1] for path in (first, second))
    pairs = zip(*parts, strict=False)
    return next((pair for pair in pairs if pair[0] != pair[1]), (first.name, second.name))


def _print_heading(clips, found, arguments, title=None):
    """Print what is scored, and what is not."""
    from lstmfcn.evaluation.bootstrap import FEW_GROUPS

    counts = [f"{found.n} clips"]
    counts += [f"{found.n_groups} {_several(arguments.group)}"] if arguments.group else []
    counts += [f"{len(found.classes)} classes"] if arguments.target is None else []
    print(f"{title or clips.source}: {', '.join(counts)}")
    if clips.n_unscored:
        print(f"{clips.n_unscored} predictions are of clips without a truth, and do not count")
    if clips.n_unrated:
        print(f"{clips.n_unrated} clips have no true {arguments.target}, and do not count")
    never = set(map(str, clips.y_pred)) - set(map(str, clips.y_true))
    if arguments.target is None and never:
        print(f"predicted, but never true: {', '.join(sorted(never))}")
    if arguments.group and found.n_groups < 2:
        print(f"one {arguments.group} has no interval over {_several(arguments.group)}")
    elif arguments.group and found.n_groups < FEW_GROUPS:
        print(
            f"an interval over {found.n_groups} {_several(arguments.group)} is rough, and rather "
            "too narrow"
        )


def _several(group):
    return group if group.endswith("s") else f"{group}s"


def number_table(found, group):
    """Return scores of one prediction as text, with intervals over values of a column, or None."""
    return _table(found, group, ["value"])


def _table(found, group, keys, names=None):
    """Return the scores and their intervals as text."""
    from lstmfcn.evaluation.class_scores import CLASS_METRICS
    from lstmfcn.evaluation.number_scores import NUMBER_METRICS

    titles, sign = CLASS_METRICS | NUMBER_METRICS, "+" if len(keys) > 1 else ""
    overs = {"clips": "clips"} | ({"groups": _several(group)} if group else {})
    heads = ["score"] if names is None else [*names, "difference"]
    rows = []
    for name, score in found.scores.items():
        values = [score[key] for key in keys]
        if sign:
            values[-1] = f"{values[-1]:+.4f}"
        bounds = [score[over] for over in overs]
        ends = [None if b is None else f"{b[0]:{sign}.3f} to {b[1]:{sign}.3f}" for b in bounds]
        rows.append([titles[name], *values, *ends])
    return text_table(["", *heads, *(f"95 % over {one}" for one in overs.values())], rows)


def _print_classes(found):
    keys = ("class", "precision", "recall", "f1", "support")
    rows = [[row[key] for key in keys] for row in found.per_class]
    print(f"\n{text_table(['', 'precision', 'recall', 'F1', 'clips'], rows)}")
    counts = [[name, *row] for name, row in zip(found.classes, found.confusion, strict=True)]
    print(f"\n{text_table(['true, predicted:', *found.classes], counts)}")
    if found.auroc is not None:
        print(f"\nof the probabilities: AUROC {found.auroc:.4f}, log loss {found.log_loss:.4f}")


def _check_out(arguments):
    from lstmfcn.files import check_writable

    if arguments.out is not None:
        check_writable(arguments.out)


def _write(path, found, more):
    """Write the numbers as JSON."""
    from lstmfcn.files import atomic_path

    if path is None:
        return
    numbers = {**(vars(found) if found else {}), **more}
    if "confusion" in numbers:
        numbers["confusion"] = found.confusion.tolist()
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
