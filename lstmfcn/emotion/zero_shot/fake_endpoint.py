"""What does a chat-completions endpoint do, also on its bad days? A server on this machine.

It needs no key, no network and no model, and answers :class:`~.zero_shot_prompts.Question` by
counting words: enough to see the loop of asking, parsing and scoring run, and to test it.
"""

import hashlib
import http.server
import json
import re
import threading
import time
from dataclasses import dataclass

__all__ = ["FAULTS", "FakeEndpoint", "Fault"]

MAX_BODY = 200_000_000  # bytes
CUES = {
    "positive": "good great love lovely wonderful enjoy enjoyed best beautiful fun glad won happy",
    "happ": "happy glad laugh laughed smile smiled wonderful lovely love won fun enjoyed joy",
    "negative": "bad awful hate hated boring worst terrible sad lost ugly angry poor",
    "sad": "sad cry cried tears lost alone miss grief sorrow mourn",
    "ang": "angry furious rage hate hated unfair shouted yelled mad",
    "fear": "afraid scared fear terrified dark danger trembling worried",
    "worr": "worried afraid nervous uneasy anxious",
    "surpris": "surprised suddenly unexpected astonished wow unbelievable",
    "disgust": "disgusting rotten filthy smell vomit mould revolting",
    "neutral": "is was the at table report",
}

FAULTS = {
    "limit": "status 429 with Retry-After: seconds, or without",
    "date": "status 429 with a date in Retry-After: seconds from now, at least the next full one",
    "quota": "status 429, for there is no quota left",
    "server": "status 500",
    "silence": "no answer for this many seconds, then the right one",
    "reset": "the connection is closed without an answer",
    "cut body": "the connection is closed in the middle of an answer",
    "no json": "status 200 with a page of HTML",
    "no choices": "status 200 with an error in place of an answer",
    "moderation": "status 400, for content policy",
    "too long": "status 400, for the context is too long",
    "no model": "status 404",
    "bad request": "status 400, repeating key and request",
    "refusal": "a sentence of regret",
    "refusal field": "the same, in the field that some endpoints have for it",
    "filtered": "finish_reason content_filter and no text",
    "empty": "an empty text",
    "malformed": "a list without quotes and with half a bracket",
    "prose": "the right answer within sentences and a fence of code",
    "too few": "one record less than samples",
    "too many": "one record more",
    "shuffled": "records in reverse order, rightly numbered",
    "same number": "all records numbered 1",
    "no numbers": "lists alone, in the order of the samples",
    "truncated": "a text that ends within the last list, finish_reason length",
    "truncated early": "a text that ends within the first list, finish_reason length",
    "outside": "first a label that was not offered",
    "repeats": "the right answer after the key and the pictures of the request",
}
"""What can go wrong, and how it looks."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Parameters
    ----------
    kind : str
        One of :data:`FAULTS`.
    seconds : float, optional
        Of those kinds that take a time.
    """

    kind: str
    seconds: float | None = None

    def __post_init__(self):
        if self.kind not in FAULTS:
            raise ValueError(f"fault {self.kind!r} is unknown; choose one of {', '.join(FAULTS)}.")


