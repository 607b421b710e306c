"""How is one request sent to an endpoint, and what does each failure mean?"""

import contextlib
import email.utils
import logging
import math
import os
import queue
import re
import threading
import time
import zlib
from typing import NamedTuple
from urllib.parse import urlsplit

RETRIED = (408, 409, 425, 429)  # and all from 500
MODERATION = re.compile(  # of an endpoint's code and message
    r"moderation|content.{0,12}(polic|filter)|safety system|flagged|inappropriate"
    r"|data_inspection_failed|responsibleaipolicy",
    re.I,
)
TOO_LONG = re.compile(
    r"context.length|maximum context|(prompt|input|request) (is )?too (long|large)"
    r"|too many (images|tokens)",
    re.I,
)
PICTURE = re.compile(r"data:image/[\w.+-]*;base64,[\w+/=-]*|[\w+/-]{200,}={0,2}", re.ASCII)
MAX_BYTES = 8 * 2**20  # of an answer, as it comes and unpacked
MAX_SECONDS = 86_400.0
MAX_REASON = 300  # characters of what an endpoint says that are passed on
MAX_WORD = 40
NO_ANSWER = "the endpoint sent something other than an answer"
TOO_LATE = "no answer within the time limit"
MIN_SECRET = 6  # shorter "keys" (none, x) may be words of an answer


class Reply(NamedTuple):
    """What an endpoint answered; ``usage`` has the tokens of prompt and reply, if it told them."""

    text: str
    finish_reason: str
    usage: dict = {}


class TransportError(Exception):
    """No answer came, but the same request may get one later, after ``retry_after`` seconds.

    ``is_limit`` says whether the endpoint asked for fewer requests altogether.
    """

    def __init__(self, reason, retry_after=None, is_limit=False):
        super().__init__(reason)
        self.retry_after, self.is_limit = retry_after, is_limit


class Declined(Exception):
    """The endpoint declines this request; one with fewer or other samples may be answered."""


class EndpointError(ConnectionError):
    """No request of this kind will be answered: wrong key, unknown model, wrong parameter.

    See Also
    --------
    ChatClient : Raises it.
    """


