"""May a request be sent now, and may it be sent again? Budget, back-off and Retry-After."""

import logging
import random
import threading
import time

from lstmfcn.emotion.zero_shot.client import EndpointError, Reply, TransportError

__all__ = ["NotSent", "Sender"]

logger = logging.getLogger(__name__)


class NotSent(Exception):
    """The budget is spent, or the run ends: the request was not sent."""


class Sender:
    """Sends requests of several threads.

    Parameters
    ----------
    client : callable
        See :class:`lstmfcn.emotion.zero_shot.client.ChatClient`, whose exceptions it raises; it
        returns a :class:`Reply`, or its text and reason to end alone.
    max_requests : int or None
        How many may be sent, failures among them.
    max_tries : int
        How often the same request is sent if no answer comes.
    backoff_seconds : float
        Pause after the first failure; each further one is twice as long. Up to a quarter less is
        drawn by chance, lest all threads come back at once.
    max_wait_seconds : float
        Longest pause. An endpoint that asks for a longer one gets no further request.

    Attributes
    ----------
    n_requests : int
        Sent so far.
    ended_because : str
        Why a request was not sent, or ``""``.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot.sender import Sender
    >>> sender = Sender(lambda *request: ("[]", "stop"), 10, 5, 1.0, 60.0)
    >>> sender.send([], "fake", 0.0, 100).text, sender.n_requests
    ('[]', 1)
    """

    def __init__(self, client, max_requests, max_tries, backoff_seconds, max_wait_seconds):
        self.n_requests, self.ended_because = 0, ""
        self._client, self._max_requests, self._max_tries = client, max_requests, max_tries
        self._backoff, self._max_wait = backoff_seconds, max_wait_seconds
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._not_before = 0.0  # no thread sends before, on the monotonic clock

    def end(self, reason):
        """Send nothing more; whoever waits, waits no longer."""
        self.ended_because = self.ended_because or reason
        self._ended.set()

    def send(self, messages, model, temperature, max_tokens, on_failure=lambda error: None):
        """Send a request until it is answered or has been tried often enough.

        Parameters
        ----------
        messages, model, temperature, max_tokens
            What the client takes.
        on_failure : callable
            Called with the TransportError of each try.

        Returns
        -------
        Reply

        Raises
        ------
        NotSent
            If it is not sent at all, or not again.
        TransportError
            That of the last try.
        Declined, TooLong, EndpointError
            Those of the client; after the last, nothing more is sent.
        """
        tried = 0
        while True:
            self._wait_turn()
            self._spend()
            tried += 1
            try:
                return Reply(*self._client(messages, model, temperature, max_tokens))
            except EndpointError as error:
                self.end(str(error))
                raise
            except TransportError as error:
                on_failure(error)
                pause = self._pause(error, tried)
                if pause is None:
                    self.end(f"the endpoint asks for a pause of {error.retry_after:.0f} seconds")
                elif error.is_limit:
                    self._hold_all(pause)
                if tried >= self._max_tries or pause is None:
                    raise
                logger.info("%s; trying again in %.1f seconds", error, pause)
            self._ended.wait(pause)

    def _pause(self, error, tried):
        """Return the seconds until the next try, or None if there is to be none."""
        if error.retry_after is not None and error.retry_after > self._max_wait:
            return None
        pause = self._backoff * 2.0 ** (tried - 1) * random.uniform(0.75, 1.0)
        return max(min(pause, self._max_wait), error.retry_after or 0.0)

    def _hold_all(self, seconds):
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def _wait_turn(self):
        """Wait as long as the endpoint asked any thread to."""
        while not self._ended.is_set():
            with self._lock:
                seconds = self._not_before - time.monotonic()
            if seconds <= 0:
                return
            self._ended.wait(seconds)
        raise NotSent(self.ended_because)

    def _spend(self):
        with self._lock:
            if self._max_requests is not None and self.n_requests >= self._max_requests:
                self.end(f"the budget of {self._max_requests} requests is spent")
                raise NotSent(self.ended_because)
            self.n_requests += 1
