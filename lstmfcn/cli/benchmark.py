"""The commands of a sweep: `lstmfcn benchmark run | table | compare | report | export | import`."""

import argparse
import contextlib
import importlib.util
import itertools
import os
import textwrap
from reprlib import repr as brief

from lstmfcn.cli.arguments import at_least, cut, to_names, to_number, to_path
from lstmfcn.cli.text import text_table

MODELS = {
    "lstmfcn": ("LSTM-FCN", "LSTMFCNClassifier"),
    "alstmfcn": ("ALSTM-FCN", "ALSTMFCNClassifier"),
    "fcn": ("FCN", "FCNClassifier"),
    "ensemble": ("LSTM-FCN ensemble", "LSTMFCNEnsemble"),
}
LONGEST_REASON = 300  # characters; the file of the failure has the whole reason
RANKS = "of tied models each has the mean of their ranks"
FEWEST_DATASETS = 6  # the smallest p of Wilcoxon's test is 2 / 2^n
FIRST_DATASETS = (  # of a first sweep, minutes on two cores
    "ArrowHead",
    "BasicMotions",
    "GunPoint",
    "ItalyPowerDemand",
    "JapaneseVowels",
    "UnitTest",
)
CONFIGURATION = ("datasets", "models", "seeds", "resamples", "archive", "missing")
OF_MODEL = ("target", "parameters")
FILLINGS = ("error", "interpolate")
PICTURES = (".png", ".pdf", ".svg")


