"""What can be done with a sweep from a shell? `lstmfcn benchmark ...`."""

import argparse
import csv
import os
import textwrap

from lstmfcn.cli_arguments import at_least, to_names, to_number, to_path

__all__ = ["add_benchmark"]

MODELS = {
    "lstmfcn": ("LSTM-FCN", "LSTMFCNClassifier"),
    "alstmfcn": ("ALSTM-FCN", "ALSTMFCNClassifier"),
    "fcn": ("FCN", "FCNClassifier"),
}
LONGEST_REASON = 300  # characters; the file of the failure has all
CONFIGURATION = ("datasets", "models", "seeds", "resamples", "archive", "missing")
FILLINGS = ("error", "interpolate")


def add_benchmark(commands):
    """Add ``benchmark`` and what it can do to the commands of ``lstmfcn``."""
    benchmark = commands.add_parser("benchmark", help="sweep an archive, and read the results")
    what = benchmark.add_subparsers(required=True, metavar="WHAT")

    run = what.add_parser(
        "run",
        help="train and test models on many datasets",
        description="Train and test every model on every dataset. Called again, it does what is "
        "missing: interrupted and failed runs, new datasets, models and seeds.",
    )
    run.add_argument("--out", type=to_path, required=True, help="folder for the results")
    run.add_argument(
        "--config", type=to_path, help="JSON file with any of " + ", ".join(CONFIGURATION)
    )
    run.add_argument(
        "--archive", type=to_path, help="folder or zip; default: the sets that come with sktime"
    )
    run.add_argument("--password", help="of an encrypted zip")
    run.add_argument("--datasets", type=to_names, help="A,B,...; default: all of the archive")
    run.add_argument(
        "--models", type=to_names, help=f"of {', '.join(MODELS)}; default: all three", metavar="A,B"
    )
    run.add_argument(
        "--model",
        type=_model,
        action="append",
        default=[],
        metavar="NAME=MODULE:CLASS[:JSON]",
        help="any classifier in scikit-learn's style, with parameters; may be repeated",
    )
    run.add_argument("--seeds", type=at_least(1), help="seeds 0 to N-1 (default: 1)", metavar="N")
    run.add_argument(
        "--resamples",
        type=at_least(1),
        help="the archive's split and N-1 others (default: 1)",
        metavar="N",
    )
    run.add_argument("--missing", choices=FILLINGS, help="default: interpolate")
    run.add_argument("--jobs", type=at_least(1), help="runs at a time (default: one per core)")
    run.add_argument("--threads", type=at_least(1), help="of each run; default: cores shared out")
    run.add_argument("--dask", choices=("local",), help="use a Dask cluster of --jobs workers here")
    run.add_argument("--scheduler", help="use the Dask cluster with the scheduler at this address")
    run.add_argument("--send-data", action="store_true", help="the cluster has no archive")
    run.add_argument("--time-limit", type=to_number, metavar="SECONDS", help="of a run")
    run.add_argument("--keep-models", action="store_true", help="keep our own fitted models")
    run.set_defaults(command=_run)

    table = what.add_parser("table", help="print the scores, and the mean ranks")
    _add_results(table)
    table.add_argument("--out", type=to_path, help="write the scores to this CSV file as well")
    table.add_argument("--runs", type=to_path, help="write every run to this .csv or .jsonl file")
    table.set_defaults(command=_table)

    compare = what.add_parser("compare", help="which models differ? pairwise tests and groups")
    _add_results(compare)
    compare.add_argument("--test", choices=("wilcoxon-holm", "nemenyi"), default="wilcoxon-holm")
    compare.add_argument("--alpha", type=to_number, default=0.05)
    compare.set_defaults(command=_compare)

    report = what.add_parser("report", help="write one HTML page with all of it")
    _add_results(report)
    report.add_argument("--out", type=to_path, required=True, help="HTML file to write")
    report.add_argument("--title", default="Benchmark results")
    report.add_argument(
        "--archive", type=to_path, help="where the series of kept models are; default: sktime's"
    )
    report.add_argument("--password", help="of an encrypted zip")
    report.set_defaults(command=_report)

    export = what.add_parser("export", help="write the results as files of tsml, aeon, tsml-eval")
    export.add_argument("results", metavar="RESULTS", type=to_path, help="folder of benchmark run")
    export.add_argument("--out", type=to_path, required=True, help="folder for the files")
    export.add_argument(
        "--seed", type=at_least(0), default=0, help="whose runs to write (default: 0)"
    )
    export.set_defaults(command=_export)

    add = what.add_parser("import", help="add results of tsml, aeon, tsml-eval, or of a .jsonl")
    add.add_argument(
        "source",
        metavar="SOURCE",
        type=to_path,
        help="folder with MODEL/Predictions/DATASET/..., or a .jsonl file of `table --runs`",
    )
    add.add_argument("--into", type=to_path, required=True, metavar="RESULTS")
    add.set_defaults(command=_import)


