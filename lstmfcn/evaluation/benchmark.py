"""How is a sweep done? Plan the runs, skip finished ones, do the rest, keep the results."""

import collections
import concurrent.futures
import contextlib
import itertools
import os
import tempfile
import threading
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as brief

import numpy as np

from lstmfcn import __version__
from lstmfcn.datasets import ucr_summary
from lstmfcn.evaluation.experiment import Dataset, Model, hardware
from lstmfcn.evaluation.records import Run
from lstmfcn.evaluation.results import Results
from lstmfcn.evaluation.worker import Died, Failed, Worker, pack_split
from lstmfcn.progress import tqdm
from lstmfcn.untrusted import listed
from lstmfcn.validation import check_counts
from lstmfcn.warning import warn

RUNS_PER_WORKER = 2  # of a cluster: one under way, one waiting
POLL_SECONDS = 0.5
MOST_LOSSES = 3  # of a run by a cluster, which itself has tried several workers each time
LONGEST_REASON = 2000  # characters
JOB_BYTES = 2 * 2**30  # memory that a run may need; most need half
LEAST_SERIES = 400  # smaller sets are trained for as many updates


@dataclass
class Sweep:
    """The outcome of a call of :func:`sweep`.

    Attributes
    ----------
    planned, skipped : int
        Number of runs in the plan, and number of runs that were finished before this call.
    done, elsewhere : list of Run
        Runs that this call finished, and runs that another sweep on the same folder finished, or
        failed in, meanwhile.
    failed : dict of Run to str
        The reason for each failed run.
    missing : list of Run
        After a dry run, the runs that would be done, in this order.
    """

    planned: int
    skipped: int = 0
    done: list = field(default_factory=list)
    failed: dict = field(default_factory=dict)
    elsewhere: list = field(default_factory=list)
    missing: list = field(default_factory=list)