class FakeEndpoint:
    """A server on the loopback that lives while its ``with`` does.

    Parameters
    ----------
    faults : sequence of (Fault, str or None), or callable, default=()
        What goes wrong with the first, second, ... request; None is nothing. Or a function of the
        request's number from 1 and its samples (texts as sent; pictures as SHA-256 digests) that
        returns the same.
    api_key : str, default="no key needed"
        Requests with another one get status 401.
    seconds : float, default=0.0
        How long an answer takes; an error comes at once.

    Attributes
    ----------
    base_url : str
    requests : list of dict
        Of each request that came: ``samples``, ``model``, ``max_tokens``, ``temperature``,
        ``began`` and ``ended`` (seconds, monotonic; None where the server did not get so far), and
        ``fault``.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot.fake_endpoint import FakeEndpoint
    >>> from lstmfcn.emotion.zero_shot.client import ChatClient, TransportError
    >>> with FakeEndpoint(faults=["server"]) as endpoint:
    ...     client = ChatClient(endpoint.base_url, endpoint.api_key)
    ...     try:
    ...         client([{"role": "user", "content": "hello"}], "fake", 0.0, 100)
    ...     except TransportError as error:
    ...         print(error)
    status 500: the server is unwell
    >>> endpoint.n_requests
    1
    """

    def __init__(self, faults=(), *, api_key="no key needed", seconds=0.0):
        self.api_key, self.seconds = api_key, seconds
        self.requests = []
        self._faults = faults if callable(faults) else tuple(map(_as_fault, faults))
        self._lock, self._ended = threading.Lock(), threading.Event()

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"endpoint": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def n_requests(self):
        """How many requests came."""
        return len(self.requests)

    def receive(self, body):
        """Note a request; return its entry in :attr:`requests`."""
        samples = read_samples_of(body.get("messages"))
        with self._lock:
            number = len(self.requests) + 1
            if callable(self._faults):
                fault = _as_fault(self._faults(number, samples))
            else:
                fault = self._faults[number - 1] if number <= len(self._faults) else None
            request = {
                "samples": samples,
                "model": body.get("model"),
                "max_tokens": body.get("max_tokens", body.get("max_completion_tokens")),
                "temperature": body.get("temperature"),
                "fault": fault,
                "began": time.monotonic(),
                "ended": None,
            }
            self.requests.append(request)
        return request

    def wait(self, seconds):
        """Sleep, but not longer than the server lives."""
        self._ended.wait(seconds)


def read_samples_of(messages):
    """Return the samples of a prompt: of each its text, and the digests of its pictures.

    Parameters
    ----------
    messages : list of dict

    Returns
    -------
    list of str
    """
    samples = []
    for part in _parts(messages)[1:]:
        numbered = re.match(r'sample (\d+)(?:, frame \d+)?(?:: ("(?:[^"\\]|\\.)*"))?', _text(part))
        if numbered and int(numbered[1]) == len(samples) + 1:
            samples.append("")
        if numbered and numbered[2]:
            samples[-1] = json.loads(numbered[2])
        elif part.get("type") == "image_url" and samples:
            digest = hashlib.sha256(part["image_url"]["url"].encode()).hexdigest()
            samples[-1] = f"{samples[-1]} {digest}".strip()
    return samples


def rank(text, vocabulary):
    """Return the vocabulary, labels with more of their words in the text first.

    Examples
    --------
    >>> from lstmfcn.emotion.zero_shot.fake_endpoint import rank
    >>> rank("I cried, I was so sad.", ["happy", "sad"])
    ['sad', 'happy']
    """
    words = re.findall(r"[a-z]+", text.lower())
    return sorted(vocabulary, key=lambda label: -sum(words.count(cue) for cue in _cues(label)))


def _cues(label):
    label = label.lower()
    found = {label}
    for part, cues in CUES.items():
        if part in label:
            found.update(cues.split())
    return found


def _as_fault(fault):
    return Fault(fault) if isinstance(fault, str) else fault


def _parts(messages):
    """Return the parts of a prompt, those of a single text cut at its empty lines."""
    try:
        content = messages[0]["content"]
        if isinstance(content, str):
            return [{"type": "text", "text": text} for text in content.split("\n\n")]
        return [part for part in content if isinstance(part, dict)]
    except (TypeError, LookupError):
        return []