def _add_results(parser):
    parser.add_argument("results", metavar="RESULTS", type=to_path, help="folder of benchmark run")
    parser.add_argument("--metric", default="accuracy")
    parser.add_argument(
        "--published",
        type=to_names,
        default=[],
        metavar="A,B",
        help="put published accuracies beside: HC2, InceptionTime, karim2018:LSTM-FCN, ...",
    )


def _model(text):
    from lstmfcn.evaluation import Model
    from lstmfcn.evaluation.records import parse_json

    name, equals, rest = text.partition("=")
    target, brace, parameters = rest.partition(":{")
    if not (name and equals and target):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=MODULE:CLASS or ...:CLASS:JSON")
    try:
        return Model(name, target, parse_json(brace[1:] + parameters) if brace else {})
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"the parameters of {name} are no JSON object: {error}"
        ) from None


def _run(arguments):
    import contextlib

    from lstmfcn.datasets import list_ucr
    from lstmfcn.evaluation import sweep

    plan = _configuration(arguments.config)
    for key in CONFIGURATION:
        if key != "models" and getattr(arguments, key) is not None:
            plan[key] = getattr(arguments, key)
    models = _models(arguments, plan.get("models"))
    archive = plan.get("archive")
    if arguments.dask and arguments.scheduler:
        raise ValueError("--dask starts a cluster, --scheduler uses one; choose one of them.")
    with contextlib.ExitStack() as stack:
        client = _client(arguments, stack)
        result = sweep(
            plan.get("datasets") or list_ucr(archive),
            models,
            arguments.out,
            seeds=range(plan.get("seeds", 1)),
            resamples=range(plan.get("resamples", 1)),
            archive=archive,
            password=arguments.password,
            missing=plan.get("missing", "interpolate"),
            jobs=arguments.jobs,
            threads=arguments.threads,
            client=client,
            send_data=arguments.send_data,
            time_limit=arguments.time_limit,
            keep_models=arguments.keep_models,
            verbose=2,
        )
    print(
        f"{result.planned} runs planned: {result.skipped} were finished, {len(result.done)} are "
        f"now, {len(result.elsewhere)} elsewhere, {len(result.failed)} failed; in {arguments.out}/"
    )
    if result.failed:
        raise ValueError(
            f"{len(result.failed)} runs failed, for the reasons above and in "
            f"{arguments.out / 'failures'}; the same command tries them again."
        )


def _configuration(path):
    """Return what a file says a sweep is; its models are Model objects."""
    from lstmfcn.evaluation.records import read_json

    if path is None:
        return {}
    try:
        return _check_plan(read_json(path))
    except ValueError as error:
        raise ValueError(f"{path} is no configuration: {error}.") from None