def sweep(
    datasets,
    models,
    folder,
    *,
    seeds=(0,),
    resamples=(0,),
    archive=None,
    password=None,
    missing="interpolate",
    jobs=None,
    threads=None,
    client=None,
    send_data=False,
    time_limit=None,
    keep_models=False,
    dry_run=False,
    verbose=1,
):
    """Train and test every model on every dataset, and keep the results in a folder.

    A repeated call with the same folder does the missing runs: runs that were never started, were
    interrupted, or failed. Several calls may work on one folder at a time.

    Parameters
    ----------
    datasets : sequence of str or :class:`lstmfcn.evaluation.Dataset`
        Names of UCR datasets are looked up by :meth:`lstmfcn.evaluation.Dataset.from_name`.
    models : sequence of :class:`lstmfcn.evaluation.Model`
    folder : str or path-like
        Folder of the results; see :class:`lstmfcn.evaluation.Results`.
    seeds, resamples : sequence of int, default=(0,)
        Each combination is a run; a dataset with a fixed split takes resample 0 alone.
    archive, password, missing
        For datasets given by name; see :func:`lstmfcn.datasets.load_ucr`.
    jobs : int, optional
        Number of runs at a time on this machine, each in a process of its own. By default one per
        core, or fewer if there is too little memory.
    threads : int, optional
        Threads of each run's numerical libraries; by default the cores divided by the jobs.
    client : dask.distributed.Client, optional
        Do the runs on the workers of this client; ``jobs`` is then ignored.
    send_data : bool, default=False
        Send the data to the client's workers, which then need no archive.
    time_limit : float, optional
        Seconds after which a run is stopped and counts as failed.
    keep_models : bool, default=False
        Keep the fitted classifiers of this package, in the subfolder ``fitted``.
    dry_run : bool, default=False
        Do and write nothing; the result's ``missing`` lists the runs that would be done.
    verbose : int, default=1
        0: silent; 1: a progress bar; 2: also a line per dataset.

    Returns
    -------
    Sweep

    See Also
    --------
    Model, Dataset : the classifiers and their data.
    Results : the folder, to read from.
    score_table : one number per dataset and model.

    Examples
    --------
    >>> import tempfile
    >>> from lstmfcn.evaluation import Model, Results, sweep
    >>> nearest = Model("1-NN", "sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": 1})
    >>> folder = tempfile.mkdtemp()
    >>> result = sweep(["GunPoint"], [nearest], folder, verbose=0)
    >>> len(result.done), round(Results(folder).records()[0]["accuracy"], 3)
    (1, 0.913)
    """
    results = Results(folder)
    if jobs is None:
        memory = hardware()["memory_bytes"]
        jobs = _cores() if memory is None else max(1, min(_cores(), memory // JOB_BYTES))
    check_counts(jobs=jobs, threads=1 if threads is None else threads)
    if time_limit is not None and not 0 < time_limit <= threading.TIMEOUT_MAX:
        raise ValueError(f"time_limit={time_limit!r} is not a number of seconds; pass one above 0.")
    if isinstance(datasets, str):
        raise ValueError(f"datasets={brief(datasets)} is one text; pass a list of names.")
    source = {"archive": archive, "password": password, "missing": missing}
    datasets = [
        dataset if isinstance(dataset, Dataset) else Dataset.from_name(dataset, **source)
        for dataset in datasets
    ]
    _check_plan(datasets, models, seeds, resamples)
    if not dry_run:
        for model in models:
            results.register(model.name, model.describe())
        _register_datasets(datasets, results)
        results.tidy()
    plan = {}  # run -> arguments of Worker.run
    for dataset, model, seed, resample in itertools.product(datasets, models, seeds, resamples):
        run = Run(dataset.name, model.name, int(seed), int(resample))
        plan[run] = {
            "model": model,
            "dataset": dataset,
            "seed": run.seed,
            "resample": run.resample,
            "keep": str(results.fitted_path(run).resolve()) if keep_models else None,
            "time_limit": time_limit,
        }
    finished = results.finished()
    missing_runs = [run for run in plan if run not in finished]
    summary = Sweep(len(plan), skipped=len(plan) - len(missing_runs))
    _warn_of_versions(results, finished, {run.model for run in missing_runs})
    # The longest first, or the last one would be waited for alone.
    missing_runs.sort(key=lambda run: -_cost(run.dataset))
    if dry_run:
        summary.missing = missing_runs
        return summary
    if client is None:
        engine = _LocalEngine(jobs, threads or max(1, _cores() // jobs), results.folder)
    else:
        engine = _DaskEngine(client, threads or 1, send_data)
    with engine, _Progress(list(plan), missing_runs, results, verbose) as progress:
        known_data = _KnownData(results, finished)
        _do_all(missing_runs, plan, results, known_data, engine, summary, progress)
    return summary


def _check_plan(datasets, models, seeds, resamples):
    """Refuse an unusable plan, before the folder is touched."""
    for model in models:
        if not isinstance(model, Model):
            raise ValueError(f"models has {brief(model)}; pass lstmfcn.evaluation.Model objects.")
    for name, values in (("seeds", seeds), ("resamples", resamples)):
        for value in values:
            check_counts(least=0, **{name: value})
    names, model_names = ([one.name for one in given] for given in (datasets, models))
    parts = {"dataset": names, "model": model_names, "seed": seeds, "resample": resamples}
    for part, given in parts.items():
        twice = [value for value, n in collections.Counter(given).items() if n > 1]
        if twice:
            raise ValueError(f"{part} {twice[0]!r} is given twice.")
    fixed = [dataset.name for dataset in datasets if dataset.fixed_split]
    if fixed and any(resamples):
        raise ValueError(
            f"resamples of {fixed[0]!r} would put one group, such as a speaker, into training and "
            "test data; sweep datasets with a fixed split separately, with resample 0 alone."
        )


def _register_datasets(datasets, results):
    """Bind datasets to their names; where only the archive is another one, tell so."""
    moved = []
    for dataset in datasets:
        description = dataset.describe()
        differing = results.differences(dataset.name, description, kind="dataset")
        if len(differing) == 1 and differing[0].startswith("archive was "):
            moved.append(f"{dataset.name} ({differing[0]})")
        else:
            results.register(dataset.name, description, kind="dataset")
    if moved:
        warn(
            f"{results.folder} has runs on data of another archive: {listed(moved, 3)}. Finished "
            "runs stay; further ones fail if the series or labels differ."
        )


def _warn_of_versions(results, finished, models):
    """Tell if finished runs of models that have more to do are of another version of lstmfcn."""
    found = set()
    for run in {(run.model, run.seed): run for run in sorted(finished)}.values():
        with contextlib.suppress(ValueError):  # a damaged record, which its reader tells
            record = results.record(run) if run.model in models else {}
            if ":" not in (record.get("target") or ":"):  # one of ours
                found.add((record.get("versions") or {}).get("lstmfcn", __version__))
    if found - {__version__}:
        warn(
            f"{results.folder} has runs made with lstmfcn {listed(sorted(found), 3)}, and this is "
            f"{__version__}; its means would be of both."
        )


class _KnownData:
    """Tells whether a run had the series and labels of the finished runs on its dataset."""

    def __init__(self, results, finished):
        self._results, self._finished, self._hashes = results, {}, {}
        for run in sorted(finished):
            self._finished.setdefault(run.dataset, []).append(run)

    def check(self, run, data):
        """Raise Failed if the data of a run, by their hash, are others."""
        if data is None:  # of a worker with an earlier version
            return
        if self._of(run.dataset) not in (None, data):
            raise Failed(
                "its series or labels are not those of finished runs; use another folder for them"
            )
        self._hashes[run.dataset] = data

    def _of(self, dataset):
        if dataset not in self._hashes:
            hashes = map(self._hash, self._finished.get(dataset, ()))
            self._hashes[dataset] = next(filter(None, hashes), None)
        return self._hashes[dataset]

    def _hash(self, run):
        with contextlib.suppress(ValueError):  # a damaged record, which its reader tells
            return self._results.record(run).get("data")


def _cores():
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cost(dataset):
    """Return how long a run takes on a UCR dataset, in an arbitrary unit."""
    known = ucr_summary().get(dataset)
    if known is None:
        return np.inf  # best started early
    return (known.n_timepoints or 500) * max(known.n_train + known.n_test / 4, LEAST_SERIES)


def _do_all(runs, plan, results, known_data, engine, summary, progress):
    """Do those runs that no other sweep does."""
    waiting, losses = collections.deque(runs), collections.Counter()
    held, held_before, under_way = [], set(), {}
    started = time.time()
    with contextlib.ExitStack() as every_claim:
        while waiting or under_way:
            while waiting and len(under_way) < engine.capacity:
                run, claim = waiting.popleft(), contextlib.ExitStack()
                every_claim.push(claim)
                if not claim.enter_context(results.claim(run)):
                    held.append(run)
                elif results.is_finished(run) or (
                    run in held_before and results.failed_since(run, started)
                ):
                    summary.elsewhere.append(run)
                    progress.ended(run)
                else:
                    under_way[engine.submit(plan[run])] = run, claim
                    continue
                claim.close()
            ended, _ = concurrent.futures.wait(
                under_way, timeout=POLL_SECONDS, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in ended:
                run, claim = under_way.pop(future)
                is_lost = engine.has_lost(future)
                losses[run] += is_lost
                with claim:
                    if is_lost and losses[run] <= MOST_LOSSES:
                        waiting.appendleft(run)
                        continue
                    _keep(run, future, plan[run]["model"], results, known_data, summary)
                progress.ended(run, summary.failed.get(run))
            if not waiting and not under_way and held:
                # Another sweep does these now; those that it leaves are ours.
                time.sleep(POLL_SECONDS)
                held_before.update(held)
                waiting.extend(held)
                held.clear()


def _keep(run, future, model, results, known_data, summary):
    """Write the results of a run, or why it failed."""
    try:
        record, predictions = future.result()
        known_data.check(run, record.get("data"))
    except Exception as error:  # whatever came from a run, or from a cluster
        kind = "" if isinstance(error, (Failed, Died)) else f"{type(error).__name__}: "
        # Files and terminals take Unicode alone, and not millions of letters.
        reason = f"{kind}{error}"[:LONGEST_REASON].encode("utf-8", "backslashreplace").decode()
        results.write_failure(run, reason, **model.describe())
        summary.failed[run] = reason
    else:
        results.write(run, record, predictions)
        summary.done.append(run)


class _LocalEngine(contextlib.AbstractContextManager):
    """Does runs in threads of this process; each thread has a worker process of its own."""

    def __init__(self, jobs, threads, folder):
        self.capacity = jobs
        self._pool = concurrent.futures.ThreadPoolExecutor(jobs)
        folder.mkdir(parents=True, exist_ok=True)
        self._log = open(folder / "output.log", "ab")  # closed in __exit__
        self._workers = [Worker(threads, self._log) for _ in range(jobs)]
        self._idle = list(self._workers)

    def __exit__(self, *_):
        for worker in self._workers:
            worker.close()
        self._pool.shutdown(cancel_futures=True)
        self._log.close()

    def submit(self, arguments):
        return self._pool.submit(self._do, arguments)

    def has_lost(self, future):
        return False

    def _do(self, arguments):
        worker = self._idle.pop()
        try:
            return _do_twice(worker, arguments)
        finally:
            self._idle.append(worker)


class _DaskEngine(contextlib.AbstractContextManager):
    """Does runs on the workers of a Dask cluster; each worker has a process of its own."""

    def __init__(self, client, threads, send_data):
        self._client, self._threads, self._send_data = client, threads, send_data
        n_workers = sum(client.nthreads().values())
        if not n_workers:
            raise ValueError("the Dask cluster has no workers; start some first.")
        self.capacity = RUNS_PER_WORKER * n_workers
        self._pool = client.get_executor(pure=False)
        self._sent = (None, None)

    def __exit__(self, *_):
        self._pool.shutdown(wait=False)
        with contextlib.suppress(Exception):  # workers that died meanwhile
            self._client.run(_close_workers)

    def submit(self, arguments):
        try:
            data = self._data(arguments["dataset"]) if self._send_data else None
        except Exception as error:  # damaged data cost the runs on them
            future = concurrent.futures.Future()
            future.set_exception(error)
            return future
        return self._pool.submit(_do_on_cluster, arguments, self._threads, data)

    def has_lost(self, future):
        """Whether the workers that held a run, or its data, are gone."""
        from distributed import KilledWorker

        return future.cancelled() or isinstance(future.exception(), KilledWorker)

    def _data(self, dataset):
        """Return the data on the cluster; consecutive runs are on the same dataset."""
        if self._sent[0] != dataset or self._sent[1].status not in ("pending", "finished"):
            packed = pack_split(dataset.load())
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
                # The result of a task comes again when its worker dies; scattered data do not.
                self._sent = dataset, self._client.submit(dict, packed, pure=False)
        return self._sent[1]


def _do_on_cluster(arguments, threads, data):
    """Do a run on a Dask worker."""
    worker = _CLUSTER_WORKERS.setdefault(threading.get_ident(), Worker(threads))
    if data is None:
        return _do_twice(worker, arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "split.npz"
        np.savez(path, **data)
        loader = "lstmfcn.evaluation.worker:read_split"
        dataset = Dataset(arguments["dataset"].name, loader, {"path": str(path)})
        return _do_twice(worker, {**arguments, "dataset": dataset})


_CLUSTER_WORKERS = {}


def _close_workers():
    while _CLUSTER_WORKERS:
        _CLUSTER_WORKERS.popitem()[1].close()


def _do_twice(worker, arguments):
    """Do a run; if its process dies, once more."""
    try:
        return worker.run(**arguments)
    except Died:
        return worker.run(**arguments)


class _Progress(contextlib.AbstractContextManager):
    """A bar that weights runs by their length, a line per dataset, and a log file."""

    def __init__(self, runs, missing, results, verbose):
        self._runs, self._results, self._verbose = runs, results, verbose
        self._left = collections.Counter(run.dataset for run in missing)
        costs = {dataset: _cost(dataset) for dataset in self._left}
        usual = np.median([cost for cost in costs.values() if np.isfinite(cost)] or [1.0])
        self._costs = {d: float(usual if cost == np.inf else cost) for d, cost in costs.items()}
        self._n_done, self._n_failed, self._n = len(runs) - len(missing), 0, len(runs)
        self._bar = tqdm(
            total=sum(self._costs[run.dataset] for run in missing),
            desc="benchmark",
            disable=not verbose,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]",
        )
        self._show()

    def __exit__(self, *_):
        self._bar.close()

    def ended(self, run, reason=None):
        """Count a run that has ended; it failed if there is a reason."""
        self._n_failed += reason is not None
        self._n_done += reason is None
        self._left[run.dataset] -= 1
        self._bar.update(self._costs[run.dataset])
        self._show()
        with open(self._results.folder / "log.txt", "a", encoding="utf-8") as file:
            outcome = f"failed: {reason}" if reason else "done"
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {run}: {outcome}\n")
        if reason and self._verbose:
            self._bar.write(f"{run} failed: {reason}")
        if not self._left[run.dataset] and self._verbose > 1:
            self._bar.write(self._line(run.dataset))

    def _line(self, dataset):
        """Return a line with the mean accuracies on a dataset."""
        accuracies = collections.defaultdict(list)
        for run in self._runs:
            if run.dataset != dataset:
                continue
            with contextlib.suppress(ValueError, KeyError):  # failed, or written by hand
                accuracy = self._results.record(run)["accuracy"]
                accuracies[run.model].append(accuracy)
        means = [f"{model} {np.mean(values):.4f}" for model, values in accuracies.items()]
        return f"{dataset}: {', '.join(means) or 'nothing finished'}"

    def _show(self):
        failed = f", {self._n_failed} failed" if self._n_failed else ""
        self._bar.set_postfix_str(f"{self._n_done} of {self._n} runs{failed}")
