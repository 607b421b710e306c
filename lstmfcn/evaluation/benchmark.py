"""How is a sweep done? Plan the runs, skip those finished, do the others, keep what each gives."""

import collections
import concurrent.futures
import contextlib
import numbers
import os
import queue
import tempfile
import threading
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as brief

import numpy as np

from lstmfcn.datasets import ucr_summary
from lstmfcn.evaluation.experiment import Model, hardware
from lstmfcn.evaluation.records import is_whole, to_file_name
from lstmfcn.evaluation.results import Results, Run
from lstmfcn.evaluation.worker import Died, Failed, Worker, pack_split, read_source
from lstmfcn.progress import tqdm

__all__ = ["Sweep", "sweep"]

AHEAD = 2  # runs handed out per worker: one under way, one waiting
POLL_SECONDS = 0.5
MOST_LOSSES = 3  # of a run by a cluster, which itself has tried several workers each time
LONGEST_REASON = 2000  # characters
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
    if jobs is None:
        jobs = _default_jobs()
    _check_plan(datasets, models, seeds, resamples)
    if not is_whole(jobs) or jobs < 1:
        raise ValueError(f"jobs={jobs!r} is not a number of processes; pass at least 1.")
    if threads is not None and (not is_whole(threads) or threads < 1):
        raise ValueError(f"threads={threads!r} is not a number of threads; pass at least 1.")
    if time_limit is not None and not 0 < time_limit <= threading.TIMEOUT_MAX:
        raise ValueError(f"time_limit={time_limit!r} is not a number of seconds; pass one above 0.")
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
        Run(dataset, model.name, int(seed), int(resample))
        for dataset in datasets
        for model in models
        for seed in seeds
        for resample in resamples
    ]
    finished = results.finished()
    missing_runs = [run for run in runs if run not in finished]
    summary = Sweep(len(runs), skipped=len(runs) - len(missing_runs))
    source = {"missing": missing}
    if archive is not None:
        source["archive"] = os.path.abspath(archive)
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


def _check_plan(datasets, models, seeds, resamples):
    """Refuse what names no runs, before the folder is touched."""
    if isinstance(datasets, str):
        raise ValueError(f"datasets={brief(datasets)} is one text; pass a list of names.")
    for dataset in datasets:
        to_file_name(dataset)
    for model in models:
        if not isinstance(model, Model):
            raise ValueError(f"models has {brief(model)}; pass lstmfcn.evaluation.Model objects.")
    for name, values in (("seeds", seeds), ("resamples", resamples)):
        for value in values:
            if not isinstance(value, numbers.Integral) or value < 0:
                raise ValueError(f"{name} has {brief(value)}; pass whole numbers of at least 0.")
    names = [model.name for model in models]
    parts = {"dataset": datasets, "model": names, "seed": seeds, "resample": resamples}
    for part, given in parts.items():
        twice = [value for value, n in collections.Counter(given).items() if n > 1]
        if twice:
            raise ValueError(f"{part} {twice[0]!r} is given twice.")


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
    results, waiting, losses = work.results, collections.deque(runs), collections.Counter()
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
                losses[run] += engine.has_lost(future)
                with claim:
                    if engine.has_lost(future) and losses[run] <= MOST_LOSSES:
                        waiting.appendleft(run)
                        continue
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
    except Exception as error:  # whatever came from a run, or from a cluster
        kind = "" if isinstance(error, (Failed, Died)) else f"{type(error).__name__}: "
        # Files and terminals take Unicode alone, and not millions of letters.
        reason = f"{kind}{error}"[:LONGEST_REASON].encode("utf-8", "backslashreplace").decode()
        work.results.write_failure(run, reason, **work.models[run.model].describe())
        summary.failed[run] = reason
    else:
        work.results.write(run, record, predictions)
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
    """Threads of this process, each with a worker for its runs."""

    def __init__(self, jobs, threads, folder):
        self.capacity = jobs
        self._threads, self._folder = threads, folder
        self._pool = concurrent.futures.ThreadPoolExecutor(jobs)
        self._workers, self._idle = [], queue.LifoQueue()
        self._log = None

    def __enter__(self):
        self._folder.mkdir(parents=True, exist_ok=True)
        self._log = open(self._folder / "output.log", "ab")  # closed in __exit__
        self._workers = [Worker(self._threads, self._log) for _ in range(self.capacity)]
        for worker in self._workers:
            self._idle.put(worker)
        return self

    def __exit__(self, *_):
        for worker in self._workers:
            worker.close()
        self._pool.shutdown(cancel_futures=True)
        self._log.close()

    def submit(self, run, arguments):
        return self._pool.submit(self._do, arguments)

    def has_lost(self, future):
        return False

    def _do(self, arguments):
        worker = self._idle.get()
        try:
            return _do_twice(worker, arguments)
        finally:
            self._idle.put(worker)


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
        try:
            data = self._data(arguments["source"]) if self._send_data else None
        except Exception as error:  # damaged data cost the runs on them
            future = concurrent.futures.Future()
            future.set_exception(error)
            return future
        return self._pool.submit(_do_there, arguments, self._threads, data)

    def has_lost(self, future):
        """Whether the workers that had a run, or its data, are gone."""
        from distributed import KilledWorker

        return future.cancelled() or isinstance(future.exception(), KilledWorker)

    def _data(self, source):
        """Return the dataset on the cluster; runs on one come one after the other."""
        dataset = source["dataset"]
        if self._sent[0] != dataset or self._sent[1].status not in ("pending", "finished"):
            packed = pack_split(read_source(source))
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
                # The result of a task comes again when its worker dies; scattered data do not.
                self._sent = dataset, self._client.submit(_as_it_is, packed, pure=False)
        return self._sent[1]


def _as_it_is(data):
    return data


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