def _check_plan(plan):
    from reprlib import repr as brief

    from lstmfcn.evaluation import Model
    from lstmfcn.evaluation.records import is_whole

    if not isinstance(plan, dict):
        raise ValueError(f"it is no object; it may have {', '.join(CONFIGURATION)}")
    unknown = sorted(set(plan) - set(CONFIGURATION))
    if unknown:
        raise ValueError(f"it has {', '.join(unknown)}; it may have {', '.join(CONFIGURATION)}")
    kinds = {
        "datasets": (_is_names, "a list of names"),
        "models": (_is_models, 'an object of names and {"target": TEXT, "parameters": OBJECT}'),
        "seeds": (lambda n: is_whole(n) and n > 0, "a number of at least 1"),
        "resamples": (lambda n: is_whole(n) and n > 0, "a number of at least 1"),
        "archive": (lambda path: isinstance(path, str), "a path"),
        "missing": (lambda filling: filling in FILLINGS, f"one of {', '.join(FILLINGS)}"),
    }
    for key, value in plan.items():
        fits, expected = kinds[key]
        if not fits(value):
            raise ValueError(f"its {key!r} is {brief(value)}, where {expected} belongs")
    if "models" in plan:
        plan["models"] = [Model(name, **model) for name, model in plan["models"].items()]
    return plan


def _is_names(value):
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _is_models(value):
    return isinstance(value, dict) and all(
        isinstance(model, dict)
        and {"target"} <= model.keys() <= {"target", "parameters"}
        and isinstance(model["target"], str)
        and isinstance(model.get("parameters", {}), dict)
        for model in value.values()
    )


def _models(arguments, planned):
    """Return those of the command, or else of the configuration, or else our three."""
    from lstmfcn.evaluation import Model

    if arguments.models is None and not arguments.model and planned is not None:
        return planned
    names = arguments.models
    if names is None:
        names = [] if arguments.model else list(MODELS)
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        raise ValueError(
            f"model {unknown[0]!r} is unknown; choose of {', '.join(MODELS)}, or name another "
            "one by --model NAME=MODULE:CLASS."
        )
    return [Model(*MODELS[name]) for name in names] + arguments.model


def _client(arguments, stack):
    if not (arguments.dask or arguments.scheduler):
        return None
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ImportError("Dask is not installed; pip install lstmfcn[dask].") from None
    address = arguments.scheduler
    if address is None:
        address = stack.enter_context(
            LocalCluster(
                n_workers=arguments.jobs or os.cpu_count(),
                threads_per_worker=1,
                dashboard_address=None,
            )
        )
    return stack.enter_context(Client(address))


def _results(arguments):
    """Return the results in a folder that is there."""
    from lstmfcn.evaluation import Results

    if not arguments.results.exists():
        raise FileNotFoundError(f"the folder {arguments.results} does not exist.")
    return Results(arguments.results)


def _read_table(records, arguments):
    """Return the table of scores, after a line for each dataset that must be left out."""
    from lstmfcn.evaluation import score_table, with_published

    if not arguments.published:
        return score_table(records, arguments.metric)
    if arguments.metric != "accuracy":
        raise ValueError("published results are accuracies; leave out --metric.")
    table, left_out = with_published(records, arguments.published)
    for dataset, reason in left_out.items():
        print(f"left out: {dataset}, {reason}")
    return table


def _table(arguments):
    from lstmfcn.atomic import check_writable
    from lstmfcn.evaluation import write_records

    for path in (arguments.out, arguments.runs):
        if path is not None:
            check_writable(path)
    results = _results(arguments)
    records, damaged = results.read()
    table = _read_table(records, arguments)
    width = max(len(name) for name in (*table.datasets, "dataset"))
    columns = [max(len(name), 8) for name in table.models]
    print(_line("dataset", table.models, width, columns))
    for name, row in zip(table.datasets, table.scores, strict=True):
        print(_line(name, ["-" if x != x else f"{x:.4f}" for x in row], width, columns))
    n_complete = len(table.complete().datasets)
    print(f"\n{table.metric} over the {n_complete} datasets that all models have:")
    print(f"{'model':<20} {'mean':>8} {'rank':>7} {'geometric':>10} {'MPCE':>8} {'best on':>8}")
    for row in table.summary():
        mpce = "-" if row["mpce"] is None else f"{row['mpce']:.4f}"
        print(
            f"{row['model']:<20} {row['mean']:>8.4f} {row['arithmetic_rank']:>7.3f} "
            f"{row['geometric_rank']:>10.3f} {mpce:>8} {row['best']:>8}"
        )
    failed = {**results.failed(), **damaged}
    if failed:
        print(f"\n{len(failed)} runs failed:")
        for run, record in sorted(failed.items()):
            print(f"  {run}: {textwrap.shorten(record['reason'], LONGEST_REASON)}")
    if arguments.out is not None:
        rows = zip(table.datasets, table.scores, strict=True)
        _write_csv(
            arguments.out,
            ["dataset", *table.models],
            ([name, *("" if x != x else x for x in row)] for name, row in rows),
        )
    if arguments.runs is not None:
        write_records(records, arguments.runs)