class ChatClient:
    """Sends requests to a chat-completions endpoint, with its official client library.

    A call is one HTTP request: redirects are refused, and at most 8 MiB of an answer are read.

    Parameters
    ----------
    base_url : str, optional
        By default the environment variable ``OPENAI_BASE_URL``, or else the library's.
    api_key : str, optional
        By default the environment variable ``OPENAI_API_KEY``. No message shows it, and it is
        removed from whatever the endpoint says.
    timeout_seconds : float, default=120.0
        From a request's first byte to the last byte of its answer, in (0, 86400].
    token_limit : {"max_tokens", "max_completion_tokens"}, default="max_tokens"
        The endpoint's name for the limit of a reply's length.

    See Also
    --------
    lstmfcn.zero_shot.ZeroShotRunner : Asks about many samples.
    lstmfcn.zero_shot.FakeEndpoint : An endpoint without key and network.

    Examples
    --------
    >>> from lstmfcn.zero_shot import ChatClient, FakeEndpoint, Question, Sample
    >>> question = Question(("happy", "sad"))
    >>> with FakeEndpoint() as endpoint:
    ...     client = ChatClient(endpoint.base_url, endpoint.api_key)
    ...     client(question.messages([Sample("a", text="I am sad.")]), "fake", 0.0, 100).text
    '[{"name": 1, "result": ["sad", "happy"]}]'
    """

    def __init__(
        self, base_url=None, api_key=None, *, timeout_seconds=120.0, token_limit="max_tokens"
    ):
        openai = _import_openai()
        key = (os.environ.get("OPENAI_API_KEY", "") if api_key is None else api_key).strip()
        if not key:
            raise ValueError(
                "there is no key for the endpoint; set the environment variable OPENAI_API_KEY, to "
                "any word if it needs none."
            )
        if not (key.isascii() and key.isprintable()):
            raise ValueError(
                "the key for the endpoint holds characters that no key has; copy it again into "
                "OPENAI_API_KEY."
            )
        base_url = base_url or os.environ.get("OPENAI_BASE_URL") or None
        url = urlsplit(base_url or "https:")
        if url.scheme not in ("http", "https"):
            raise ValueError(
                "the endpoint's base URL begins with neither http:// nor https://; correct "
                "OPENAI_BASE_URL."
            )
        if not 0 < timeout_seconds <= MAX_SECONDS:
            raise ValueError(
                f"the time limit of a request is {timeout_seconds:g} seconds; give a number above "
                f"0 and at most {MAX_SECONDS:.0f}."
            )
        here = url.hostname in ("127.0.0.1", "localhost", "::1")
        self._secret = key if len(key) >= MIN_SECRET else None
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=key,
            timeout=timeout_seconds,
            max_retries=0,  # every request is ours to count
            # A proxy reaches no endpoint on this machine.
            http_client=_bounded_client(openai, timeout_seconds, trust_env=not here),
        )
        self._token_limit, self._timeout_seconds = token_limit, timeout_seconds

    @property
    def host(self):
        """Host of the endpoint, and its port if it is not the usual one."""
        url = self._client.base_url
        return f"{url.host}:{url.port}" if url.port else url.host

    def __call__(self, messages, model, temperature, max_tokens):
        """Send one request; return a Reply, or raise TransportError, Declined or EndpointError.

        A temperature of None is not sent.
        """
        outcome = queue.SimpleQueue()
        options = {"model": model, "messages": messages, self._token_limit: max_tokens}
        if temperature is not None:
            options["temperature"] = temperature

        def send():
            try:
                with _bodies_out_of_logs():
                    reply = self._client.chat.completions.create(**options)
                outcome.put(self._reply(reply))
            except Exception as error:
                outcome.put(self._meaning(error))

        # The library bounds each wait for some bytes, not all of them together.
        threading.Thread(target=send, daemon=True).start()
        try:
            result = outcome.get(timeout=self._timeout_seconds)
        except queue.Empty:
            result = TransportError(TOO_LATE)
        # Not in the handler: a chained exception would hold the request, and with it the key.
        if isinstance(result, Exception):
            raise result
        return result

    def _reply(self, reply):
        try:
            choice = reply.choices[0]
            message, finish_reason = choice.message, str(choice.finish_reason or "stop")
            refusal = getattr(message, "refusal", None)
            text = message.content or refusal or ""
            if not isinstance(text, str):
                text = "".join(str(part.get("text") or "") for part in text)
        except (AttributeError, LookupError, TypeError):
            raise TransportError(NO_ANSWER) from None
        if refusal and not message.content:
            finish_reason = "content_filter"
        names = ("prompt_tokens", "completion_tokens")
        usage = {name: getattr(getattr(reply, "usage", None), name, None) for name in names}
        usage = {name: value for name, value in usage.items() if isinstance(value, int)}
        finish_reason = self._without_secrets(finish_reason)[:MAX_WORD]
        return Reply(self._without_secrets(text), finish_reason, usage)

    def _meaning(self, error):
        """Return one of our exceptions for one of the library's."""
        openai = _import_openai()
        for ours in (error, error.__cause__):
            if isinstance(ours, TransportError):
                return TransportError(str(ours))  # that one's traceback holds the request
        if isinstance(error, openai.APITimeoutError):
            return TransportError(TOO_LATE)
        if isinstance(error, openai.APIConnectionError):
            return TransportError("the connection failed or broke off")
        if not isinstance(error, openai.APIStatusError):
            if isinstance(error, (openai.APIError, ValueError, RecursionError)):
                return TransportError(NO_ANSWER)
            # Not its message: what cannot become a header may be the key.
            return EndpointError(
                f"the request could not be made ({type(error).__name__}); correct the endpoint's "
                "base URL, the key, and the model's name."
            )
        status, body = error.status_code, error.body
        message = body.get("message") if isinstance(body, dict) else None
        message = self._short(message if isinstance(message, str) else str(error))
        if 300 <= status < 400:
            url, target = error.response.request.url, error.response.headers.get("location", "")
            return EndpointError(
                f"the endpoint {url.scheme}://{self.host}{url.path} points to "
                f"{self._short(target) or 'another one'} (status {status}), where nothing is sent; "
                "set OPENAI_BASE_URL to the endpoint that answers."
            )
        code = f"{error.code or ''} {error.type or ''}".lower()
        if status == 429 and "insufficient_quota" in code:
            return EndpointError(f"the endpoint has no quota left for this key: {message}")
        if status in RETRIED or status >= 500:
            wait = _retry_after(error.response.headers)
            return TransportError(f"status {status}: {message}", wait, status == 429)
        if status in (400, 403) and MODERATION.search(f"{code} {message}"):
            return Declined(f"the endpoint's moderation declined (status {status}): {message}")
        if status == 413 or (status == 400 and TOO_LONG.search(f"{code} {message}")):
            return Declined(f"the request is too long (status {status}): {message}")
        remedy = {
            401: "set OPENAI_API_KEY to a key of this endpoint",
            403: "use a key that may use this model",
            404: "correct the model's name, or OPENAI_BASE_URL",
        }.get(status, "correct the model's name or the parameters")
        return EndpointError(f"the endpoint answered with status {status}: {message} - {remedy}.")

    def _short(self, text):
        """Return a text of an endpoint as one short line."""
        return " ".join(self._without_secrets(text).split())[:MAX_REASON]

    def _without_secrets(self, text):
        """Return a text without the key and without pictures, which an endpoint may repeat."""
        if self._secret:
            text = text.replace(self._secret, "<key>")  # no bracket: those are read
        return PICTURE.sub("<picture>", text)


