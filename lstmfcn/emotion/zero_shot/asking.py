"""How are samples asked about until each is answered or given up? Again, and in smaller groups."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed

from lstmfcn.emotion.zero_shot.answers import ANSWERED, Answer, parse_answers
from lstmfcn.emotion.zero_shot.cache import answered
from lstmfcn.emotion.zero_shot.client import Declined, EndpointError, TooLong, TransportError
from lstmfcn.emotion.zero_shot.sender import NotSent

__all__ = ["Asking"]


class Asking:
    """Asks about samples, again and in smaller groups, and writes down every request.

    Parameters
    ----------
    question : Question
    model : str
    sender : Sender
    cache : AnswerCache
    sizes : list of int
        Numbers of samples asked about at once: of a batch, its groups, the groups of these, ..., 1.
    tries : sequence of int
        How often each of these is asked about before it is split; the last number holds for all
        further ones.
    temperature, max_tokens
        See :class:`lstmfcn.emotion.zero_shot.runner.ZeroShotRunner`.

    Examples
    --------
    >>> import tempfile
    >>> from lstmfcn.emotion.zero_shot.asking import Asking
    >>> from lstmfcn.emotion.zero_shot.cache import AnswerCache
    >>> from lstmfcn.emotion.zero_shot.prompts import Question
    >>> from lstmfcn.emotion.zero_shot.samples import Sample
    >>> from lstmfcn.emotion.zero_shot.sender import Sender
    >>> sender = Sender(lambda *request: ('[["sad"]]', "stop"), None, 5, 1.0, 60.0)
    >>> batch = [("key a", Sample("a", text="I cried.")), ("key b", Sample("b", text="Oh no."))]
    >>> with AnswerCache(f"{tempfile.mkdtemp()}/answers.jsonl") as cache:
    ...     asking = Asking(
    ...         Question(("happy", "sad")), "fake", sender, cache,
    ...         sizes=[2, 1], tries=[1], temperature=0.0, max_tokens=100,
    ...     )
    ...     asking.ask([batch])
    >>> cache.answers["key b"].ranked, sender.n_requests  # once for both, once for each
    (('sad',), 3)
    """

    def __init__(self, question, model, sender, cache, *, sizes, tries, temperature, max_tokens):
        self.question, self.model, self.sender, self.cache = question, model, sender, cache
        self.sizes, self.tries = sizes, tries
        self.temperature, self.max_tokens = temperature, max_tokens
        self._run = uuid.uuid4().hex[:8]
        self._lock = threading.Lock()
        self._failures = {}  # key -> (name, Answer, where) of the last try

    def note_run(self, description):
        """Write what a reader of the cache needs to know: a dict of JSON values."""
        self.cache.write([{"kind": "run", "run": self._run, **description}], {})

    def ask(self, batches, concurrency=1, on_progress=lambda n_samples: None):
        """Ask about all batches, until the samples are answered or given up.

        Parameters
        ----------
        batches : list of list of (key, Sample)
            Samples that are answered in the cache are left out.
        concurrency : int, default=1
            Batches asked about at a time.
        on_progress : callable
            Called with numbers of samples that are done.

        Raises
        ------
        EndpointError
            If the endpoint will answer no request.
        ValueError
            If a picture cannot be read.
        """
        self._on_progress = on_progress
        known = answered(self.cache.answers)
        with ThreadPoolExecutor(concurrency) as pool:
            futures = []
            for number, batch in enumerate(batches, start=1):
                group = [(key, sample) for key, sample in batch if key not in known]
                if group:
                    futures.append(pool.submit(self._ask_batch, group, str(number)))
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                # Those under way end with the answer that they wait for.
                self.sender.end("the run was interrupted")
                for future in futures:
                    future.cancel()
                raise

    def _ask_batch(self, group, batch):
        try:
            self._ask_group(group, 0, batch)
        except NotSent:
            pass
        finally:
            self._give_up(group)

    def _ask_group(self, group, level, batch):
        """Ask about samples at once, then in smaller groups about those without an answer."""
        for _ in range(self.tries[min(level, len(self.tries) - 1)]):
            n_asked = len(group)
            group, is_worth_another = self._request(group, batch)
            if not group or not is_worth_another:
                break
        if not group or is_worth_another is None:
            return
        if n_asked == 1:
            self._give_up(group)
            return
        level = next(i for i, size in enumerate(self.sizes) if size < n_asked)
        size = self.sizes[level]
        for number, start in enumerate(range(0, len(group), size), start=1):
            self._ask_group(group[start : start + size], level, f"{batch}.{number}")

    def _request(self, group, batch):
        """Send one request and keep the answers.

        Returns
        -------
        group : list of (key, sample)
            Those without an answer.
        is_worth_another : bool or None
            Whether the same may be asked again; None if it is not even worth smaller groups.
        """
        if self.sender.ended_because:
            raise NotSent(self.sender.ended_because)
        messages = self.question.messages([sample for _, sample in group])
        line = {
            "kind": "request",
            "run": self._run,
            "batch": batch,
            "names": [sample.name for _, sample in group],
        }
        try:
            reply = self.sender.send(
                messages,
                self.model,
                self.temperature,
                self.max_tokens,
                lambda error: self._write({**line, "failure": str(error)}),
            )
        except TransportError as error:
            self._keep(group, [Answer("transport_error", reason=str(error))] * len(group), batch)
            self._give_up(group)
            return group, None
        except (Declined, TooLong) as error:
            answers = [Answer("refused", reason=str(error))] * len(group)
            line["failure"] = str(error)
            return self._keep(group, answers, batch, line), False
        except EndpointError as error:
            self._write({**line, "failure": str(error)})
            raise
        line.update(reply=reply.text, finish_reason=reply.finish_reason, usage=reply.usage)
        answers = parse_answers(
            reply.text, len(group), self.question.vocabulary, reply.finish_reason
        )
        group = self._keep(group, answers, batch, line)
        return group, reply.finish_reason not in ("length", "content_filter")

    def _keep(self, group, answers, batch, line=None):
        """Write a request and its answers; return the samples without one."""
        found, left = {}, []
        for position, ((key, sample), answer) in enumerate(
            zip(group, answers, strict=True), start=1
        ):
            where = {"run": self._run, "batch": batch, "position": position, "of": len(group)}
            if answer.status in ANSWERED:
                found[key] = (sample.name, answer, where)
            else:
                self._failures[key] = (sample.name, answer, where)
                left.append((key, sample))
        for key in found:
            self._failures.pop(key, None)
        if line is not None:
            self._write(line, found)
        return left

    def _give_up(self, group):
        """Write what became of samples that are not asked about again by this run."""
        failed = {key: failure for key, _ in group if (failure := self._failures.pop(key, None))}
        if failed:
            self._write(None, failed)

    def _write(self, line, answers=()):
        with self._lock:
            self.cache.write([] if line is None else [line], dict(answers))
            self._on_progress(len(answers))