def _write_csv(path, head, rows):
    from lstmfcn.atomic import atomic_path

    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def _line(name, cells, width, columns):
    cells = (f"{cell:>{column}}" for cell, column in zip(cells, columns, strict=True))
    return f"{name:<{width}} {' '.join(cells)}"


def _compare(arguments):
    from lstmfcn.evaluation.ranking import compare, friedman, rank_biserial, wins_ties_losses

    records, damaged = _results(arguments).read()
    for failure in damaged.values():
        print(f"left out: {failure['reason']}")
    table = _read_table(records, arguments).complete()
    scores = table.better()
    if len(table.models) < 2:
        raise ValueError(f"{arguments.results} has one model, {table.models[0]}; add another.")
    if len(table.models) > 2 and len(table.datasets) > 1:
        statistic, _, p_value = friedman(scores)
        print(f"Friedman: chi-squared {statistic:.2f}, p = {p_value:.3g} (Iman and Davenport)")
    result = compare(scores, table.models, test=arguments.test, alpha=arguments.alpha)
    print(f"mean ranks over {result.n_datasets} datasets, {arguments.metric}:")
    for name, rank in zip(result.names, result.mean_ranks, strict=True):
        print(f"  {rank:6.3f}  {name}")
    if result.critical_difference is not None:
        print(f"critical difference: {result.critical_difference:.3f}")
    for first, last in result.cliques:
        print(f"no difference within: {', '.join(result.names[first : last + 1])}")
    column = {name: scores[:, table.models.index(name)] for name in result.names}
    for i, one in enumerate(result.names):
        for j in range(i + 1, len(result.names)):
            other = result.names[j]
            wins, ties, losses = wins_ties_losses(column[one], column[other])
            print(
                f"{one} against {other}: {wins} wins, {ties} ties, {losses} losses; adjusted "
                f"p = {result.p_values[i, j]:.3g}, effect "
                f"{rank_biserial(column[one], column[other]):+.2f}"
            )


def _report(arguments):
    from lstmfcn.evaluation.worker import read_source
    from lstmfcn.report import write_report

    source = {"missing": "interpolate"}
    for key in ("archive", "password"):
        if getattr(arguments, key) is not None:
            source[key] = getattr(arguments, key)
    write_report(
        _results(arguments),
        arguments.out,
        metric=arguments.metric,
        published=arguments.published,
        title=arguments.title,
        load_split=lambda dataset: read_source({"dataset": dataset, **source}),
        verbose=1,
    )
    print(f"{arguments.out} written; it needs no other file")


def _export(arguments):
    from lstmfcn.evaluation import export_tsml

    n_files = export_tsml(_results(arguments), arguments.out, seed=arguments.seed)
    print(f"{n_files} runs written to {arguments.out}/")


def _import(arguments):
    from lstmfcn.evaluation import Results, add_records, import_tsml

    if not arguments.source.exists():
        raise FileNotFoundError(f"{arguments.source} does not exist.")
    add = add_records if arguments.source.suffix == ".jsonl" else import_tsml
    n_runs = add(arguments.source, Results(arguments.into))
    print(f"{n_runs} runs added to {arguments.into}/")
