"""Everything that can go wrong with one request to an endpoint, as faults by name."""

import json
import time

from lstmfcn.zero_shot import Fault

__all__ = ["FAULTS", "fault"]

LIMIT = (429, "rate_limit_exceeded", "too many requests")
STATUSES = {
    "limit": LIMIT,
    "date": LIMIT,  # its Retry-After is a date
    "quota": (429, "insufficient_quota", "no quota left"),
    "server": (500, "server_error", "the server is unwell"),
    "no choices": (200, "server_error", "the server is unwell"),
    "moderation": (400, "content_policy_violation", "rejected by the safety system"),
    "too long": (400, "context_length_exceeded", "longer than the context length"),
    "no model": (404, "model_not_found", "there is no such model"),
    "bad request": (400, "invalid_request_error", "this request is wrong"),  # repeats key, request
}
REGRET = "I'm sorry, but I can't help with that."
# Text of the right answer and its records -> text, finish_reason.
TEXTS = {
    "refusal": lambda text, records: (REGRET, "stop"),
    "refusal field": lambda text, records: (REGRET, "stop"),  # in the field for refusals
    "filtered": lambda text, records: ("", "content_filter"),
    "empty": lambda text, records: ("", "stop"),
    "malformed": lambda text, records: (text.replace('"', "").replace("]", "", 1), "stop"),
    "prose": lambda text, records: (f"I see:\n```json\n{text}\n```\nMay it help!", "stop"),
    "too few": lambda text, records: (json.dumps(records[:-1]), "stop"),
    "too many": lambda text, records: (
        json.dumps([*records, {"name": len(records) + 1, "result": ["sad"]}]),
        "stop",
    ),
    "shuffled": lambda text, records: (json.dumps(records[::-1]), "stop"),
    "same number": lambda text, records: (
        json.dumps([{**record, "name": 1} for record in records]),
        "stop",
    ),
    "no numbers": lambda text, records: (
        json.dumps([record["result"] for record in records]),
        "stop",
    ),
    "truncated": lambda text, records: (text[: text.rfind('"')], "length"),
    "truncated early": lambda text, records: (text[: text.find("]")], "length"),
    "out of vocabulary": lambda text, records: (
        json.dumps([{**one, "result": ["Bewildered", *one["result"]]} for one in records]),
        "stop",
    ),
    "repeats": None,  # the right answer after the key and the pictures of the request
}
RAW = {
    "silence": Fault(),
    "reset": Fault(body=lambda reply, request: None),
    "cut body": Fault(
        body=lambda reply, request: b'{"choices": [{"mess',
        headers={"Content-Length": "1000", "Connection": "close"},
    ),
    "no json": Fault(body=lambda reply, request: b"<html>Bad gateway</html>"),
}
FAULTS = [*STATUSES, *TEXTS, *RAW]


def fault(kind, seconds=None, key=""):
    """Return the fault of a kind; ``seconds`` is its Retry-After, or the wait of "silence"."""
    if kind in RAW:
        raw = RAW[kind]
        return Fault(raw.status, raw.body, raw.headers, seconds or 0.0)
    if kind in TEXTS:
        return Fault(body=lambda reply, request: changed(kind, reply, request, key))
    status, code, message = STATUSES[kind]

    def error(reply, request):
        echo = f": {key} {json.dumps(request)}" if kind == "bad request" else ""
        return {"error": {"message": message + echo, "type": code, "code": code, "param": None}}

    headers = {} if seconds is None else {"Retry-After": f"{seconds:g}"}
    if kind == "date":
        when = time.gmtime(time.time() + seconds)
        headers = {"Retry-After": time.strftime("%a, %d %b %Y %H:%M:%S GMT", when)}
    return Fault(status, error, headers)


def changed(kind, reply, request, key):
    """Return a reply with another text."""
    choice = reply["choices"][0]
    text = choice["message"]["content"]
    if kind == "repeats":
        echo = f"{key} {json.dumps(request)[-100_000:]}".replace("[", "(").replace("{", "(")
        text, reason = echo + text, "stop"
    else:
        text, reason = TEXTS[kind](text, json.loads(text))
    message = {"role": "assistant", "content": text}
    if kind == "refusal field":
        message = {"role": "assistant", "content": None, "refusal": text}
    return {**reply, "choices": [{**choice, "message": message, "finish_reason": reason}]}
