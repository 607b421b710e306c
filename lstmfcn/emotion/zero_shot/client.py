"""How is one request sent to an endpoint, and what does each way to fail mean?"""

import email.utils
import logging
import math
import os
import re
import time
from typing import NamedTuple
from urllib.parse import urlsplit

__all__ = ["ChatClient", "Declined", "EndpointError", "Reply", "TooLong", "TransportError"]

RETRIED = (408, 409, 425, 429)  # and all from 500
MODERATION_CODES = (
    "content_filter",
    "content_policy_violation",
    "data_inspection_failed",
    "image_content_policy_violation",
    "moderation_blocked",
    "responsibleaipolicyviolation",
)
MODERATION = re.compile(r"moderation|content.{0,12}polic|safety system|flagged|inappropriate", re.I)
TOO_LONG = re.compile(
    r"context.length|maximum context|(prompt|input|request) (is )?too (long|large)"
    r"|too many (images|tokens)",
    re.I,
)
PICTURE = re.compile(r"data:image/[\w.+-]*;base64,[\w+/=-]*|[\w+/-]{200,}={0,2}", re.ASCII)
MAX_REASON = 300  # characters of what an endpoint says that are passed on
MAX_WORD = 40
MIN_SECRET = 6  # shorter "keys" (none, x) may be words of an answer


class Reply(NamedTuple):
    """What an endpoint answered.

    Attributes
    ----------
    text : str
    finish_reason : str
        ``"stop"``, ``"length"``, ``"content_filter"``, or another word of the endpoint.
    usage : dict of str to int, default={}
        Tokens of prompt and reply, if the endpoint told them.
    """

    text: str
    finish_reason: str
    usage: dict = {}


class TransportError(Exception):
    """No answer came, but the same request may get one later.

    Parameters
    ----------
    reason : str
    retry_after : float or None
        Seconds that the endpoint asked to wait.
    is_limit : bool
        Whether it asked for fewer requests altogether.
    """

    def __init__(self, reason, retry_after=None, is_limit=False):
        super().__init__(reason)
        self.retry_after, self.is_limit = retry_after, is_limit


class Declined(Exception):
    """The endpoint's moderation declined these samples; others may be answered."""


class TooLong(Exception):
    """The request is too long for the endpoint; one with fewer samples may not be."""


class EndpointError(ConnectionError):
    """No request of this kind will be answered: wrong key, unknown model, wrong parameter."""


