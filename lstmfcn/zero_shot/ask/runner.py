"""How does a run get an answer for each sample, and go on where an earlier run ended?"""

import math
import os
import time
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import numpy as np

from lstmfcn.progress import tqdm
from lstmfcn.validation import check_counts
from lstmfcn.zero_shot.ask.answers import STATUSES
from lstmfcn.zero_shot.ask.batches import BatchSender
from lstmfcn.zero_shot.ask.cache import CACHE, AnswerCache, answered, read_cache, runs_behind
from lstmfcn.zero_shot.ask.client import ChatClient
from lstmfcn.zero_shot.ask.prompts import MODALITIES, Question
from lstmfcn.zero_shot.score.files import by_name, write_answers

NOT_ASKED = "not asked"


@dataclass(frozen=True)
class ZeroShotPlan:
    """What a run would do.

    Attributes
    ----------
    n_samples, n_answered, n_requests : int
        All samples, answered samples, and requests if each is answered at once.
    prompt : str
        The prompt of the first request, or ``""``; pictures are their sizes.
    n_text_tokens, n_image_tokens, max_reply_tokens : int
        Estimates for all prompts, and the most that all replies may have.

    See Also
    --------
    ZeroShotRunner : Its ``plan`` returns one.
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
        One for each name; None if no run asked about the sample.
    n_requests, n_cached : int
        Requests of this run; samples that earlier runs answered.
    ended_because : str
        Why it ended before all samples were asked about, or ``""``.

    See Also
    --------
    ZeroShotRunner : Its ``run`` returns one.
    """

    names: list
    answers: list
    n_requests: int
    n_cached: int
    ended_because: str = ""

    @property
    def counts(self):
        """Number of samples of each status that occurs; "not asked" is one of them."""
        found = [NOT_ASKED if answer is None else answer.status for answer in self.answers]
        return {key: found.count(key) for key in (*STATUSES, NOT_ASKED) if key in found}