def _import_openai():
    try:
        import openai
    except ImportError:
        raise ImportError(
            "asking an endpoint needs its client library; install it with "
            "pip install 'lstmfcn[zeroshot]'."
        ) from None
    return openai


def _bounded_client(openai, seconds, trust_env):
    """Return an HTTP client that follows no redirect and reads no more than MAX_BYTES."""

    class BoundedClient(openai.DefaultHttpxClient):
        def send(self, request, **options):
            deadline = time.monotonic() + seconds
            options |= {"stream": True, "follow_redirects": False}
            response = super().send(request, **options)
            try:
                body = bytearray()
                for chunk in response.iter_raw():
                    body += chunk
                    _check_size(body)
                    if time.monotonic() > deadline:  # nobody waits any more
                        raise TransportError(TOO_LATE)
            finally:
                response.close()
            headers = response.headers
            body = _unpacked(bytes(body), headers.pop("content-encoding", "identity"))
            for name in ("content-length", "transfer-encoding"):
                headers.pop(name, None)
            status = response.status_code
            return type(response)(status, headers=headers, content=body, request=request)

    # Only gzip is announced: it can be unpacked piece by piece.
    return BoundedClient(trust_env=trust_env, headers={"Accept-Encoding": "gzip"})


def _check_size(body):
    if len(body) > MAX_BYTES:
        raise TransportError(f"the endpoint sent more than {MAX_BYTES // 2**20} MiB")


def _unpacked(body, encoding):
    """Return the body of an answer, which may be compressed."""
    if encoding == "identity":
        return body
    try:
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise zlib.error
        body = zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(body, MAX_BYTES + 1)
    except zlib.error:
        raise TransportError(NO_ANSWER) from None
    _check_size(body)
    return body


class _bodies_out_of_logs(logging.Filter):
    """Drops the library's debugging lines: those of old versions hold requests."""

    def __enter__(self):
        logging.getLogger("openai._base_client").addFilter(self)

    def __exit__(self, *exception):
        logging.getLogger("openai._base_client").removeFilter(self)

    def filter(self, record):
        return record.levelno > logging.DEBUG


def _retry_after(headers):
    """Return the seconds to wait that an endpoint's headers ask for, or None."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        text, seconds = headers.get(name, ""), math.nan
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        with contextlib.suppress(ValueError):
            seconds = float(text) * unit
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None
