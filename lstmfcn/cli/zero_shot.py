"""What can be done with zero-shot answers from a shell? `lstmfcn emotion zero-shot ...`."""

import contextlib
import json

from lstmfcn.cli.arguments import at_least, to_number, to_path
from lstmfcn.cli.text import text_table

MODALITIES = ("text", "image", "evoke", "micro", "video", "multi")
FILE = {"type": to_path, "metavar": "FILE"}
COUNT = {"type": at_least(1), "metavar": "N"}


def add_zero_shot(commands):
    """Add ``zero-shot`` and what it can do to the commands of ``lstmfcn emotion``."""
    zero_shot = commands.add_parser(
        "zero-shot", help="ask a model, score its answers, compare a classifier with them"
    )
    what = zero_shot.add_subparsers(required=True, metavar="WHAT")
    _add_run(what)
    _add_score(what)
    _add_table(what)
    _add_compare(what)


def _add_run(commands):
    run = commands.add_parser(
        "run",
        help="ask a model on an endpoint about your samples",
        description="Ask a model on any endpoint with chat completions which label fits each "
        "sample. The endpoint is the one in the environment variables OPENAI_BASE_URL and "
        "OPENAI_API_KEY. Called again, it asks about the samples without an answer.",
    )
    add = run.add_argument
    columns = "name, gt, text, image, frames"
    add("--samples", **FILE, required=True, help=f".csv or .jsonl file with the columns {columns}")
    labels = "the labels to choose from, or one of the 19 datasets: cmumosi, ..."
    add("--vocabulary", metavar="A,B", required=True, help=labels)
    add("--modality", choices=MODALITIES, default="text", help="what a sample is")
    add("--model", required=True, help="as the endpoint calls it")
    add("--out", type=to_path, required=True, help="folder for answers, of one dataset")
    add("--variant", default="", help="part of the file's name: label-gpt4v-VARIANT")
    add("--frames", type=at_least(1), default=3, help="sent of each clip (default: 3)")
    add("--grey", action="store_true", help="send pictures without colours")
    add("--batch-size", **COUNT, help="samples in a request (default: modality's)")
    add("--concurrency", **COUNT, default=1, help="default: 1")
    add("--max-requests", **COUNT, help="end after as many")
    add("--max-tokens", **COUNT, default=1000, help="of a reply")
    add("--max-completion-tokens", action="store_true", help="name of it on newer endpoints")
    add("--temperature", type=_temperature, default=0.0, help="a number, or none (default: 0)")
    limit = "of a request, from its first byte to the answer's last one (default: 120)"
    add("--timeout", type=to_number, default=120.0, metavar="SECONDS", help=limit)
    add("--seed", type=at_least(0), default=0, help="of the order of samples (default: 0)")
    add("--dry-run", action="store_true", help="show the prompt and count its tokens")
    add("--fake", action="store_true", help="ask the endpoint in this package, which counts words")
    run.set_defaults(command=_run)


def _add_score(commands):
    score = commands.add_parser(
        "score",
        help="how good are the answers of a run?",
        description="Score the answers that zero-shot run has written: those that came, and "
        "strictly, where a missing answer is wrong; recall of each class; what was taken for what.",
    )
    add = score.add_argument
    add("folder", type=to_path, metavar="FOLDER", help="what run called --out")
    add("--variant", help="of the run; default: the only one")
    add("--model", help="who answered, as printed; default: the model that run asked")
    add("--out", **FILE, help="write the scores to this CSV file as well")
    score.set_defaults(command=_score)


def _add_table(commands):
    table = commands.add_parser(
        "table",
        help="GPT-4V on 19 datasets: published, recomputed, strict",
        description="Score the released answers of GPT-4V by the rules that give its published "
        "numbers, and strictly: refused and out of the vocabulary is wrong. Where there is no "
        "file of answers, the counts that come with this package are scored.",
    )
    add = table.add_argument
    add("--answers", type=to_path, metavar="ROOT", help="folder of released answers")
    add("--out", type=to_path, help="write the table to this CSV file as well")
    table.set_defaults(command=_table)