def add_benchmark(commands):
    """Add ``benchmark`` and its commands to those of ``lstmfcn``."""
    benchmark = commands.add_parser("benchmark", help="sweep an archive, and read the results")
    what = benchmark.add_subparsers(required=True, metavar="WHAT")

    def add(name, command, **settings):
        parser = what.add_parser(name, **settings)
        parser.set_defaults(command=command)
        return parser

    folder = {"metavar": "RESULTS", "type": to_path, "help": "folder of benchmark run"}

    def add_reader(name, command, **settings):
        parser = add(name, command, **settings)
        parser.add_argument("results", **folder)
        parser.add_argument("--metric", default="accuracy")
        beside = "put published accuracies beside: HC2, InceptionTime, karim2018:LSTM-FCN, ..."
        parser.add_argument("--published", type=to_names, default=[], metavar="A,B", help=beside)
        return parser

    run = add(
        "run",
        _run,
        help="train and test models on many datasets",
        description="Train and test every model on every dataset. Called again, it does what is "
        "missing: interrupted and failed runs, new datasets, models and seeds.",
    )
    run.add_argument("--out", type=to_path, required=True, help="folder for the results")
    run.add_argument("--config", type=to_path, help=f"JSON file of {', '.join(CONFIGURATION)}")
    run.add_argument("--archive", type=to_path, help="folder or zip; default: sktime's datasets")
    run.add_argument("--password", help="of an encrypted zip")
    some = "A,B,...; default: all of the archive, or six small ones of sktime's"
    run.add_argument("--datasets", type=to_names, help=some)
    run.add_argument("--models", type=to_names, help=f"default: {','.join(MODELS)}", metavar="A,B")
    run.add_argument(
        "--model",
        type=_model,
        action="append",
        default=[],
        metavar="NAME=MODULE:CLASS[:JSON]",
        help="any classifier in scikit-learn's style, with parameters, beside those of --models, "
        "which then has no default; may be repeated",
    )
    count = {"type": at_least(1), "metavar": "N"}
    run.add_argument("--seeds", **count, help="seeds 0 to N-1 (default: 1)")
    run.add_argument("--resamples", **count, help="the archive's split and N-1 others (default: 1)")
    run.add_argument("--missing", choices=FILLINGS, help="default: interpolate")
    run.add_argument(
        "--jobs", **count, help="runs at a time (default: one per core, if memory allows)"
    )
    run.add_argument("--threads", **count, help="of each run (default: cores divided by jobs)")
    run.add_argument("--dask", choices=("local",), help="use a Dask cluster of --jobs workers here")
    run.add_argument("--scheduler", help="use the Dask cluster with the scheduler at this address")
    run.add_argument("--send-data", action="store_true", help="the cluster has no archive")
    run.add_argument("--time-limit", type=to_number, metavar="SECONDS", help="of a run")
    run.add_argument("--keep-models", action="store_true", help="keep our own fitted models")
    run.add_argument("--epochs", **count, help="of our own networks; default: the recipe's")
    listing = "list the runs, and do none"
    run.add_argument("--dry-run", "--list", action="store_true", help=listing)

    table = add_reader("table", _table, help="print the scores, and the mean ranks")
    table.add_argument("--out", type=to_path, help="write the scores to this CSV file as well")
    table.add_argument("--runs", type=to_path, help="write every run to this .csv or .jsonl file")

    compare = add_reader("compare", _compare, help="which models differ? pairwise tests and groups")
    compare.add_argument("--test", choices=("wilcoxon-holm", "nemenyi"), default="wilcoxon-holm")
    compare.add_argument("--alpha", type=to_number, default=0.05)
    compare.add_argument("--plot", type=to_path, help="draw it into this .png, .pdf or .svg file")

    report = add_reader("report", _report, help="write one HTML page with all of it")
    report.add_argument("--out", type=to_path, required=True, help="HTML file to write")
    report.add_argument("--title", default="Benchmark results")
    report.add_argument("--archive", type=to_path, help="with the series of kept models")
    report.add_argument("--password", help="of an encrypted zip")

    export = add("export", _export, help="write the results as files of tsml, aeon, tsml-eval")
    export.add_argument("results", **folder)
    export.add_argument("--out", type=to_path, required=True, help="folder for the files")
    export.add_argument("--seed", type=at_least(0), default=0, help="of the runs (default: 0)")

    imports = add("import", _import, help="add results of tsml, aeon, tsml-eval, or of a .jsonl")
    source = "folder with MODEL/Predictions/DATASET/..., or a .jsonl file of `table --runs`"
    imports.add_argument("source", metavar="SOURCE", type=to_path, help=source)
    imports.add_argument("--into", type=to_path, required=True, metavar="RESULTS")


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
    from lstmfcn.datasets import list_ucr
    from lstmfcn.datasets.ucr import check_ucr
    from lstmfcn.evaluation import sweep

    plan = _configuration(arguments.config)
    models = _models(arguments, plan.get("models"))
    plan |= {key: value for key, value in vars(arguments).items() if value is not None}
    archive = plan.get("archive")
    datasets = plan.get("datasets") or (FIRST_DATASETS if archive is None else list_ucr(archive))
    datasets = [_dataset(name) for name in datasets]
    if not arguments.scheduler:  # whose workers may have what is missing here
        check_ucr((name for name in datasets if isinstance(name, str)), archive)
        _check_targets(models)
    same = ("password", "jobs", "threads", "send_data", "time_limit", "keep_models", "dry_run")
    with contextlib.ExitStack() as stack:
        result = sweep(
            datasets,
            models,
            arguments.out,
            seeds=range(plan.get("seeds", 1)),
            resamples=range(plan.get("resamples", 1)),
            archive=archive,
            missing=plan.get("missing", "interpolate"),
            client=_client(arguments, stack),
            verbose=2,
            **{name: getattr(arguments, name) for name in same},
        )
    if arguments.dry_run:
        for run in result.missing:
            print(run)
        print(f"{result.planned} runs planned: {result.skipped} are finished; nothing was done")
        return
    print(
        f"{result.planned} runs planned: {result.skipped} were finished, {len(result.done)} are "
        f"now, {len(result.elsewhere)} elsewhere, {len(result.failed)} failed; in {arguments.out}/"
    )
    if result.failed:
        raise ValueError(
            f"{len(result.failed)} runs failed, for the reasons above and in "
            f"{arguments.out / 'failures'}; the same command tries them again."
        )


def _check_targets(models):
    """Refuse models whose package is not installed, or which this package does not have."""
    import lstmfcn

    for model in models:
        module, _, name = model.target.rpartition(":")
        package = module.partition(".")[0]
        if package and importlib.util.find_spec(package) is None:
            raise ValueError(
                f"the model {model.name!r} is in the package {cut(package)!r}, which is not "
                "installed."
            )
        if not module and name not in lstmfcn.__all__:
            raise ValueError(
                f"the model {model.name!r} is {cut(name)!r}, which lstmfcn does not have; pass "
                "MODULE:CLASS for a class of another package."
            )


def _dataset(name):
    """Return a Dataset for ``mer:ROOT:FEATURE[:TRACK]``, other names as they are."""
    from lstmfcn.evaluation import Dataset

    if not name.startswith("mer:"):
        return name
    loader = "lstmfcn.emotion.mer_dataset:load_mer"
    return Dataset(name, loader, {"name": name}, fixed_split=True)


