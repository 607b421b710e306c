"""What can be asked without a key, a network or a model? A server that counts words."""

import contextlib
import http.server
import json
import re
import threading
from dataclasses import dataclass

CUES = {  # part of a label -> words that stand for the label
    "positive": "good great love lovely wonderful enjoy enjoyed best beautiful fun glad won happy",
    "happ": "happy glad laugh laughed smile smiled wonderful lovely love won fun enjoyed joy",
    "negative": "bad awful hate hated boring worst terrible sad lost ugly angry poor",
    "sad": "sad cry cried tears lost alone miss grief sorrow mourn",
    "ang": "angry furious rage hate hated unfair shouted yelled mad",
    "worr": "worried afraid nervous uneasy anxious",
}
VOCABULARY = re.compile(r"the best first: (\[.*\])$", re.MULTILINE)
SAMPLE = re.compile(r'^sample (\d+)(?:, frame \d+)?(?:: ("(?:[^"\\]|\\.)*"))?$', re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """What an endpoint sends in place of the right reply to one request.

    Parameters
    ----------
    status : int, default=200
    body : callable, optional
        Takes the right reply and the request that came (JSON, as dicts), and returns what is sent:
        JSON, bytes, or None for a closed connection.
    headers : dict of str to str, default={}
        Sent in addition; ``Content-Length`` replaces the right one.
    seconds : float, default=0.0
        Wait before the reply.

    See Also
    --------
    FakeEndpoint : Takes faults.
    """

    status: int = 200
    body: object = None
    headers: object = ()
    seconds: float = 0.0


class FakeEndpoint(http.server.ThreadingHTTPServer):
    """A chat-completions endpoint on the loopback, which lives while its ``with`` does.

    Parameters
    ----------
    faults : sequence of Fault or None, or callable, default=()
        What goes wrong with the first, second, ... request; None is nothing. A function takes the
        request's number from 1 and its samples.
    api_key : str, default="no key needed"
        Requests with another key get status 401.

    Attributes
    ----------
    base_url : str
    requests : list of dict
        The parameters of each request that came, and the texts of its ``samples``.

    See Also
    --------
    lstmfcn.zero_shot.ChatClient : Sends requests to an endpoint.

    Examples
    --------
    >>> from lstmfcn.zero_shot import ChatClient, FakeEndpoint, Fault
    >>> with FakeEndpoint([Fault(body=lambda reply, request: b"<html>")]) as endpoint:
    ...     client = ChatClient(endpoint.base_url, endpoint.api_key)
    ...     client([{"role": "user", "content": "hello"}], "fake", 0.0, 100)
    Traceback (most recent call last):
    lstmfcn.zero_shot.ask.client.TransportError: the endpoint sent something other than an answer
    >>> endpoint.n_requests
    1
    """

    def __init__(self, faults=(), *, api_key="no key needed"):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.base_url, self.api_key = f"http://127.0.0.1:{self.server_port}/v1", api_key
        self.requests = []
        self._faults = faults if callable(faults) else iter(faults)
        self._lock, self._ended = threading.Lock(), threading.Event()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._ended.set()
        self.shutdown()
        self.server_close()

    @property
    def n_requests(self):
        """Number of requests that came."""
        return len(self.requests)

    def _reply(self, request):
        """Return the Fault and the right reply (a dict) for the JSON of a request."""
        prompt = request["messages"][0]["content"]
        if not isinstance(prompt, str):
            prompt = "\n".join(part.get("text", "") for part in prompt)
        texts = {}
        for number, text in SAMPLE.findall(prompt):
            texts.setdefault(number, json.loads(text or '""'))
        samples, labels = list(texts.values()), VOCABULARY.search(prompt)
        vocabulary = json.loads(labels[1]) if labels else []
        with self._lock:
            self.requests.append({**request, "samples": samples})
            del self.requests[-1]["messages"]  # pictures are large
            faults, n = self._faults, self.n_requests
            fault = faults(n, samples) if callable(faults) else next(faults, None)
        ranked = [_rank(sample, vocabulary) for sample in samples]
        content = json.dumps([{"name": i, "result": one} for i, one in enumerate(ranked, start=1)])
        message = {"role": "assistant", "content": content}
        tokens = {"prompt_tokens": 0, "completion_tokens": len(content) // 4}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return fault or Fault(), {"choices": [choice], "usage": tokens}


def _rank(text, vocabulary):
    """Return the vocabulary, labels with more of their words in the text first."""
    words = re.findall(r"[a-z]+", text.lower())

    def n_cues(label):
        label = label.lower()
        cues = {label, *" ".join(CUES[part] for part in CUES if part in label).split()}
        return sum(map(words.count, cues))

    return sorted(vocabulary, key=n_cues, reverse=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request to a FakeEndpoint, then closes the connection."""

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault, reply = self.server._reply(request)
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if key != self.server.api_key:
            fault = Fault(401, lambda *_: {"error": {"message": f"wrong key: {key}"}})
        self.server._ended.wait(fault.seconds)
        body = reply if fault.body is None else fault.body(reply, request)
        if body is None:
            return
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.suppress(ConnectionError):  # the client has gone
            self.send_response(fault.status)
            for name, value in {"Content-Length": len(content), **dict(fault.headers)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(content)