def _add_compare(commands):
    compare = commands.add_parser(
        "compare",
        help="is a classifier better on the same samples?",
        description="Score predictions and a model's answers on the samples that both have: "
        "difference with its interval, McNemar's test, recall of each class.",
    )
    add = compare.add_argument
    add("--answers", type=to_path, metavar="ROOT", required=True, help="folder of released answers")
    add("--dataset", required=True, help="its folder: ckplus, cmumosi, ...")
    add("--variant", help="rgb, text, 2, ...; default: the published one")
    add("--predictions", **FILE, required=True, help="CSV file with the columns name and predicted")
    add("--column", default="predicted", help="another name of the column predicted")
    labels = "CSV file with the columns name and discrete: compare on its samples, with its labels"
    add("--labels", **FILE, help=labels)
    add("--name", default="classifier", help="who predicted, as printed")
    add("--model", help="who answered, as printed; default: the model that zero-shot run asked")
    add("--out", type=to_path, help="folder for numbers, rows and picture")
    compare.set_defaults(command=_compare)


def _temperature(text):
    return None if text == "none" else to_number(text)


def _run(arguments):
    from lstmfcn.zero_shot import ChatClient, FakeEndpoint, Question, ZeroShotRunner, read_samples

    question = Question(
        _vocabulary(arguments.vocabulary), arguments.modality, arguments.frames, arguments.grey
    )
    samples = read_samples(arguments.samples)
    runner = ZeroShotRunner(
        question,
        arguments.model,
        arguments.out,
        batch_size=arguments.batch_size or "auto",
        concurrency=arguments.concurrency,
        max_requests=arguments.max_requests,
        temperature=arguments.temperature,
        max_tokens=arguments.max_tokens,
        random_state=arguments.seed,
        variant=arguments.variant,
    )
    if arguments.dry_run:
        return _print_plan(runner.plan(samples))
    with contextlib.ExitStack() as stack:
        base_url = api_key = None
        if arguments.fake:
            endpoint = stack.enter_context(FakeEndpoint())
            base_url, api_key = endpoint.base_url, endpoint.api_key
        token_limit = "max_completion_tokens" if arguments.max_completion_tokens else "max_tokens"
        runner.client = ChatClient(
            base_url, api_key, timeout_seconds=arguments.timeout, token_limit=token_limit
        )
        run = runner.run(samples)
    counts = ", ".join(f"{number} {status}" for status, number in run.counts.items())
    print(
        f"{len(samples)} samples: {counts}; {run.n_cached} were answered before, {run.n_requests} "
        f"requests now; files are in {arguments.out}/"
    )
    if run.ended_because:
        print(f"ended because {run.ended_because}; run it again to go on")
    return None


def _print_plan(plan):
    if plan.prompt:
        print(f"{plan.prompt}\n\n---")
    print(
        f"{plan.n_samples} samples, {plan.n_answered} of them answered before; "
        f"{plan.n_requests} requests if each is answered at once: about {plan.n_text_tokens} "
        f"tokens of text and {plan.n_image_tokens} of pictures, at most {plan.max_reply_tokens} "
        "of replies. Nothing was sent."
    )


def _vocabulary(text):
    """Return the labels in a text: some with commas, or the name of a dataset."""
    from lstmfcn.zero_shot import TASKS, zero_shot_task

    labels = [label.strip() for label in text.split(",") if label.strip()]
    if len(labels) > 1:
        return tuple(labels)
    try:
        return zero_shot_task(text).vocabulary
    except ValueError:
        raise ValueError(
            f"the vocabulary {text!r} is neither several labels with commas between them nor one "
            f"of the datasets {', '.join(TASKS)}."
        ) from None