def _configuration(path):
    """Return the plan in a file; its models are Model objects."""
    from lstmfcn.evaluation import Model
    from lstmfcn.evaluation.records import parse_json
    from lstmfcn.untrusted import read_text

    try:
        plan = {} if path is None else parse_json(read_text(path))
        _check_plan(plan)
        if "models" in plan:
            plan["models"] = [Model(name, **model) for name, model in plan["models"].items()]
    except ValueError as error:
        raise ValueError(f"{path} is no configuration: {str(error).rstrip('.')}.") from None
    return plan


def _check_plan(plan):
    if not isinstance(plan, dict):
        raise ValueError(f"it is no object; it may have {', '.join(CONFIGURATION)}")
    _check_keys("it", plan, CONFIGURATION)
    if isinstance(plan.get("models"), dict):
        for name, model in plan["models"].items():
            if isinstance(model, dict):
                _check_keys(f"its model {cut(name)!r}", model, OF_MODEL)
    count = (lambda n: type(n) is int and n > 0, "a number of at least 1")
    kinds = {
        "datasets": (_are_names, "a list of names"),
        "models": (_are_models, 'an object of names and {"target": TEXT, "parameters": OBJECT}'),
        "seeds": count,
        "resamples": count,
        "archive": (lambda path: isinstance(path, str), "a path"),
        "missing": (lambda filling: filling in FILLINGS, f"one of {', '.join(FILLINGS)}"),
    }
    for key, value in plan.items():
        fits, expected = kinds[key]
        if not fits(value):
            raise ValueError(f"its {key!r} is {brief(value)}, where {expected} belongs")


def _check_keys(what, found, known):
    """Refuse a key that is not known, and name the one that may be meant."""
    from lstmfcn.datasets.ucr2018 import nearest

    for key in found:
        if key not in known:
            raise ValueError(
                f"{what} has the key {cut(key)!r}; it may have {', '.join(known)}; "
                f"{nearest(key, known)}"
            )


def _are_names(value):
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _are_models(value):
    """Whether the values have the fields of a Model, which checks what these hold."""
    return isinstance(value, dict) and all(
        isinstance(model, dict) and "target" in model for model in value.values()
    )


def _models(arguments, planned):
    """Return the models of the command, or else of the configuration, or else all of ours."""
    if arguments.epochs is not None and arguments.models is None:
        other = "--model" if arguments.model else "--config" if planned is not None else None
        if other:
            raise ValueError(
                f"--epochs is for --models; in {other}, epochs are among a model's parameters."
            )
    if arguments.models is None and not arguments.model:
        ours = [_own(*model, arguments.epochs) for model in MODELS.values()]
        return ours if planned is None else planned
    names = arguments.models or []
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        raise ValueError(
            f"model {unknown[0]!r} is unknown; choose of {', '.join(MODELS)}, or name another "
            "one by --model NAME=MODULE:CLASS."
        )
    own = [_own(*MODELS[name], arguments.epochs) for name in names]
    return own + arguments.model


def _own(name, target, epochs):
    """Return one of our models, trained as long as the command says."""
    from lstmfcn.evaluation import Model

    if epochs is None:
        return Model(name, target)
    if target != "LSTMFCNEnsemble":
        return Model(name, target, {"n_epochs": epochs})
    from lstmfcn.classifiers import LSTMFCNClassifier
    from lstmfcn.ensemble import default_variants

    variants = [{**one, "n_epochs": epochs} for one in default_variants(LSTMFCNClassifier())]
    return Model(name, target, {"variants": variants})


def _client(arguments, stack):
    if arguments.dask and arguments.scheduler:
        raise ValueError("--dask starts a cluster, --scheduler uses one; choose one of them.")
    if not (arguments.dask or arguments.scheduler):
        return None
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ImportError("Dask is not installed; pip install lstmfcn[dask].") from None
    if arguments.scheduler:
        return stack.enter_context(Client(arguments.scheduler))
    n_workers = arguments.jobs or os.cpu_count()
    cluster = LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None)
    return stack.enter_context(Client(stack.enter_context(cluster)))


def _results(arguments):
    """Return the results in a folder, which must be there and be one of results."""
    from lstmfcn.evaluation import Results

    folder = arguments.results
    if not folder.exists():
        raise FileNotFoundError(f"the folder {folder} does not exist.")
    results = Results(folder)
    if not any((folder / part).is_dir() for part in ("models", "runs", "failures")):
        raise ValueError(f"{folder} is no folder of results; name the --out of benchmark run.")
    return results