@dataclass(eq=False)
class ZeroShotRunner:
    """Asks a model about samples, and keeps every answer.

    Parameters
    ----------
    question : Question
    model : str
        The endpoint's name for it.
    out : str or path-like
        Folder of one dataset. Its ``answers.jsonl`` has every request and answer; a later run goes
        on from it. :func:`lstmfcn.zero_shot.load_zero_shot` reads ``label.csv`` and
        ``label-gpt4v.csv``.
    client : callable, optional
        Takes messages, model, temperature and max_tokens; returns text and finish reason. By
        default a :class:`lstmfcn.zero_shot.ChatClient`.
    batch_size : int or "auto", default="auto"
        Samples in one request; by default 20 texts or pictures, 8 videos, 6 with text.
    factors : sequence of int or "auto", default="auto"
        Into how many groups a batch is split, then each of its groups, ...; their product is
        ``batch_size``. By default its prime factors: 20 samples, 10, 5, 1.
    tries : sequence of int, default=(3, 2, 1)
        How often a batch, one of its groups, one of their groups, ... is sent before it is split.
        The last number holds for all smaller groups.
    concurrency, max_requests : int, default=1 and None
        Batches sent at a time, and requests of one run at most, with those that fail.
    temperature : float or None, default=0.0
        None leaves it to the endpoint.
    max_tokens : int, default=1000
        Of a reply.
    max_transport_tries : int, default=5
        How often a request is sent if no answer comes: limits, server errors, silence.
    backoff_seconds, max_wait_seconds : float, default=1.0 and 300.0
        Pause after the first such try, doubled after each further one, and the longest pause. A
        Retry-After of the endpoint may lengthen a pause; above the longest, it ends the run.
    random_state : int, default=0
        Seed of the order in which samples come into batches.
    variant : str, default=""
        Part of the file's name: ``label-gpt4v-multi.csv``.
    verbose : int, default=1
        Whether there is a progress bar.

    See Also
    --------
    lstmfcn.zero_shot.read_samples : Samples from a table.
    lstmfcn.zero_shot.load_zero_shot : Reads the answers, to score them.

    Notes
    -----
    Samples, ``batch_size`` and ``random_state`` determine the batches. A later run makes the same
    batches, without the samples that have an answer, be it out of the vocabulary.

    =====================================  ====================================================
    What came                              What is done
    =====================================  ====================================================
    408, 409, 425, 429, 5xx, no answer     again after a pause; in the end ``transport_error``
    refusal, other number of lists         again, then in smaller groups, in the end alone
    moderation (400, 403), cut, too long   in smaller groups at once, in the end alone
    other 4xx                              the run ends with an EndpointError
    =====================================  ====================================================

    Examples
    --------
    >>> import tempfile
    >>> from lstmfcn.zero_shot import ChatClient, FakeEndpoint, Question, Sample, ZeroShotRunner
    >>> samples = [Sample("a", text="I cried all day."), Sample("b", text="We laughed a lot.")]
    >>> question, out = Question(("happy", "sad")), tempfile.mkdtemp()
    >>> with FakeEndpoint() as endpoint:
    ...     client = ChatClient(endpoint.base_url, endpoint.api_key)
    ...     runner = ZeroShotRunner(question, "fake", out, client=client, verbose=0)
    ...     first, second = runner.run(samples), runner.run(samples)
    >>> [answer.ranked[0] for answer in first.answers], first.n_requests, second.n_requests
    (['sad', 'happy'], 1, 0)
    """

    question: Question
    model: str
    out: object
    _: KW_ONLY
    client: object = None
    batch_size: object = "auto"
    factors: object = "auto"
    tries: tuple = (3, 2, 1)
    concurrency: int = 1
    max_requests: int | None = None
    temperature: float | None = 0.0
    max_tokens: int = 1000
    max_transport_tries: int = 5
    backoff_seconds: float = 1.0
    max_wait_seconds: float = 300.0
    random_state: int = 0
    variant: str = ""
    verbose: int = 1

    def plan(self, samples):
        """Return the ZeroShotPlan of a run; sends nothing, writes nothing, needs no key.

        Parameters
        ----------
        samples : sequence of Sample
        """
        batches = self._batches(samples, self._sizes()[0])
        known = answered(read_cache(Path(self.out) / CACHE))
        open_batches = [[sample for key, sample in batch if key not in known] for batch in batches]
        outlines = [self.question.outline(batch) for batch in open_batches if batch]
        return ZeroShotPlan(
            len(samples),
            len(samples) - sum(map(len, open_batches)),
            len(outlines),
            outlines[0][0] if outlines else "",
            sum(n_text_tokens for _, n_text_tokens, _ in outlines),
            sum(n_image_tokens for *_, n_image_tokens in outlines),
            len(outlines) * self.max_tokens,
        )

    def run(self, samples):
        """Ask about all samples without an answer, write the files; return a ZeroShotRun.

        Parameters
        ----------
        samples : sequence of Sample

        Raises
        ------
        EndpointError
            If the endpoint will answer no request: wrong key, unknown model, ...
        ValueError
            If the folder has answers of this model from another endpoint or temperature.
        BlockingIOError
            If another process writes to the same folder.
        """
        samples, sizes, out = list(samples), self._sizes(), Path(self.out)
        batches = self._batches(samples, sizes[0])
        client = ChatClient() if self.client is None else self.client
        _make_folder(out)
        keys = {sample.name: key for batch in batches for key, sample in batch}
        with AnswerCache(out / CACHE) as cache:
            n_cached = len(answered(cache.answers).intersection(keys.values()))
            self._refuse_other_endpoint(client, runs_behind(cache.path, set(keys.values())))
            options = {"unit": "sample", "desc": f"ask {self.model}", "disable": not self.verbose}
            bar = tqdm(total=len(samples), initial=n_cached, **options)
            sending = BatchSender(self, client, cache, sizes, bar.update)
            try:
                with bar:
                    sending.send(batches, self._description(samples, sizes, client))
            finally:
                answers = [cache.answers.get(keys[sample.name]) for sample in samples]
                write_answers(out, samples, answers, self.variant)
        sender, names = sending.sender, [sample.name for sample in samples]
        return ZeroShotRun(names, answers, sender.n_requests, n_cached, sender.ended_because)

    def _refuse_other_endpoint(self, client, runs):
        """Refuse to go on from answers of another host, or at another temperature."""
        host = getattr(client, "host", None)
        for run in runs:
            at, temperature = run.get("endpoint", host), run.get("temperature", self.temperature)
            other = None
            # The port of an endpoint on this machine may be another one each time.
            if str(at).partition(":")[0] != str(host).partition(":")[0]:
                other = f"from the endpoint {at}, not {host}"
            elif temperature != self.temperature:
                other = f"at the temperature {temperature}, not {self.temperature}"
            if other:
                raise ValueError(
                    f"{self.out} has answers of {self.model} {other}; name another folder."
                )

    def _sizes(self):
        """Return the numbers of samples in a batch, in its groups, in their groups, ..., 1."""
        batch_size, factors = self.batch_size, self.factors
        if isinstance(batch_size, str) and batch_size == "auto":
            batch_size = MODALITIES[self.question.modality].batch_size
            if not isinstance(factors, str):
                batch_size = math.prod(factors)
        check_counts(
            batch_size=batch_size,
            concurrency=self.concurrency,
            max_tokens=self.max_tokens,
            max_transport_tries=self.max_transport_tries,
            max_requests=1 if self.max_requests is None else self.max_requests,
            **{f"tries[{i}]": number for i, number in enumerate(self.tries)},
        )
        if not self.tries:
            raise ValueError("tries=() has no number; give one for a batch, then for its groups.")
        factors = _prime_factors(batch_size) if isinstance(factors, str) else list(factors)
        if math.prod(factors) != batch_size or min(factors, default=2) < 2:
            raise ValueError(
                f"factors={factors} have the product {math.prod(factors)}, but batch_size is "
                f"{batch_size}; give factors from 2 whose product it is, or leave them out."
            )
        return [batch_size // math.prod(factors[:i]) for i in range(len(factors) + 1)]

    def _batches(self, samples, batch_size):
        """Return lists of (key, sample), shuffled."""
        by_name((sample.name, sample) for sample in samples)
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

        settings = ("model", "variant", "tries", "concurrency", "temperature", "max_tokens")
        return {
            **{name: getattr(self, name) for name in settings},
            **vars(self.question),
            "endpoint": getattr(client, "host", None),
            "seed": self.random_state,
            "n_samples": len(samples),
            "group_sizes": sizes,
            "instruction": self.question.instruction(sizes[0]),
            "lstmfcn": __version__,
            "seconds_since_1970": round(time.time()),
        }


def _make_folder(out):
    """Make the folder, unless it has files that no run wrote."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; name a folder for the answers.")
    foreign = sorted(out.glob("label*.csv"))
    if foreign and not (out / CACHE).exists():
        raise ValueError(
            f"{out} has {foreign[0].name}, but no {CACHE} of earlier runs; name another folder, "
            "because this run would replace its files."
        )
    out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK):
        raise PermissionError(f"the folder {out} cannot be written to.")


def _prime_factors(number):
    """Return the prime factors of a number, the smallest first."""
    if number == 1:
        return []
    least = next((i for i in range(2, math.isqrt(number) + 1) if number % i == 0), number)
    return [least, *_prime_factors(number // least)]
