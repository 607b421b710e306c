"""How does a model on an endpoint come to answer for each sample? Asking, again, and resuming."""

import csv
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmfcn.atomic import atomic_path
from lstmfcn.emotion.zero_shot.answers import STATUSES
from lstmfcn.emotion.zero_shot.asking import Asking
from lstmfcn.emotion.zero_shot.cache import CACHE, AnswerCache, answered, read_cache
from lstmfcn.emotion.zero_shot.client import ChatClient
from lstmfcn.emotion.zero_shot.prompts import MODALITIES
from lstmfcn.emotion.zero_shot.samples import check_names
from lstmfcn.emotion.zero_shot.sender import Sender

__all__ = ["ZeroShotPlan", "ZeroShotRun", "ZeroShotRunner", "write_answers"]

NOT_ASKED = "not asked"


@dataclass(frozen=True)
class ZeroShotPlan:
    """What a run would do, without a request.

    Attributes
    ----------
    n_samples, n_answered : int
        All samples; those whose answers are there already.
    n_requests : int
        If every one is answered at once.
    prompt : str
        That of the first request, or ``""``; pictures by their sizes.
    n_text_tokens, n_image_tokens : int
        Of all prompts, estimated; see :mod:`lstmfcn.emotion.zero_shot.prompts`.
    max_reply_tokens : int
        Of all replies at most.
    """

    n_samples: int
    n_answered: int
    n_requests: int
    prompt: str
    n_text_tokens: int
    n_image_tokens: int
    max_reply_tokens: int


@dataclass(frozen=True)
class ZeroShotRun:
    """What a run did.

    Attributes
    ----------
    names : list of str
    answers : list of Answer or None
        One for each name; None if it was never asked about.
    n_requests : int
        Sent by this run.
    n_cached : int
        Samples that were answered before.
    ended_because : str
        Why it ended before all samples were asked about, or ``""``.
    """

    names: list
    answers: list
    n_requests: int
    n_cached: int
    ended_because: str = ""

    @property
    def counts(self):
        """Number of samples of each status, and of those not asked about; none of zero."""
        found = [NOT_ASKED if answer is None else answer.status for answer in self.answers]
        return {key: found.count(key) for key in (*STATUSES, NOT_ASKED) if key in found}


