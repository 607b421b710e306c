"""How are batches sent until each sample is answered? Again after pauses, in smaller groups."""

import contextlib
import itertools
import logging
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed

from lstmfcn.zero_shot.ask.answers import ANSWERED, Answer, parse_answers
from lstmfcn.zero_shot.ask.cache import answered
from lstmfcn.zero_shot.ask.client import Declined, EndpointError, Reply, TransportError

logger = logging.getLogger(__name__)


class NotSent(Exception):
    """The budget is spent, or the run ends: the request was not sent."""


class Sender:
    """Sends requests of several threads, again after a pause where no answer came.

    ``settings`` is a ZeroShotRunner; ``ended_because`` says why nothing more is sent, or "".
    """

    def __init__(self, settings, client, *, clock=time.monotonic, wait=None):
        self.settings, self._client, self._clock = settings, client, clock
        self.n_requests, self.ended_because = 0, ""
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._wait = self._ended.wait if wait is None else wait
        self._not_before = clock()  # no thread sends before

    def end(self, reason):
        """Send nothing more; threads that wait for their turn wait no longer."""
        self.ended_because = self.ended_because or reason
        self._ended.set()

    def send(self, messages, on_failure=lambda error: None):
        """Return the Reply to a request; ``on_failure`` gets the TransportError of each try."""
        settings = self.settings
        for tried in itertools.count(1):
            self._wait_turn()
            try:
                arguments = settings.model, settings.temperature, settings.max_tokens
                return Reply(*self._client(messages, *arguments))
            except EndpointError as error:
                self.end(str(error))
                raise
            except TransportError as error:
                on_failure(error)
                pause = self._pause(error, tried)
                if pause is None:
                    self.end(f"the endpoint asks for a pause of {error.retry_after:.0f} seconds")
                elif error.is_limit:
                    with self._lock:
                        self._not_before = max(self._not_before, self._clock() + pause)
                if tried >= settings.max_transport_tries or pause is None:
                    raise
                logger.info("%s; trying again in %.1f seconds", error, pause)
            self._wait(pause)

    def _pause(self, error, tried):
        """Return the seconds until the next try, or None if the run ends."""
        settings = self.settings
        if error.retry_after is not None and error.retry_after > settings.max_wait_seconds:
            return None
        # The random part is for the threads, which shall not all come back at once.
        pause = settings.backoff_seconds * 2.0 ** (tried - 1) * random.uniform(0.75, 1.0)
        return max(min(pause, settings.max_wait_seconds), error.retry_after or 0.0)

    def _wait_turn(self):
        """Wait as long as the endpoint asked any thread to; count the request that is sent now."""
        budget = self.settings.max_requests
        while not self._ended.is_set():
            with self._lock:
                seconds = self._not_before - self._clock()
                if seconds <= 0:
                    if budget is None or self.n_requests < budget:
                        self.n_requests += 1
                        return
                    self.end(f"the budget of {budget} requests is spent")
            if seconds > 0:
                self._wait(seconds)
        raise NotSent(self.ended_because)


class BatchSender:
    """Sends batches, then smaller groups of the samples without an answer; keeps every request.

    ``sizes`` are the numbers of samples in a batch, in its groups, in the groups of these, ..., 1.
    """

    def __init__(self, settings, client, cache, sizes, on_progress):
        self.settings, self.cache, self.sizes = settings, cache, sizes
        self.sender = Sender(settings, client)
        self._on_progress = on_progress
        self._run = uuid.uuid4().hex[:8]
        self._lock = threading.Lock()
        self._failures = {}  # key -> (name, Answer, where) of the last try, until the batch ends

    def send(self, batches, description):
        """Send lists of (key, Sample); ``description`` is a dict for readers of the cache."""
        self._write([{"kind": "run", "run": self._run, **description}])
        known = answered(self.cache.answers)
        with ThreadPoolExecutor(self.settings.concurrency) as pool:
            groups = [[one for one in batch if one[0] not in known] for batch in batches]
            futures = [
                pool.submit(self._send_batch, group, str(number))
                for number, group in enumerate(groups, start=1)
                if group
            ]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                # Requests under way end with the answer that they wait for.
                self.sender.end("the run was interrupted")
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _send_batch(self, group, batch):
        try:
            with contextlib.suppress(NotSent):
                self._send_group(group, 0, batch)
        finally:
            keys = [key for key, _ in group if key in self._failures]
            self._write([], {key: self._failures.pop(key) for key in keys})

    def _send_group(self, group, level, batch):
        """Send a group, then smaller groups of its samples without an answer."""
        tries = self.settings.tries
        for _ in range(tries[min(level, len(tries) - 1)]):
            n_sent = len(group)
            group, again = self._request(group, batch)
            if not group or not again:
                break
        if not group or n_sent == 1:
            return
        level, size = next((i, size) for i, size in enumerate(self.sizes) if size < n_sent)
        for number, start in enumerate(range(0, len(group), size), start=1):
            self._send_group(group[start : start + size], level, f"{batch}.{number}")

    def _request(self, group, batch):
        """Send one request; return the samples to send again, and whether to send them together."""
        if self.sender.ended_because:
            raise NotSent(self.sender.ended_because)
        question, samples = self.settings.question, [sample for _, sample in group]
        messages = question.messages(samples)
        names = [sample.name for sample in samples]
        line = {"kind": "request", "run": self._run, "batch": batch, "names": names}
        try:
            reply = self.sender.send(
                messages, lambda error: self._write([{**line, "failure": str(error)}])
            )
        except TransportError as error:
            self._sort(group, [Answer("transport_error", reason=str(error))] * len(group), batch)
            return [], False
        except Declined as error:
            answers = [Answer("refused", reason=str(error))] * len(group)
            line["failure"], again = str(error), False
        except EndpointError as error:
            self._write([{**line, "failure": str(error)}])
            raise
        else:
            line.update(reply=reply.text, finish_reason=reply.finish_reason, usage=reply.usage)
            finish_reason = reply.finish_reason
            answers = parse_answers(reply.text, len(group), question.vocabulary, finish_reason)
            again = finish_reason not in ("length", "content_filter")
        found, left = self._sort(group, answers, batch)
        self._write([line], found)
        return left, again

    def _sort(self, group, answers, batch):
        """Return the answers as the cache takes them, and the samples without one."""
        found, left = {}, []
        for position, ((key, sample), answer) in enumerate(zip(group, answers, strict=True), 1):
            where = {"run": self._run, "batch": batch, "position": position, "of": len(group)}
            if answer.status in ANSWERED:
                found[key] = (sample.name, answer, where)
                self._failures.pop(key, None)
            else:
                self._failures[key] = (sample.name, answer, where)
                left.append((key, sample))
        return found, left

    def _write(self, lines, answers=()):
        with self._lock:
            self.cache.write(lines, dict(answers))
            self._on_progress(len(answers))