class ChatClient:
    """Sends requests to a chat-completions endpoint, with its official client library.

    Parameters
    ----------
    base_url : str, optional
        By default the environment variable ``OPENAI_BASE_URL``, or else the library's.
    api_key : str, optional
        By default the environment variable ``OPENAI_API_KEY``. It is in no message, and cut out of
        whatever the endpoint says.
    timeout_seconds : float, default=120.0
        How long an endpoint may be silent.
    token_limit : {"max_tokens", "max_completion_tokens"}, default="max_tokens"
        What the endpoint calls the limit of a reply's length.

    Raises
    ------
    ImportError
        If the client library is not installed.
    ValueError
        If there is no key, or key or base URL cannot be right.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot.fake_endpoint import FakeEndpoint
    >>> from lstmfcn.emotion.zero_shot.client import ChatClient
    >>> from lstmfcn.emotion.zero_shot.prompts import Question
    >>> from lstmfcn.emotion.zero_shot.samples import Sample
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
        key = os.environ.get("OPENAI_API_KEY") if api_key is None else api_key
        key = (key or "").strip()
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
        if base_url is not None and urlsplit(base_url).scheme not in ("http", "https"):
            raise ValueError(
                "the endpoint's base URL begins with neither http:// nor https://; correct "
                "OPENAI_BASE_URL."
            )
        here = urlsplit(base_url or "").hostname in ("127.0.0.1", "localhost", "::1")
        self._secrets = (key,) if len(key) >= MIN_SECRET else ()
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=key,
            timeout=timeout_seconds,
            max_retries=0,  # every request is ours to count
            # A proxy reaches no endpoint on this machine.
            http_client=openai.DefaultHttpxClient(trust_env=False) if here else None,
        )
        self._token_limit = token_limit

    @property
    def host(self):
        """Host of the endpoint, and its port if it is not the usual one."""
        url = self._client.base_url
        return f"{url.host}:{url.port}" if url.port else url.host

    def __call__(self, messages, model, temperature, max_tokens):
        """Send one request.

        Parameters
        ----------
        messages : list of dict
        model : str
        temperature : float or None
            None leaves it to the endpoint.
        max_tokens : int

        Returns
        -------
        Reply

        Raises
        ------
        TransportError, Declined, TooLong, EndpointError
        """
        failure = None
        try:
            with _bodies_out_of_logs():
                reply = self._client.chat.completions.create(
                    model=model,
                    messages=messages,
                    **{self._token_limit: max_tokens},
                    **({} if temperature is None else {"temperature": temperature}),
                )
        except Exception as error:
            failure = self._meaning(error)
        # Outside the handler: a chained exception would hold the request, and with it the key.
        if failure is not None:
            raise failure
        return self._reply(reply)

    def _reply(self, reply):
        try:
            choice = reply.choices[0]
            message, finish_reason = choice.message, str(choice.finish_reason or "stop")
            refusal = getattr(message, "refusal", None)
            text = message.content or refusal or ""
            if not isinstance(text, str):
                text = "".join(str(_field(part, "text") or "") for part in text)
        except (AttributeError, IndexError, TypeError):
            raise TransportError("the endpoint sent something other than an answer") from None
        if refusal and not message.content:
            finish_reason = "content_filter"
        usage = {
            name: value
            for name in ("prompt_tokens", "completion_tokens")
            if isinstance(value := getattr(getattr(reply, "usage", None), name, None), int)
        }
        finish_reason = self._without_secrets(finish_reason)[:MAX_WORD]
        return Reply(self._without_secrets(text), finish_reason, usage)

    def _meaning(self, error):
        """Return one of our exceptions for one of the library's."""
        openai = _import_openai()
        if isinstance(error, openai.APITimeoutError):
            return TransportError("no answer within the time limit")
        if isinstance(error, openai.APIConnectionError):
            return TransportError("the connection failed or broke off")
        if not isinstance(error, openai.APIStatusError):
            if isinstance(error, (openai.APIError, ValueError)):
                return TransportError("the endpoint sent something other than an answer")
            # Not its message: what cannot become a header may be the key.
            return EndpointError(
                f"the request could not be made ({type(error).__name__}); correct the endpoint's "
                "base URL, the key, and the model's name."
            )
        status, said = error.status_code, self._said(error)
        code = f"{error.code or ''} {getattr(error, 'type', None) or ''}".lower()
        if status == 429 and "insufficient_quota" in code:
            return EndpointError(f"the endpoint has no quota left for this key: {said}")
        if status in RETRIED or status >= 500:
            wait = _retry_after(error.response.headers)
            return TransportError(f"status {status}: {said}", wait, status == 429)
        if status in (400, 403) and (
            any(word in code for word in MODERATION_CODES) or MODERATION.search(said)
        ):
            return Declined(f"the endpoint's moderation declined (status {status}): {said}")
        if status == 413 or (status == 400 and TOO_LONG.search(f"{code} {said}")):
            return TooLong(f"the request is too long for the endpoint (status {status}): {said}")
        remedy = {
            401: "set OPENAI_API_KEY to a key of this endpoint",
            403: "use a key that may use this model",
            404: "correct the model's name, or OPENAI_BASE_URL",
        }.get(status, "correct the model's name or the parameters")
        return EndpointError(f"the endpoint answered with status {status}: {said} - {remedy}.")

    def _said(self, error):
        """Return what an endpoint said, in one short line."""
        body = getattr(error, "body", None)
        message = body.get("message") if isinstance(body, dict) else None
        text = message if isinstance(message, str) else str(error)
        return " ".join(self._without_secrets(text).split())[:MAX_REASON]

    def _without_secrets(self, text):
        """Return a text without the key and without pictures, should an endpoint repeat them."""
        for secret in self._secrets:
            text = text.replace(secret, "<key>")  # no bracket: those are read
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


class _bodies_out_of_logs(logging.Filter):
    """While it holds, the library's debugging lines, of which old versions' hold requests, go."""

    def __enter__(self):
        logging.getLogger("openai._base_client").addFilter(self)

    def __exit__(self, *exception):
        logging.getLogger("openai._base_client").removeFilter(self)

    def filter(self, record):
        return record.levelno > logging.DEBUG


def _retry_after(headers):
    """Return the seconds to wait that an endpoint's headers ask for, or None."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            seconds = float(text) * unit
        except ValueError:
            try:
                seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
            except (TypeError, ValueError, OverflowError):
                continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _field(part, name):
    return part.get(name) if isinstance(part, dict) else getattr(part, name, None)