class ZeroShotRunner:
    """Asks a model about samples, and keeps every answer.

    Parameters
    ----------
    question : Question
    model : str
        As the endpoint calls it.
    out : str or path-like
        Folder of one dataset. Its ``answers.jsonl`` has every request and answer, and is what a
        run goes on from; ``label.csv`` and ``label-gpt4v.csv`` are those that
        :func:`lstmfcn.emotion.zero_shot.load_zero_shot` reads.
    client : callable, optional
        Takes messages, model, temperature and max_tokens, returns text and reason to end; by
        default a :class:`lstmfcn.emotion.zero_shot.client.ChatClient`.
    batch_size : int or "auto", default="auto"
        Samples asked about in one request; by default that of the modality.
    factors : sequence of int or "auto", default="auto"
        Into how many groups a batch is split, then each of these, ...; their product is
        ``batch_size``. By default its prime factors: 20 samples, 10, 5, 1.
    tries : sequence of int, default=(3, 2, 1)
        How often a batch, a group of it, a group of that, ... is asked about before it is split;
        the last number holds for all further ones.
    concurrency : int, default=1
        Batches asked about at a time.
    max_requests : int, optional
        Sent by one run at most, failures among them.
    temperature : float or None, default=0.0
        None leaves it to the endpoint.
    max_tokens : int, default=1000
        Of a reply.
    max_transport_tries : int, default=5
        How often a request is sent that is not answered at all: limits, server errors, silence.
    backoff_seconds : float, default=1.0
        Pause after the first of these, doubled after each; no less than Retry-After.
    max_wait_seconds : float, default=300.0
        Longest pause; if the endpoint asks for a longer one, the run ends.
    random_state : int, default=0
        Of the order in which samples come into batches.
    variant : str, default=""
        Part of the file's name: ``label-gpt4v-multi.csv``.
    verbose : int, default=1
        Whether there is a progress bar.

    Notes
    -----
    What is asked together is fixed by samples, ``batch_size`` and ``random_state``, so that a run
    that goes on batches as the interrupted one did, without the samples that are answered. Samples
    with an answer are not asked about again, not even with one outside the vocabulary; all
    others are asked about again by the next run.

    =====================================  ====================================================
    What came                              What is done
    =====================================  ====================================================
    408, 409, 425, 429, 5xx, no answer     again after a pause; in the end ``transport_error``
    refusal, other number of lists         again, then in smaller groups, in the end alone
    moderation (400, 403), cut, too long   in smaller groups at once, in the end alone
    other 4xx                              the run ends with an EndpointError
    =====================================  ====================================================

    References
    ----------
    Lian, Sun, Sun, Chen, Wen, Gu, Liu, Tao, "GPT-4V with Emotion: A Zero-shot Benchmark for
    Generalized Emotion Recognition", 2023, arXiv:2312.04293.

    Examples
    --------
    >>> import tempfile
    >>> from lstmfcn.emotion.zero_shot.fake_endpoint import FakeEndpoint
    >>> from lstmfcn.emotion.zero_shot.client import ChatClient
    >>> from lstmfcn.emotion.zero_shot.prompts import Question
    >>> from lstmfcn.emotion.zero_shot.runner import ZeroShotRunner
    >>> from lstmfcn.emotion.zero_shot.samples import Sample
    >>> samples = [Sample("a", text="I cried all day."), Sample("b", text="We laughed a lot.")]
    >>> out = tempfile.mkdtemp()
    >>> with FakeEndpoint() as endpoint:
    ...     client = ChatClient(endpoint.base_url, endpoint.api_key)
    ...     runner = ZeroShotRunner(
    ...         Question(("happy", "sad")), "fake", out, client=client, verbose=0
    ...     )
    ...     first, second = runner.run(samples), runner.run(samples)
    >>> [answer.ranked[0] for answer in first.answers], first.n_requests, second.n_requests
    (['sad', 'happy'], 1, 0)
    """

    def __init__(
        self,
        question,
        model,
        out,
        *,
        client=None,
        batch_size="auto",
        factors="auto",
        tries=(3, 2, 1),
        concurrency=1,
        max_requests=None,
        temperature=0.0,
        max_tokens=1000,
        max_transport_tries=5,
        backoff_seconds=1.0,
        max_wait_seconds=300.0,
        random_state=0,
        variant="",
        verbose=1,
    ):
        self.question = question
        self.model = model
        self.out = out
        self.client = client
        self.batch_size = batch_size
        self.factors = factors
        self.tries = tries
        self.concurrency = concurrency
        self.max_requests = max_requests
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.max_transport_tries = max_transport_tries
        self.backoff_seconds = backoff_seconds
        self.max_wait_seconds = max_wait_seconds
        self.random_state = random_state
        self.variant = variant
        self.verbose = verbose

    def plan(self, samples):
        """Return what :meth:`run` would do, without a request, a key or a file.

        Parameters
        ----------
        samples : sequence of Sample

        Returns
        -------
        ZeroShotPlan

        Raises
        ------
        ValueError
            If a parameter or a sample is not as it should be.
        """
        batches = self._batches(samples, self._sizes()[0])
        known = answered(read_cache(Path(self.out) / CACHE))
        asked = [[sample for key, sample in batch if key not in known] for batch in batches]
        outlines = [self.question.outline(batch) for batch in asked if batch]
        return ZeroShotPlan(
            len(samples),
            len(samples) - sum(map(len, asked)),
            len(outlines),
            outlines[0][0] if outlines else "",
            sum(outline[1] for outline in outlines),
            sum(outline[2] for outline in outlines),
            len(outlines) * self.max_tokens,
        )

    def run(self, samples):
        """Ask about all samples that have no answer yet, and write the files of answers.

        Parameters
        ----------
        samples : sequence of Sample

        Returns
        -------
        ZeroShotRun

        Raises
        ------
        ValueError
            If a parameter or a sample is not as it should be; nothing is asked then.
        EndpointError
            If the endpoint will answer no request: wrong key, unknown model, ... What it answered
            before is kept.
        BlockingIOError
            If another process asks for the same folder.
        """
        from lstmfcn.progress import tqdm

        samples, sizes, out = list(samples), self._sizes(), Path(self.out)
        batches = self._batches(samples, sizes[0])
        client = ChatClient() if self.client is None else self.client
        _make_folder(out)
        sender = Sender(
            client,
            self.max_requests,
            self.max_transport_tries,
            self.backoff_seconds,
            self.max_wait_seconds,
        )
        keys = {sample.name: key for batch in batches for key, sample in batch}
        with AnswerCache(out / CACHE) as cache:
            n_cached = len(answered(cache.answers).intersection(keys.values()))
            asking = Asking(
                self.question,
                self.model,
                sender,
                cache,
                sizes=sizes,
                tries=self.tries,
                temperature=self.temperature,
                max_tokens=self.max_tokens,
            )
            bar = tqdm(
                total=len(samples),
                initial=n_cached,
                desc=f"ask {self.model}",
                unit="sample",
                disable=not self.verbose,
            )
            try:
                with bar:
                    asking.note_run(self._description(samples, sizes, client))
                    asking.ask(batches, self.concurrency, bar.update)
            finally:
                answers = [cache.answers.get(keys[sample.name]) for sample in samples]
                write_answers(out, samples, answers, self.variant)
        names = [sample.name for sample in samples]
        return ZeroShotRun(names, answers, sender.n_requests, n_cached, sender.ended_because)

    def _sizes(self):
        """Return the numbers of samples asked about at once: of a batch, its groups, ..., 1."""
        batch_size, factors = self.batch_size, self.factors
        if isinstance(batch_size, str) and batch_size == "auto":
            batch_size = MODALITIES[self.question.modality].batch_size
            if not isinstance(factors, str):
                batch_size = math.prod(factors)
        counts = {
            "batch_size": batch_size,
            "concurrency": self.concurrency,
            "max_tokens": self.max_tokens,
            "max_transport_tries": self.max_transport_tries,
            **{f"tries[{i}]": number for i, number in enumerate(self.tries)},
        }
        if self.max_requests is not None:
            counts["max_requests"] = self.max_requests
        for name, number in counts.items():
            if not isinstance(number, (int, np.integer)) or number < 1:
                raise ValueError(f"{name}={number!r} is not a whole number of at least 1.")
        if not self.tries:
            raise ValueError("tries=() has no number; give that of a batch, then of its groups.")
        factors = _prime_factors(batch_size) if isinstance(factors, str) else list(factors)
        if math.prod(factors) != batch_size or min(factors, default=2) < 2:
            raise ValueError(
                f"factors={factors} have the product {math.prod(factors)}, but batch_size is "
                f"{batch_size}; give factors from 2 whose product it is, or leave them out."
            )
        return [batch_size // math.prod(factors[:i]) for i in range(len(factors) + 1)]

    def _batches(self, samples, batch_size):
        """Return lists of (key, sample), shuffled."""
        check_names(samples)
        for sample in samples:
            self.question.check(sample)
        keyed = [(self.question.key(self.model, sample), sample) for sample in samples]
        order = np.random.default_rng(self.random_state).permutation(len(keyed))
        return [
            [keyed[i] for i in order[start : start + batch_size]]
            for start in range(0, len(keyed), batch_size)
        ]

    def _description(self, samples, sizes, client):
        """Return what a reader of the cache needs to know of this run."""
        from lstmfcn import __version__

        question = self.question
        return {
            "model": self.model,
            "endpoint": getattr(client, "host", None),
            "seed": self.random_state,
            "n_samples": len(samples),
            "group_sizes": sizes,
            "tries": list(self.tries),
            "concurrency": self.concurrency,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "vocabulary": question.vocabulary,
            "modality": question.modality,
            "n_frames": question.n_frames,
            "greyscale": question.greyscale,
            "instruction": question.instruction(sizes[0]),
            "lstmfcn": __version__,
            "seconds_since_1970": round(time.time()),
        }


def write_answers(folder, samples, answers, variant=""):
    """Write answers in the format of those released with the benchmark.

    Parameters
    ----------
    folder : str or path-like
        Of one dataset; gets ``label.csv`` with all samples, and ``label-gpt4v.csv`` with those
        that have an answer, whatever the model.
    samples : sequence of Sample
    answers : sequence of Answer or None
        One for each sample. Those with labels are written, also if the reply ends behind the
        first; a comma within a label that was not offered becomes a semicolon.
    variant : str, default=""
    """
    found = [
        (sample, ",".join(label.replace(",", ";") for label in answer.ranked))
        for sample, answer in zip(samples, answers, strict=True)
        if answer is not None and answer.ranked
    ]
    name = f"label-gpt4v{'-' if variant else ''}{variant}.csv"
    for file, rows in (("label.csv", [(sample, "") for sample in samples]), (name, found)):
        with (
            atomic_path(Path(folder) / file) as temporary,
            open(temporary, "w", newline="", encoding="utf-8") as opened,
        ):
            writer = csv.writer(opened, lineterminator="\n")
            writer.writerow(("name", "gt", "gpt4v"))
            writer.writerows((sample.name, sample.gt, cell) for sample, cell in rows)


def _make_folder(out):
    """Make the folder, unless it has the files of somebody else."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; name a folder for the answers.")
    foreign = sorted(out.glob("label*.csv"))
    if foreign and not (out / CACHE).exists():
        raise ValueError(
            f"{out} has {foreign[0].name}, but no {CACHE} of earlier runs; name another folder, "
            "lest its files be replaced."
        )
    out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK):
        raise PermissionError(f"the folder {out} cannot be written to.")


def _prime_factors(number):
    """Return the prime factors of a number, the smallest first."""
    factors, divisor = [], 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return factors + [number] * (number > 1)