def _read_table(records, arguments):
    """Return the table of scores, best mean rank first.

    Before, print a line for each dataset that must be left out.
    """
    from lstmfcn.evaluation import score_table, with_published

    if not arguments.published:
        return score_table(records, arguments.metric).ranked()
    if arguments.metric != "accuracy":
        raise ValueError("published results are accuracies; leave out --metric.")
    table, left_out = with_published(records, arguments.published)
    for dataset, reason in left_out.items():
        print(f"left out: {dataset}, {reason}")
    return table.ranked()


def _table(arguments):
    from lstmfcn.evaluation import write_records
    from lstmfcn.files import check_writable, write_csv

    for path in filter(None, (arguments.out, arguments.runs)):
        check_writable(path)
    results = _results(arguments)
    records, damaged = results.read()
    table = _read_table(records, arguments)
    columns = ["dataset", *table.models]
    rows = [
        [name, *(None if score != score else float(score) for score in row)]
        for name, row in zip(table.datasets, table.scores, strict=True)
    ]
    print(text_table(columns, rows))
    try:
        n_complete, summary = len(table.complete().datasets), table.summary()
    except ValueError as error:  # of a sweep that has only begun
        print(f"\nno means and ranks: {error}")
    else:
        print(f"\n{table.metric} over the {n_complete} datasets that all models have; {RANKS}:")
        heads = ["model", "mean", "rank", "geometric", "MPCE", "best on"]
        print(text_table(heads, [row.values() for row in summary]))
    failed = {**results.failed(), **damaged}
    if failed:
        print(f"\n{len(failed)} runs failed:")
        for run, record in sorted(failed.items()):
            print(f"  {run}: {textwrap.shorten(record['reason'], LONGEST_REASON)}")
    if arguments.out is not None:
        write_csv(arguments.out, columns, rows)
    if arguments.runs is not None:
        write_records(records, arguments.runs)


def _compare(arguments):
    from lstmfcn.evaluation.ranking import compare, friedman, rank_biserial, wins_ties_losses

    if arguments.plot is not None:
        _check_picture(arguments.plot)
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
    print(f"mean ranks over {result.n_datasets} datasets, {arguments.metric}; {RANKS}:")
    for name, rank in zip(result.names, result.mean_ranks, strict=True):
        print(f"  {rank:7.4f}  {name}")
    if result.critical_difference is not None:
        print(f"critical difference: {result.critical_difference:.3f}")
    for first, last in result.cliques:
        print(f"no difference within: {', '.join(result.names[first : last + 1])}")
    if result.n_datasets < FEWEST_DATASETS and arguments.test == "wilcoxon-holm":
        print(
            f"with fewer than {FEWEST_DATASETS} datasets no difference can be significant at 0.05, "
            "however large it is"
        )
    column = {name: scores[:, table.models.index(name)] for name in result.names}
    for (i, one), (j, other) in itertools.combinations(enumerate(result.names), 2):
        wins, ties, losses = wins_ties_losses(column[one], column[other])
        effect = rank_biserial(column[one], column[other])
        print(
            f"{one} against {other}: {wins} wins, {ties} ties, {losses} losses; adjusted "
            f"p = {result.p_values[i, j]:.3g}, effect {effect:+.2f}"
        )
    if arguments.plot is not None:
        from lstmfcn.files import atomic_path
        from lstmfcn.plots import CriticalDifferenceDisplay

        display = CriticalDifferenceDisplay(result).plot()
        with atomic_path(arguments.plot) as temporary:
            display.figure_.savefig(temporary, dpi=150, bbox_inches="tight")
        print(f"{arguments.plot} written")


def _check_picture(path):
    """Refuse a picture that cannot be written before anything is computed."""
    from lstmfcn.files import check_writable

    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"--plot {path} has none of the endings {', '.join(PICTURES)}.")
    check_writable(path)


def _report(arguments):
    from lstmfcn.evaluation import Dataset
    from lstmfcn.report import write_report

    def load_split(name):
        archive, password = arguments.archive, arguments.password
        dataset = _dataset(name)
        if not isinstance(dataset, Dataset):
            dataset = Dataset.from_name(name, archive=archive, password=password)
        return dataset.load()

    write_report(
        _results(arguments),
        arguments.out,
        metric=arguments.metric,
        published=arguments.published,
        title=arguments.title,
        load_split=load_split,
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