def _score(arguments):
    from lstmfcn.files import check_writable, write_csv
    from lstmfcn.zero_shot import load_run, score_zero_shot, zero_shot_baselines
    from lstmfcn.zero_shot.own_runs import answered_by

    if arguments.out is not None:
        check_writable(arguments.out)
    answers = load_run(arguments.folder, arguments.variant)
    came = score_zero_shot(answers, oov="wrong", align_labels=True)
    strict = score_zero_shot(answers, oov="wrong", missing="wrong", align_labels=True)
    baselines = zero_shot_baselines(answers, missing="wrong")
    rows = []
    for metric in came.interval:
        row = {"metric": metric}
        for name, score in (("answered", came), ("strict", strict)):
            low, high = score.interval[metric]
            row |= {name: getattr(score, metric), f"{name}_low": low, f"{name}_high": high}
        rows.append(row | {name: baselines[name][metric] for name in ("majority", "random")})
    print(
        f"{answers.task.title} {answers.variant}".strip()
        + f", answered by {arguments.model or answered_by(arguments.folder, answers)}: {strict.n} "
        f"samples with a class; {strict.n_missing} without an answer, {strict.n_out_of_vocabulary} "
        "answered out of the vocabulary (wrong)\n"
    )
    columns = ["", "answered", "95 % interval", "strict", "95 % interval", "majority", "random"]
    cells = [
        [
            {"uar": "UAR", "waf": "weighted F1"}.get(row["metric"], row["metric"]),
            row["answered"],
            f"{row['answered_low']:.3f}-{row['answered_high']:.3f}",
            row["strict"],
            f"{row['strict_low']:.3f}-{row['strict_high']:.3f}",
            row["majority"],
            row["random"],
        ]
        for row in rows
    ]
    print(text_table(columns, cells))
    print(
        f"\nanswered: the {came.n} samples with an answer; strict: all, a missing answer is wrong; "
        "majority: always\nthe most frequent class; random: what guessing gives\n\n"
        "true class in rows, answer in columns; none: out of the vocabulary, or missing"
    )
    counts = [
        [name, *row.tolist()] for name, row in zip(strict.classes, strict.matrix, strict=True)
    ]
    print(text_table(["", *strict.classes, "none"], counts))
    if arguments.out is not None:
        write_csv(arguments.out, list(rows[0]), rows)


def _table(arguments):
    from lstmfcn.files import check_writable, write_csv
    from lstmfcn.zero_shot import zero_shot_remarks, zero_shot_table

    if arguments.out is not None:
        check_writable(arguments.out)
    rows = zero_shot_table(arguments.answers)
    per_cent = ("published", "recomputed", "strict", "majority", "random")
    cells = [
        {
            **row,
            **{key: None if row[key] is None else f"{row[key]:.2f}" for key in per_cent},
            "95 % interval": f"{row['low']:.1f}-{row['high']:.1f}",
            "right/scored": f"{row['n_correct']}/{row['n']}",
            "from": row["source"],
        }
        for row in rows
    ]
    columns = ["dataset", "variant", "metric", *per_cent[:3], "95 % interval", "right/scored"]
    columns += [*per_cent[3:], "from"]
    print(text_table(columns, [[row[key] for key in columns] for row in cells], n_left=3))
    print(
        f"\n{_agreement(rows)}\nAll in per cent; uar: unweighted average recall, waf: weighted F1; "
        "strict: every sample of the label file,\nwhat is missing or out of the vocabulary wrong."
    )
    flattered, wronged, below = zero_shot_remarks(rows)
    for title, remarks in (
        ("Flattered by its rule", flattered),
        ("Wronged by a spelling", wronged),
        ("Below always answering the most frequent class", below),
    ):
        if remarks:
            print(f"\n{title}:", *remarks, sep="\n  ")
    if arguments.out is not None:
        write_csv(arguments.out, list(rows[0]), rows)


def _agreement(rows):
    """Say how many published numbers come out, and of which answers."""
    sources = {"csv": "files given", "counts": "counts that come with this package"}
    agree = {
        source: [r["agrees"] for r in rows if r["source"] == source and r["agrees"] is not None]
        for source in sources
    }
    n_lines = {source: sum(row["source"] == source for row in rows) for source in sources}
    both = [one for some in agree.values() for one in some]
    text = f"{sum(both)} of {len(both)} published numbers come out to their two decimals"
    parts = [
        f"{sum(agree[source])} of {len(agree[source])} from the {words} ({n_lines[source]} of "
        f"{len(rows)} lines)"
        for source, words in sources.items()
        if n_lines[source]
    ]
    return f"{text}: {', '.join(parts)}."