def _text(part):
    return str(part.get("text", ""))


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection; ``endpoint`` is set by the subclass of each FakeEndpoint."""

    protocol_version = "HTTP/1.1"
    timeout = 60.0  # seconds in which a connection may be idle

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self.close_connection = True
            return self._say(413, "give a Content-Length, and no more than 200 MB")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError:
            body = None
        if self.path != "/v1/chat/completions" or not isinstance(body, dict):
            return self._say(404, "there is nothing but chat completions here")
        request = self.endpoint.receive(body)
        try:
            self._answer(request, body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # whoever asked has gone
        request["ended"] = time.monotonic()

    def _answer(self, request, body):
        fault, key = request["fault"], self.endpoint.api_key
        kind, seconds = (fault.kind, fault.seconds) if fault else ("", None)
        sent = self.headers.get("Authorization", "")
        if sent != f"Bearer {key}":
            return self._say(401, f"wrong key: {sent.removeprefix('Bearer ')}", "invalid_api_key")
        if kind in _STATUS:
            status, code, said = _STATUS[kind]
            if kind == "bad request":
                said = f"{said}: {key} {json.dumps(body)}"
            return self._say(status, said, code, _waiting(kind, seconds))
        self.endpoint.wait(self.endpoint.seconds + (seconds or 0.0) * (kind == "silence"))
        if kind == "reset" or kind == "cut body":
            self.close_connection = True
            if kind == "cut body":
                self._send(200, b'{"choices": [{"mess', "application/json", n_bytes=1000)
            return None
        if kind == "no json":
            return self._send(200, b"<html>Bad gateway</html>", "text/html")
        text, reason = _completion(kind, request["samples"], _vocabulary(body.get("messages")))
        if kind == "repeats":
            text = f"{key} {json.dumps(body)[-100_000:]}".replace("[", "(").replace("{", "(") + text
        message = {"role": "assistant", "content": text}
        if kind == "refusal field":
            message = {"role": "assistant", "content": None, "refusal": text}
        answer = {
            "id": f"fake-{len(self.endpoint.requests)}",
            "object": "chat.completion",
            "created": 0,
            "model": str(body.get("model")),
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {
                "prompt_tokens": len(json.dumps(body)) // 4,
                "completion_tokens": len(text) // 4,
            },
        }
        return self._send(200, json.dumps(answer).encode())

    def _say(self, status, said, code=None, headers=()):
        error = {"error": {"message": said, "type": code, "code": code, "param": None}}
        self._send(status, json.dumps(error).encode(), headers=headers)

    def _send(self, status, content, kind="application/json", headers=(), n_bytes=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(n_bytes or len(content)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


_STATUS = {
    "limit": (429, "rate_limit_exceeded", "too many requests"),
    "date": (429, "rate_limit_exceeded", "too many requests"),
    "quota": (429, "insufficient_quota", "no quota left"),
    "server": (500, "server_error", "the server is unwell"),
    "no choices": (200, "server_error", "the server is unwell"),
    "moderation": (400, "content_policy_violation", "rejected by the safety system"),
    "too long": (400, "context_length_exceeded", "longer than the context length"),
    "no model": (404, "model_not_found", "there is no such model"),
    "bad request": (400, "invalid_request_error", "this request is wrong"),
}


def _waiting(kind, seconds):
    """Return the headers that ask to wait."""
    if seconds is None:
        return ()
    if kind == "date":
        when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + seconds + 1))
        return (("Retry-After", when),)
    return (("Retry-After", f"{seconds:g}"),)


def _vocabulary(messages):
    """Return the labels that a prompt offers."""
    for part in _parts(messages)[:1]:
        match = re.search(r"the best first: (\[.*\])$", _text(part), flags=re.MULTILINE)
        if match:
            return json.loads(match[1])
    return []


def _completion(kind, samples, vocabulary):
    """Return the text of an answer, and the reason to end it."""
    if kind in ("refusal", "refusal field"):
        return "I'm sorry, but I can't help with that.", "stop"
    if kind == "filtered":
        return "", "content_filter"
    if kind == "empty":
        return "", "stop"
    lists = [rank(sample, vocabulary) for sample in samples]
    if kind == "outside":
        lists = [["Bewildered", *labels] for labels in lists]
    if kind == "no numbers":
        return json.dumps(lists), "stop"
    records = [{"name": i, "result": labels} for i, labels in enumerate(lists, start=1)]
    if kind == "too few":
        records = records[:-1]
    elif kind == "too many":
        records.append({"name": len(records) + 1, "result": vocabulary})
    elif kind == "shuffled":
        records.reverse()
    elif kind == "same number":
        records = [{**record, "name": 1} for record in records]
    text = json.dumps(records)
    if kind == "malformed":
        return text.replace('"', "").replace("]", "", 1), "stop"
    if kind == "prose":
        return f"Here is what I see:\n```json\n{text}\n```\nMay it help you!", "stop"
    if kind == "truncated":
        return text[: text.rfind('"')], "length"
    if kind == "truncated early":
        return text[: text.find("]")], "length"
    return text, "stop"
