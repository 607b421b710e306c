"""How is a sweep done? Plan the runs, skip those finished, do the others, keep what each gives."""

import collections
import concurrent.futures
import contextlib
import os
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from lstmfcn.datasets import ucr_summary
from lstmfcn.evaluation.experiment import hardware
from lstmfcn.evaluation.results import Results, Run
from lstmfcn.evaluation.worker import Died, Failed, Worker, pack_split, read_source

__all__ = ["Sweep", "sweep"]

AHEAD = 2  # runs handed out per worker: one under way, one waiting
POLL_SECONDS = 0.5
JOB_BYTES = 2 * 2**30  # what a run may need; most need half
FEWEST = 400  # series: smaller sets are trained for as many updates


@dataclass
class Sweep:
    """What became of a call of :func:`sweep`.

    Attributes
    ----------
    planned : int
        Runs of the plan.
    skipped : int
        Of those, the ones that were finished before.
    done : list of Run
        Finished by this call.
    failed : dict of Run to str
        With the reason.
    elsewhere : list of Run
        Finished, or failed, by another sweep on the same folder meanwhile.
    """

    planned: int
    skipped: int = 0
    done: list = field(default_factory=list)
    failed: dict = field(default_factory=dict)
    elsewhere: list = field(default_factory=list)


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
    verbose=1,
):
    """Train and test every model on every dataset, and keep the results in a folder.

    Calling again with the same folder does what is missing: runs that were never started, that
    were interrupted, or that failed. Several calls may work on one folder at a time.

    Parameters
    ----------
    datasets : sequence of str
        Names of UCR sets, or ``mer:ROOT:FEATURE[:TRACK]`` for features in MER2024's layout (see
        :func:`lstmfcn.emotion.mer_dataset.load_mer`), whose split is the only one: resamples would
        put a speaker on both sides.
    models : sequence of :class:`lstmfcn.evaluation.Model`
    folder : str or path-like
        See :class:`lstmfcn.evaluation.Results`.
    seeds, resamples : sequence of int, default=(0,)
        Each combination is a run.
    archive, password, missing
        See :func:`lstmfcn.datasets.load_ucr`.
    jobs : int, optional
        Runs at a time on this machine, each in a process of its own; by default one per core, or
        fewer if the memory would not suffice: two jobs of one thread finish twice as many runs as
        one job of two (``benchmarks/README.md``).
    threads : int, optional
        Of each run's numerical libraries; by default the machine's cores are shared out.
    client : dask.distributed.Client, optional
        Do the runs on its workers instead, ``jobs`` notwithstanding.
    send_data : bool, default=False
        Send the data to the client's workers, who then need no archive.
    time_limit : float, optional
        Seconds after which a run is stopped and counts as failed.
    keep_models : bool, default=False
        Keep the fitted classifiers of this package, in the folder's ``fitted``.
    verbose : int, default=1
        0: silent; 1: a progress bar; 2: a line for each dataset, too.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        If a name is used twice, is unknown, or stands for something else in the folder.

    Examples
    --------
    >>> import tempfile
    >>> from lstmfcn.evaluation import Model, Results, sweep
    >>> nearest = Model("1-NN", "sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": 1})
    >>> folder = tempfile.mkdtemp()
    >>> result = sweep(["GunPoint", "ArrowHead"], [nearest], folder, verbose=0)
    >>> len(result.done), [round(r["accuracy"], 3) for r in Results(folder).records()]
    (2, [0.8, 0.913])
    """
    results = Results(folder)
    names = [model.name for model in models]
    for kind, given in (("dataset", datasets), ("model", names)):
        twice = [name for name, n in collections.Counter(given).items() if n > 1]
        if twice:
            raise ValueError(f"{kind} {twice[0]!r} is given twice.")
    if jobs is None:
        jobs = _default_jobs()
    if jobs < 1:
        raise ValueError(f"jobs={jobs} is not a number of processes; pass at least 1.")
    grouped = [name for name in datasets if name.startswith("mer:")]
    if grouped and any(resamples):
        raise ValueError(
            f"resamples of {grouped[0]!r} would put a speaker on both sides; sweep mer: datasets "
            "with resample 0 alone, in a call of their own into the same folder."
        )
    for model in models:
        results.register(model.name, model.describe())
    results.tidy()
    runs = [
        Run(dataset, model, int(seed), int(resample))
        for dataset in datasets
        for model in names
        for seed in seeds
        for resample in resamples
    ]
    finished = results.finished()
    missing_runs = [run for run in runs if run not in finished]
    summary = Sweep(len(runs), skipped=len(runs) - len(missing_runs))
    source = {"missing": missing}
    if archive is not None:
        source["archive"] = os.fspath(archive if client is None else Path(archive).resolve())
    if password is not None:
        source["password"] = password
    work = _Work({model.name: model for model in models}, source, results, time_limit, keep_models)
    if client is None:
        engine = _Here(jobs, threads or max(1, _cores() // jobs), results.folder)
    else:
        engine = _There(client, threads or 1, send_data)
    # The longest first, or the last one would be waited for alone.
    missing_runs.sort(key=lambda run: -_cost(run.dataset))
    with _Progress(runs, missing_runs, results, verbose) as progress, engine:
        _do_all(missing_runs, work, engine, summary, progress)
    return summary


def _cores():
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _default_jobs():
    memory = hardware()["memory_bytes"]
    return _cores() if memory is None else max(1, min(_cores(), memory // JOB_BYTES))


def _cost(dataset):
    """Return about how long a run takes on a UCR dataset, compared with others."""
    known = ucr_summary().get(dataset)
    if known is None:
        return np.inf  # best started early
    return (known.n_timepoints or 500) * max(known.n_train + known.n_test / 4, FEWEST)


@dataclass
class _Work:
    """What all runs have in common."""

    models: dict
    source: dict
    results: Results
    time_limit: float | None
    keep_models: bool

    def of(self, run):
        """Return the arguments of :meth:`Worker.run` for one run."""
        keep = str(self.results.fitted_path(run).resolve()) if self.keep_models else None
        return {
            "model": self.models[run.model],
            "source": {"dataset": run.dataset, **self.source},
            "seed": run.seed,
            "resample": run.resample,
            "keep": keep,
            "time_limit": self.time_limit,
        }


def _do_all(runs, work, engine, summary, progress):
    results, waiting = work.results, collections.deque(runs)
    held_elsewhere, under_way = [], {}
    started = time.time()
    with contextlib.ExitStack() as every_claim:
        while waiting or under_way:
            while waiting and len(under_way) < engine.capacity:
                run, claim = waiting.popleft(), contextlib.ExitStack()
                every_claim.push(claim)
                if not claim.enter_context(results.claim(run)):
                    held_elsewhere.append(run)
                elif results.is_finished(run):
                    summary.elsewhere.append(run)
                    progress.ended(run)
                else:
                    under_way[engine.submit(run, work.of(run))] = run, claim
                    continue
                claim.close()
            ended, _ = concurrent.futures.wait(
                under_way, timeout=POLL_SECONDS, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in ended:
                run, claim = under_way.pop(future)
                with claim:
                    _keep(run, future, work, summary)
                progress.ended(run, summary.failed.get(run))
            if not waiting and not under_way and held_elsewhere:
                # Another sweep does these now; what it leaves is ours.
                waiting.extend(_left(held_elsewhere, results, started, summary, progress))
                held_elsewhere = []
                if waiting:
                    time.sleep(POLL_SECONDS)


def _keep(run, future, work, summary):
    """Write what a run gave, or why it failed."""
    try:
        record, predictions = future.result()
        work.results.write(run, record, predictions)
    except (KeyboardInterrupt, concurrent.futures.CancelledError):
        raise
    except OSError:
        raise  # the folder cannot be written: no use to go on
    except Exception as error:  # whatever came from a run, or from a cluster
        reason = (
            str(error) if isinstance(error, (Failed, Died)) else f"{type(error).__name__}: {error}"
        )
        work.results.write_failure(run, reason, **work.models[run.model].describe())
        summary.failed[run] = reason
    else:
        summary.done.append(run)


def _left(runs, results, started, summary, progress):
    """Return the runs that another sweep held and has neither finished nor seen fail."""
    left = []
    for run in runs:
        if results.is_finished(run) or results.failed_since(run, started):
            summary.elsewhere.append(run)
            progress.ended(run)
        else:
            left.append(run)
    return left


class _Here:
    """Threads of this process, each with a process for its runs."""

    def __init__(self, jobs, threads, folder):
        self.capacity = jobs
        self._threads, self._folder = threads, folder
        self._pool = concurrent.futures.ThreadPoolExecutor(jobs)
        self._workers, self._own = [], threading.local()
        self._log = None

    def __enter__(self):
        self._folder.mkdir(parents=True, exist_ok=True)
        self._log = open(self._folder / "output.log", "ab")  # closed in __exit__
        return self

    def __exit__(self, *_):
        for worker in self._workers:
            worker.close()
        self._pool.shutdown(cancel_futures=True)
        self._log.close()

    def submit(self, run, arguments):
        return self._pool.submit(self._do, arguments)

    def _do(self, arguments):
        if not hasattr(self._own, "worker"):
            self._own.worker = Worker(self._threads, self._log)
            self._workers.append(self._own.worker)
        return _do_twice(self._own.worker, arguments)


class _There:
    """The workers of a Dask cluster, each with a process for its runs."""

    def __init__(self, client, threads, send_data):
        self._client, self._threads, self._send_data = client, threads, send_data
        n_workers = sum(client.nthreads().values())
        if not n_workers:
            raise ValueError("the Dask cluster has no workers; start some first.")
        self.capacity = AHEAD * n_workers
        self._pool = client.get_executor(pure=False)
        self._sent = (None, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pool.shutdown(wait=False)
        with contextlib.suppress(Exception):  # workers that died meanwhile
            self._client.run(_close_workers)

    def submit(self, run, arguments):
        data = self._data(arguments["source"]) if self._send_data else None
        return self._pool.submit(_do_there, arguments, self._threads, data)

    def _data(self, source):
        """Return the dataset on the cluster; runs on one come one after the other."""
        dataset = source["dataset"]
        if self._sent[0] != dataset:
            packed = pack_split(read_source(source))
            # In a list, as a dict would be taken apart, under names that are all alike.
            self._sent = dataset, self._client.scatter([packed])[0]
        return self._sent[1]


def _do_there(arguments, threads, data):
    """Do a run on a Dask worker."""
    worker = _WORKERS.get(threading.get_ident())
    if worker is None:
        worker = _WORKERS[threading.get_ident()] = Worker(threads)
    if data is None:
        return _do_twice(worker, arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "split.npz"
        np.savez(path, **data)
        return _do_twice(worker, {**arguments, "source": {"arrays": str(path)}})


_WORKERS = {}


def _close_workers():
    while _WORKERS:
        _WORKERS.popitem()[1].close()


def _do_twice(worker, arguments):
    """Do a run; if its process dies, once more."""
    try:
        return worker.run(**arguments)
    except Died:
        return worker.run(**arguments)


class _Progress:
    """A bar that knows which runs are long, a line per dataset, and a log file."""

    def __init__(self, runs, missing, results, verbose):
        self._results, self._verbose = results, verbose
        self._left = collections.Counter(run.dataset for run in missing)
        self._runs = collections.defaultdict(list)
        for run in runs:
            self._runs[run.dataset].append(run)
        costs = {dataset: _cost(dataset) for dataset in self._left}
        known = [cost for cost in costs.values() if np.isfinite(cost)]
        usual = float(np.median(known)) if known else 1.0
        self._costs = {d: cost if np.isfinite(cost) else usual for d, cost in costs.items()}
        self._n_done, self._n_failed, self._n = len(runs) - len(missing), 0, len(runs)
        self._bar = tqdm(
            total=sum(self._costs[run.dataset] for run in missing),
            desc="benchmark",
            disable=not verbose,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]",
        )
        self._show()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    def ended(self, run, reason=None):
        """Note that a run is over: ``reason`` says why it failed."""
        self._n_failed += reason is not None
        self._n_done += reason is None
        self._left[run.dataset] -= 1
        self._bar.update(self._costs[run.dataset])
        self._show()
        self._write(f"{run}: {'failed: ' + reason if reason else 'done'}")
        if reason and self._verbose:
            self._bar.write(f"{run} failed: {reason}")
        if not self._left[run.dataset] and self._verbose > 1:
            self._bar.write(self._line(run.dataset))

    def _line(self, dataset):
        """Return the mean accuracies of a dataset in words."""
        accuracies = collections.defaultdict(list)
        for run in self._runs[dataset]:
            with contextlib.suppress(ValueError, KeyError):  # failed, or written by hand
                accuracy = self._results.record(run)["accuracy"]
                accuracies[run.model].append(accuracy)
        means = [f"{model} {np.mean(values):.4f}" for model, values in accuracies.items()]
        return f"{dataset}: {', '.join(means) or 'nothing finished'}"

    def _show(self):
        failed = f", {self._n_failed} failed" if self._n_failed else ""
        self._bar.set_postfix_str(f"{self._n_done} of {self._n} runs{failed}")

    def _write(self, text):
        with open(self._results.folder / "log.txt", "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