def _compare(arguments):
    import warnings

    from lstmfcn.zero_shot import compare_to_zero_shot, load_zero_shot
    from lstmfcn.zero_shot.own_runs import answered_by
    from lstmfcn.zero_shot.score.files import read_csv

    if arguments.out is not None and arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"{arguments.out} is a file; name a folder with --out.")
    answers = load_zero_shot(arguments.answers, arguments.dataset, arguments.variant)
    predictions = read_csv(arguments.predictions, ("name", arguments.column))
    y_true = None
    if arguments.labels is not None:
        predictions, y_true = _on_labelled(predictions, answers, arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        result = compare_to_zero_shot(
            [row[arguments.column] for row in predictions.values()],
            list(predictions),
            answers,
            y_true=y_true,
        )
    model = arguments.model or answered_by(arguments.answers / answers.task.name, answers)
    names = (arguments.name, model)
    for warning in caught:
        print(f"note: {warning.message}")
    _print_comparison(result, names)
    if arguments.out is not None:
        _write_comparison(result, names, arguments.out)
        print(f"\nnumbers, rows and picture are in {arguments.out}/")


def _on_labelled(predictions, answers, arguments):
    """Return the predictions on the answered samples of a label file, and its labels."""
    from lstmfcn.zero_shot import shared_samples
    from lstmfcn.zero_shot.score.files import sample_name

    labels = dict(zip(*shared_samples(arguments.labels, answers), strict=True))
    labels = {sample_name(name): label for name, label in labels.items()}
    chosen = {name: row for name, row in predictions.items() if name in labels}
    if not chosen:
        raise ValueError(
            f"{arguments.predictions} has none of the {len(labels)} answered samples of "
            f"{arguments.labels}; give predictions with the names of that file."
        )
    print(
        f"{len(chosen)} of {len(predictions)} predictions are of the {len(labels)} answered "
        f"samples of {arguments.labels.name}"
    )
    return chosen, [labels[name] for name in chosen]


def _print_comparison(result, names):
    print(
        f"{f'{result.dataset} {result.variant}'.strip()}: {result.n} of {result.n_predictions} "
        f"predictions compared, of {result.n_answered} samples answered by {names[1]}; "
        f"without an answer: {result.n_unanswered}, without a class: {result.n_neutral}"
    )
    if result.n_relabelled:
        print(f"{result.n_relabelled} of them were released with another class, or with none")
    ours, theirs = names
    columns = ["", *names, "difference", "95 % interval", "majority", f"strict: {ours}, {theirs}"]
    rows = [
        [
            metric,
            score["ours"],
            score["zero_shot"],
            f"{score['difference']:+.4f}",
            f"{score['low']:+.3f} {score['high']:+.3f}",
            result.majority[metric],
            "{ours:.4f}, {zero_shot:.4f}".format(**result.strict[metric])
            + f" (n = {result.n_strict})",
        ]
        for metric, score in result.scores.items()
    ]
    print(f"\n{text_table(columns, rows)}")
    print(
        f"\nright alone: {ours} {result.only_ours}, {theirs} {result.only_zero_shot}; "
        f"McNemar's exact p = {result.p_value:.3g}\n\nrecall of each class:"
    )
    keys = ("class", "ours", "zero_shot", "n")
    print(text_table(["", *names, "n"], [[row[key] for key in keys] for row in result.per_class]))


def _write_comparison(result, names, folder):
    """Write comparison.json, per-class.csv, samples.csv and comparison.png."""
    from dataclasses import asdict

    import matplotlib.pyplot as plt

    from lstmfcn.files import atomic_path, write_csv
    from lstmfcn.plots.zero_shot import ZeroShotDisplay

    folder.mkdir(parents=True, exist_ok=True)
    numbers = asdict(result)
    samples = {key: numbers.pop(key) for key in ("names", "y_true", "ours", "zero_shot")}
    numbers["n"], numbers["systems"] = result.n, names
    with atomic_path(folder / "comparison.json") as temporary:
        temporary.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    rows = [_flat(row) for row in result.per_class]
    write_csv(folder / "per-class.csv", list(rows[0]), rows)
    columns = ("name", "truth", "predicted", "answered")
    write_csv(folder / "samples.csv", columns, zip(*samples.values(), strict=True))
    figure = ZeroShotDisplay.from_comparison(result, names=names).plot().figure_
    with atomic_path(folder / "comparison.png") as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)


def _flat(row):
    """Return a row of numbers, its intervals as two columns."""
    flat = {key: value for key, value in row.items() if not key.endswith("_interval")}
    for system in ("ours", "zero_shot"):
        flat[f"{system}_low"], flat[f"{system}_high"] = row[f"{system}_interval"] or (None, None)
    return flat
