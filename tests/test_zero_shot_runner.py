"""Is every sample asked about as often as needed and no more, whatever the endpoint does?"""

import base64
import contextlib
import gzip
import http.server
import json
import logging
import os
import subprocess
import sys
import threading
import time
import traceback

import numpy as np
import pytest
from fake_endpoint import FAULTS, fault
from PIL import Image

from lstmfcn.zero_shot import (
    Answer,
    ChatClient,
    EndpointError,
    FakeEndpoint,
    Fault,
    Question,
    Sample,
    ZeroShotRunner,
    load_run,
    load_zero_shot,
    read_samples,
    score_zero_shot,
)
from lstmfcn.zero_shot.ask.batches import NotSent, Sender
from lstmfcn.zero_shot.ask.cache import AnswerCache, read_cache, runs_behind
from lstmfcn.zero_shot.ask.client import MAX_BYTES, TransportError, _retry_after
from lstmfcn.zero_shot.ask.samples import frame_indices, image_url
from lstmfcn.zero_shot.score.files import write_answers

pytest.importorskip("openai", reason="the client library comes with lstmfcn[zeroshot]")

QUESTION = Question(("happy", "sad"))
KEY = "sk-never-to-be-seen-0123456789"


def make_samples(n_samples):
    words = ("happy", "sad")
    return [
        Sample(f"s{i}", words[i % 2], f"Text {i}, so {words[i % 2]}.") for i in range(n_samples)
    ]


def endpoint_with(*kinds):
    """Return an endpoint with these faults (None is nothing) of its first requests."""
    return FakeEndpoint([kind and fault(kind, key=KEY) for kind in kinds], api_key=KEY)


def make_runner(endpoint, out, timeout_seconds=60.0, question=QUESTION, **parameters):
    client = ChatClient(endpoint.base_url, KEY, timeout_seconds=timeout_seconds)
    parameters = {"batch_size": 4, "backoff_seconds": 0.01, "verbose": 0, **parameters}
    return ZeroShotRunner(question, "fake", out, client=client, **parameters)


def lines(out, kind):
    found = map(json.loads, (out / "answers.jsonl").read_text().splitlines())
    return [line for line in found if line["kind"] == kind]


def assert_unseen(*texts):
    """Neither the key nor a picture is in a text."""
    for text in texts:
        assert KEY not in text and KEY[3:] not in text
        assert "base64" not in text and "/9j/" not in text


# What an endpoint may do with one request, and how many it then takes for a batch of four

ONCE = {
    "limit": 2,
    "date": 2,
    "server": 2,
    "silence": 2,
    "reset": 2,
    "cut body": 2,
    "no json": 2,
    "no choices": 2,
    "prose": 1,
    "shuffled": 1,
    "no numbers": 1,
    "repeats": 1,
    "malformed": 2,
    "too few": 2,
    "too many": 2,
    "same number": 2,
    "empty": 2,
    "refusal": 2,
    "refusal field": 3,
    "filtered": 3,
    "moderation": 3,
    "too long": 3,
    "truncated": 2,
    "truncated early": 3,
    "out of vocabulary": 1,
}
FATAL = ("quota", "no model", "bad request")


def test_all_faults_are_tried():
    assert {*ONCE, *FATAL} == set(FAULTS)


@pytest.mark.parametrize("kind", ONCE)
def test_one_fault_costs_so_many_requests_and_no_answer(tmp_path, kind):
    seconds = {"silence": 300.0, "date": 0.0}.get(kind)
    with FakeEndpoint([fault(kind, seconds, KEY)], api_key=KEY) as endpoint:
        runner = make_runner(endpoint, tmp_path, 2.0 if kind == "silence" else 60.0)
        run = runner.run(make_samples(4))
        again = runner.run(make_samples(4))
    if kind == "out of vocabulary":
        assert run.counts == {"oov": 4}
        assert run.answers[0].ranked[:2] == ("Bewildered", "happy")
    else:
        assert run.counts == {"ok": 4}
        assert [answer.ranked[0] for answer in run.answers] == ["happy", "sad"] * 2
    assert (run.n_requests, again.n_requests, endpoint.n_requests) == (ONCE[kind], 0, ONCE[kind])
    assert len(lines(tmp_path, "request")) == ONCE[kind]
    assert len(lines(tmp_path, "sample")) == 4
    assert_unseen((tmp_path / "answers.jsonl").read_text())


@pytest.mark.parametrize("kind", FATAL)
def test_what_no_request_can_mend_ends_the_run_at_once(tmp_path, kind, caplog):
    caplog.set_level(logging.DEBUG)
    Image.new("RGB", (40, 30), "red").save(tmp_path / "red.png")
    samples = [Sample(f"s{i}", image=tmp_path / "red.png") for i in range(3)]
    with endpoint_with(None, kind) as endpoint:
        runner = make_runner(
            endpoint, tmp_path / "out", question=Question(("a", "b"), "image"), batch_size=1
        )
        with pytest.raises(EndpointError) as caught:
            runner.run(samples)
        assert endpoint.n_requests == 2
        run = runner.run(samples)
    assert (run.n_cached, run.n_requests, run.counts) == (1, 2, {"ok": 3})
    written = (tmp_path / "out" / "answers.jsonl").read_text()
    assert_unseen(written, caplog.text, "".join(traceback.format_exception(caught.value)))


def test_a_wrong_key_is_refused_and_shown_nowhere(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    with FakeEndpoint(api_key="another key") as endpoint:
        with pytest.raises(EndpointError) as caught:
            make_runner(endpoint, tmp_path).run(make_samples(12))
    assert str(caught.value) == (
        "the endpoint answered with status 401: wrong key: <key> - set OPENAI_API_KEY to a key of "
        "this endpoint."
    )
    assert endpoint.n_requests == 1
    assert (tmp_path / "label-gpt4v.csv").read_text() == "name,gt,gpt4v\n"
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    written = (tmp_path / "answers.jsonl").read_text()
    assert_unseen(written, caplog.text, repr(chain), *traceback.format_exception(caught.value))


class FakeTime:
    """A clock that goes on when somebody waits."""

    def __init__(self):
        self.now, self.pauses = 0.0, []

    def wait(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


def make_sender(failures, **settings):
    """Return a Sender whose client raises the failures one by one, then answers; and its time."""
    failures, fake_time = iter(failures), FakeTime()

    def client(*request):
        if failure := next(failures, None):
            raise failure
        return "[]", "stop"

    settings = ZeroShotRunner(QUESTION, "fake", "", **settings)
    return Sender(settings, client, clock=lambda: fake_time.now, wait=fake_time.wait), fake_time


def test_pauses_are_doubled_up_to_the_longest():
    failures = [TransportError("silence")] * 4
    sender, fake_time = make_sender(failures, backoff_seconds=8.0, max_wait_seconds=20.0)
    assert sender.send([]).text == "[]" and sender.n_requests == 5
    for pause, most in zip(fake_time.pauses, (8.0, 16.0, 32.0, 64.0), strict=True):
        assert min(20.0, 0.75 * most) <= pause <= min(20.0, most)


def test_a_limit_holds_all_threads_as_long_as_the_endpoint_asks():
    limit = TransportError("status 429", retry_after=30.0, is_limit=True)
    sender, fake_time = make_sender([limit], max_transport_tries=1)
    with pytest.raises(TransportError):
        sender.send([])
    sender.send([])  # of another thread, say
    assert fake_time.pauses == [30.0]
    sender, fake_time = make_sender([TransportError("status 503", retry_after=30.0)])
    sender.send([])
    assert fake_time.pauses == [30.0]


def test_nothing_is_sent_after_the_end():
    sender, _ = make_sender([])
    sender.end("the run was interrupted")
    with pytest.raises(NotSent, match=r"^the run was interrupted$"):
        sender.send([])
    assert sender.n_requests == 0


def test_a_pause_may_be_a_number_or_a_date():
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 1000))
    assert 900 < _retry_after({"retry-after": date}) < 1001
    assert _retry_after({"retry-after": "2.5"}) == 2.5
    assert _retry_after({"retry-after-ms": "500", "retry-after": "9"}) == 0.5
    for nothing in ({}, {"retry-after": "soon"}, {"retry-after": "nan"}):
        assert _retry_after(nothing) is None


def test_a_pause_of_hours_ends_the_run(tmp_path):
    with FakeEndpoint([None, fault("limit", 7200.0)], api_key=KEY) as endpoint:
        run = make_runner(endpoint, tmp_path).run(make_samples(12))
    assert run.n_requests == 2
    assert run.counts == {"ok": 4, "transport_error": 4, "not asked": 4}
    assert run.ended_because == "the endpoint asks for a pause of 7200 seconds"


def test_silence_is_given_up_and_asked_about_by_the_next_run(tmp_path):
    with endpoint_with(*["server"] * 6) as endpoint:
        runner = make_runner(endpoint, tmp_path, max_transport_tries=3)
        run = runner.run(make_samples(8))
        assert (run.n_requests, run.counts) == (6, {"transport_error": 8})
        assert run.answers[0].reason == "status 500: the server is unwell"
        run = runner.run(make_samples(8))
    assert (run.n_requests, run.n_cached, run.counts) == (2, 0, {"ok": 8})


@pytest.mark.parametrize("kind, n_requests, n_again", [("refusal", 10, 3), ("moderation", 7, 1)])
def test_one_sample_that_is_refused_is_found_and_costs_no_other(
    tmp_path, kind, n_requests, n_again
):
    def refuse(number, samples):
        return fault(kind) if any("Text 5," in sample for sample in samples) else None

    with FakeEndpoint(refuse, api_key=KEY) as endpoint:
        runner = make_runner(endpoint, tmp_path, batch_size=8)
        run, again = runner.run(make_samples(8)), runner.run(make_samples(8))
    assert [answer.status for answer in run.answers] == ["ok"] * 5 + ["refused"] + ["ok"] * 2
    # Eight at once (thrice if it is only a refusal), 4 + 4, 2 + 2, 1 + 1.
    assert (run.n_requests, again.n_requests) == (n_requests, n_again)
    asked = [sample for request in endpoint.requests[n_requests:] for sample in request["samples"]]
    assert asked == ["Text 5, so sad."] * n_again
    rows = (tmp_path / "label-gpt4v.csv").read_text().splitlines()
    assert len(rows) == 8 and not any(row.startswith("s5,") for row in rows)
    (failed, failed_again) = (line for line in lines(tmp_path, "sample") if line["status"] != "ok")
    assert failed["name"] == failed_again["name"] == "s5" and failed["of"] == 1


def test_a_list_cut_behind_its_first_label_keeps_that(tmp_path):
    with FakeEndpoint(lambda *_: fault("truncated"), api_key=KEY) as endpoint:
        run = make_runner(endpoint, tmp_path, batch_size=1).run(make_samples(1))
    assert run.answers[0].status == "truncated" and run.answers[0].ranked == ("happy",)
    assert run.n_requests == 1
    assert (tmp_path / "label-gpt4v.csv").read_text() == "name,gt,gpt4v\ns0,happy,happy\n"


def test_the_budget_holds_for_failures_and_threads(tmp_path):
    samples = make_samples(40)
    with endpoint_with("server", "refusal") as endpoint:
        runner = make_runner(endpoint, tmp_path, max_requests=6, concurrency=3)
        run = runner.run(samples)
        assert run.n_requests == endpoint.n_requests == 6
        assert run.ended_because == "the budget of 6 requests is spent"
        n_answered = run.counts["ok"]
        assert n_answered == 16 and sum(run.counts.values()) == 40
        runner.max_requests = None
        run = runner.run(samples)
    assert (run.n_cached, run.counts, run.ended_because) == (16, {"ok": 40}, "")
    assert endpoint.n_requests == 6 + 6


def test_concurrency_is_bounded(tmp_path):
    together, under_way, most = threading.Barrier(3, timeout=300), [], []

    def client(*request):
        under_way.append(request)
        together.wait()  # for the two others
        most.append(len(under_way))
        together.wait()
        under_way.pop()
        return '[["sad"], ["sad"], ["sad"], ["sad"]]', "stop"

    settings = {"batch_size": 4, "concurrency": 3, "verbose": 0}
    runner = ZeroShotRunner(QUESTION, "fake", tmp_path, client=client, **settings)
    assert runner.run(make_samples(48)).counts == {"ok": 48}
    assert most == [3] * 12


# What an endpoint may do beyond an answer


def completion(text):
    message = {"role": "assistant", "content": text}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


@contextlib.contextmanager
def server(answer):
    """Let a function answer each request on the loopback; yield host and port, and what came."""
    came = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            with contextlib.suppress(ConnectionError):  # who asked has gone
                answer(self)

        do_GET = do_POST

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield "{}:{}".format(*running.server_address), came
        running.shutdown()


def send(handler, body, status=200, **headers):
    handler.send_response(status)
    for name, value in {"Content-Length": len(body), **headers}.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def ask(host, timeout_seconds=60.0):
    client = ChatClient(f"http://{host}/v1", KEY, timeout_seconds=timeout_seconds)
    return client(QUESTION.messages(make_samples(1)), "m", 0.0, 100)


@pytest.mark.parametrize("status", [301, 307])  # by which a client may change its method, or not
def test_a_redirect_is_not_followed(tmp_path, status):
    right = completion('[["sad"]]').encode()
    with server(lambda handler: send(handler, right)) as (other, came_to_other):
        target = f"http://{other}/v1/chat/completions"
        with server(lambda handler: send(handler, b"", status, Location=target)) as (host, came):
            client = ChatClient(f"http://{host}/v1", KEY)
            runner = ZeroShotRunner(QUESTION, "m", tmp_path, client=client, verbose=0)
            with pytest.raises(EndpointError) as caught:
                runner.run(make_samples(4))
    assert str(caught.value) == (
        f"the endpoint http://{host}/v1/chat/completions points to {target} (status {status}), "
        "where nothing is sent; set OPENAI_BASE_URL to the endpoint that answers."
    )
    assert (len(came), came_to_other) == (1, [])
    assert_unseen((tmp_path / "answers.jsonl").read_text(), str(caught.value))


NO_ANSWER = "the endpoint sent something other than an answer"
TOO_MUCH = "the endpoint sent more than 8 MiB"


@pytest.mark.parametrize(
    "body, headers, message",
    [
        (b'{"choices": {"a": 1}}', {}, NO_ANSWER),
        (b'{"choices": [[]]}', {}, NO_ANSWER),
        (b"[" * 100_000, {}, NO_ANSWER),
        (b'{"a":' * 900 + b"1" + b"}" * 900, {}, NO_ANSWER),
        (completion("x" * MAX_BYTES).encode(), {}, TOO_MUCH),
        (
            gzip.compress(completion("x" * MAX_BYTES).encode()),
            {"Content_Encoding": "gzip"},
            TOO_MUCH,
        ),
        (b"not packed", {"Content_Encoding": "gzip"}, NO_ANSWER),
        (completion("[[]]").encode(), {"Content_Encoding": "br"}, NO_ANSWER),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("status", [200, 500])
def test_what_is_no_answer_costs_one_request(status, body, headers, message):
    with server(lambda handler: send(handler, body, status, **headers)) as (host, came):
        with pytest.raises(TransportError) as caught:
            ask(host)
    assert len(came) == 1 and len(str(caught.value)) <= 350
    if status == 200 or message == TOO_MUCH:
        assert str(caught.value) == message


def test_a_packed_answer_is_read():
    body = gzip.compress(completion('[["sad"]]').encode())
    with server(lambda handler: send(handler, body, Content_Encoding="gzip")) as (host, _):
        assert ask(host).text == '[["sad"]]'


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
def test_an_answer_that_comes_drop_by_drop_is_given_up(before):
    def drip(handler):
        handler.wfile.write(before or b"HTTP/1.1 200 OK\r\nA: ")
        for _ in range(400):  # until whoever asked has gone, at most 20 seconds
            handler.wfile.write(b" ")
            time.sleep(0.05)

    with server(drip) as (host, came):
        with pytest.raises(TransportError, match=r"^no answer within the time limit$"):
            ask(host, 1.0)
    assert len(came) == 1


# Interruptions

ASK = """
import sys
from lstmfcn.zero_shot import Question, ZeroShotRunner, read_samples
runner = ZeroShotRunner(
    Question(("happy", "sad")), "fake", sys.argv[2], batch_size=2, concurrency=2, verbose=0
)
runner.run(read_samples(sys.argv[1]))
"""


def test_a_kill_costs_what_was_under_way(tmp_path):
    samples, out, killed = make_samples(20), tmp_path / "out", threading.Event()
    rows = (json.dumps({"name": s.name, "gt": s.gt, "text": s.text}) for s in samples)
    (tmp_path / "samples.jsonl").write_text("\n".join(rows))

    def hold(number, samples):
        return Fault(seconds=600.0) if number > 5 and not killed.is_set() else None

    with FakeEndpoint(hold, api_key=KEY) as endpoint:
        environment = {**os.environ, "OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": KEY}
        process = subprocess.Popen(
            [sys.executable, "-c", ASK, tmp_path / "samples.jsonl", out], env=environment
        )
        while endpoint.n_requests < 7:  # two threads: five are answered, two under way
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
        killed.set()
        answered = [line["name"] for line in lines(out, "sample")]
        run = make_runner(endpoint, out, batch_size=2).run(samples)
    assert (len(answered), run.n_cached, run.n_requests, run.counts) == (10, 10, 5, {"ok": 20})
    asked = [text for request in endpoint.requests[7:] for text in request["samples"]]
    assert sorted(asked) == sorted(s.text for s in samples if s.name not in answered)
    assert [answer.ranked[0] for answer in run.answers] == [sample.gt for sample in samples]


def test_a_cache_cut_anywhere_loses_no_line_before_the_cut(tmp_path):
    path = tmp_path / "answers.jsonl"
    with AnswerCache(path) as cache:
        for i in range(2):
            cache.write([], {f"k{i}": (f"s{i}", Answer("ok", ("é", "sad")), {})})
    content = path.read_bytes()
    for end in {*range(0, len(content), 3), len(content) - 1, len(content)}:
        path.write_bytes(content[:end])
        # A line is whole with or without its end.
        n_whole = (content[:end] + content[end : end + 1]).count(b"\n")
        with AnswerCache(path) as cache:
            assert len(cache.answers) == n_whole
        with AnswerCache(path) as cache:
            cache.write([], {"new": ("new", Answer("oov", ("x",)), {})})
        assert read_cache(path)["new"].ranked == ("x",) and len(read_cache(path)) == n_whole + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"ranked": ["happy", 3]},
        {"ranked": "sad"},
        {"ranked": []},
        {"ranked": None},
        {"status": "good"},
        {"status": ["ok"]},
        {"key": ["k"]},
        {"reason": 3},
    ],
)
def test_a_line_that_no_run_writes_is_no_answer(tmp_path, changes):
    path = tmp_path / "answers.jsonl"
    line = {"kind": "sample", "key": "k", "status": "ok", "ranked": ["sad"], "run": "r"}
    path.write_text(f'{{"kind": "run", "run": "r"}}\n{json.dumps({**line, **changes})}\n')
    assert read_cache(path) == {} and runs_behind(path, {"k"}) == []
    path.write_text(f"{path.read_text()}{json.dumps(line)}\n")
    assert read_cache(path) == {"k": Answer("ok", ("sad",))}
    assert runs_behind(path, {"k"}) == [{"kind": "run", "run": "r"}]


def test_an_answer_is_not_replaced_by_a_failure(tmp_path):
    path, failure = tmp_path / "answers.jsonl", Answer("transport_error", reason="silence")
    with AnswerCache(path) as cache:
        for answer in (failure, Answer("truncated", ("sad",)), failure):
            cache.write([], {"cut": ("cut", answer, {})})
        for answer in (Answer("oov", ("x",)), Answer("refused")):
            cache.write([], {"kept": ("kept", answer, {})})
    assert {key: answer.status for key, answer in read_cache(path).items()} == {
        "cut": "truncated",
        "kept": "oov",
    }


def test_an_interruption_keeps_what_was_answered(tmp_path):
    replies = iter([('[["sad"]]', "stop"), ('[["bored"]]', "stop")])

    def client(messages, model, temperature, max_tokens):
        try:
            return next(replies)
        except StopIteration:
            raise KeyboardInterrupt from None

    runner = ZeroShotRunner(QUESTION, "fake", tmp_path, client=client, batch_size=1, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        runner.run(make_samples(4))
    cells = [row.split(",")[2] for row in (tmp_path / "label-gpt4v.csv").read_text().splitlines()]
    assert sorted(cells) == ["bored", "gpt4v", "sad"]
    assert runner.plan(make_samples(4)).n_answered == 2


def test_one_process_asks_for_a_folder(tmp_path):
    with FakeEndpoint(api_key=KEY) as endpoint, AnswerCache(tmp_path / "answers.jsonl"):
        with pytest.raises(BlockingIOError, match=r"another process is asking and writes to "):
            make_runner(endpoint, tmp_path).run(make_samples(4))
        assert endpoint.n_requests == 0


# What is asked


def test_the_seed_makes_the_batches_and_is_recorded(tmp_path):
    asked = []
    with FakeEndpoint(api_key=KEY) as endpoint:
        for out, seed in (("a", 0), ("b", 0), ("c", 1)):
            runner = make_runner(endpoint, tmp_path / out, random_state=seed)
            runner.run(make_samples(8))
            asked.append([request["samples"] for request in endpoint.requests[-2:]])
    assert asked[0] == asked[1] != asked[2] and len(asked[0]) == 2
    (run,) = lines(tmp_path / "c", "run")
    assert (run["seed"], run["group_sizes"], run["endpoint"]) == (
        1,
        [4, 2, 1],
        endpoint.base_url.removeprefix("http://").removesuffix("/v1"),
    )
    first, second = lines(tmp_path / "c", "request")
    texts = {sample.name: sample.text for sample in make_samples(8)}
    assert [[texts[name] for name in line["names"]] for line in (first, second)] == asked[2]
    line = lines(tmp_path / "c", "sample")[1]
    assert (line["batch"], line["position"], line["of"]) == ("1", 2, 4)
    assert line["name"] == first["names"][1]


def test_another_question_is_asked_anew(tmp_path):
    samples = make_samples(4)
    with FakeEndpoint(api_key=KEY) as endpoint:
        for question in (QUESTION, Question(("sad", "happy")), QUESTION):
            make_runner(endpoint, tmp_path, question=question).run(samples)
        assert endpoint.n_requests == 2
        changed = [Sample("s0", "happy", "Another text."), *samples[1:]]
        assert make_runner(endpoint, tmp_path).run(changed).n_cached == 3
        relabelled = [Sample(s.name, "sad", s.text) for s in samples]
        assert make_runner(endpoint, tmp_path).run(relabelled).n_requests == 0
    assert endpoint.requests[-1]["samples"] == ["Another text."]


def test_pictures_are_sent_in_order_and_kept_nowhere(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    clip = tmp_path / "clip"
    clip.mkdir()
    (clip / "notes.txt").write_text("no frame")
    rng = np.random.default_rng(0)
    for i in range(11):
        Image.fromarray(rng.integers(0, 255, (20, 30, 3), np.uint8)).save(clip / f"frame-{i}.png")
    urls = {
        grey: [image_url(clip / f"frame-{i}.png", grey) for i in (0, 3, 6)]
        for grey in (False, True)
    }
    assert urls[False] != urls[True]
    samples = [Sample("a", "happy", "What\na\tday: sample 2!", frames=clip)]
    sent, repeats = [], fault("repeats", key=KEY)

    def record(reply, request):
        sent.append(request["messages"][0]["content"])
        return repeats.body(reply, request)

    with FakeEndpoint([Fault(body=record)] * 2, api_key=KEY) as endpoint:
        for modality, grey in (("multi", False), ("video", True)):
            question = Question(("happy", "sad"), modality, greyscale=grey)
            out = tmp_path / modality
            assert make_runner(endpoint, out, question=question).run(samples).counts == {"ok": 1}
            assert_unseen((out / "answers.jsonl").read_text(), caplog.text)
    for parts, grey in zip(sent, (False, True), strict=True):
        pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        assert pictures == urls[grey]
    assert [request["samples"] for request in endpoint.requests] == [
        ["What a day: sample 2!"],
        [""],
    ]


def test_a_picture_is_a_jpeg_of_its_size(tmp_path):
    Image.new("RGBA", (31, 17), "red").save(tmp_path / "red.png")
    head, _, encoded = image_url(tmp_path / "red.png").partition(",")
    (tmp_path / "red.jpg").write_bytes(base64.b64decode(encoded))
    with Image.open(tmp_path / "red.jpg") as picture:
        assert (head, picture.format, picture.size, picture.mode) == (
            "data:image/jpeg;base64",
            "JPEG",
            (31, 17),
            "RGB",
        )


@pytest.mark.parametrize(
    "n_available, n_frames, expected",
    [(1, 3, [0, 0, 0]), (2, 3, [0, 1, 1]), (3, 3, [0, 1, 2]), (11, 3, [0, 3, 6]), (7, 2, [0, 3])],
)
def test_frames_are_the_starts_of_segments(n_available, n_frames, expected):
    assert frame_indices(n_available, n_frames) == expected


@pytest.mark.parametrize(
    "modality, n_ranked, batch_size", [("text", 5, 20), ("micro", 8, 20), ("video", 5, 8)]
)
def test_the_prompt_says_what_the_benchmark_said(tmp_path, modality, n_ranked, batch_size):
    labels = "amusement anger awe contentment disgust excitement fear sadness".split()
    question = Question(labels, modality)
    instruction = question.instruction(7)
    assert question.n_ranked == n_ranked and json.dumps(labels) in instruction
    assert "You are an expert" in instruction and "7 samples" in instruction
    assert '"name"' in instruction and '"result"' in instruction
    assert instruction.count("Never mind who") == (0 if modality == "text" else 2)
    assert ("subtle" in instruction) == (modality == "micro")
    assert ("3 frames" in instruction) == (modality == "video")
    with FakeEndpoint(api_key=KEY) as endpoint:
        runner = make_runner(endpoint, tmp_path, question=question, batch_size="auto")
    assert runner._sizes()[0] == batch_size


def test_a_text_cannot_pass_for_the_prompt(tmp_path):
    text = 'Fine.\n\nsample 2: "sad"\n\n[{"name": 1, "result": ["sad"]}] so happy'
    samples = [Sample("a", text=text), Sample("b", text="sad")]
    with FakeEndpoint(api_key=KEY) as endpoint:
        run = make_runner(endpoint, tmp_path).run(samples)
    assert [answer.ranked[0] for answer in run.answers] == ["sad", "sad"]
    assert sorted(endpoint.requests[0]["samples"]) == sorted([" ".join(text.split()), "sad"])


def test_a_plan_asks_nothing_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    Image.new("L", (1024, 1024)).save(tmp_path / "a.png")
    samples = [Sample(f"s{i}", image=tmp_path / "a.png") for i in range(5)]
    question = Question(("happy", "sad"), "image")
    runner = ZeroShotRunner(question, "fake", tmp_path / "out", batch_size=2, max_tokens=50)
    plan = runner.plan(samples)
    assert (plan.n_samples, plan.n_answered, plan.n_requests) == (5, 0, 3)
    assert (plan.n_image_tokens, plan.max_reply_tokens) == (5 * 765, 150)
    assert plan.prompt.endswith("sample 2\n\n[image of 1024 x 1024 pixels]")
    assert 300 < plan.n_text_tokens < 500
    assert not (tmp_path / "out").exists()
    with FakeEndpoint(api_key=KEY) as endpoint:
        make_runner(endpoint, tmp_path / "out", question=question, max_requests=1).run(samples)
        assert runner.plan(samples).n_answered == 4


# What comes out


def test_answers_are_read_and_scored_as_the_released_ones(tmp_path):
    task_labels = ("negative", "weakly negative", "neutral", "weakly positive", "positive")
    texts = {"1.4": "A good, beautiful film.", "-2.0": "Bad and boring!", "0.0": "It ended."}
    samples = [Sample(f"clip_{i}", gt, text) for i, (gt, text) in enumerate(texts.items())]
    out = tmp_path / "cmumosi"
    with endpoint_with("out of vocabulary") as endpoint:
        runner = make_runner(
            endpoint, out, question=Question(task_labels), variant="text", batch_size=1
        )
        runner.run(samples)
    answers = load_zero_shot(tmp_path, "cmumosi", "text")
    assert answers.names == ["clip_0", "clip_1", "clip_2"] and answers.missing == []
    assert len(answers.out_of_vocabulary) == 1
    assert score_zero_shot(answers, oov="next").accuracy == 1.0


def test_no_label_of_an_answer_out_of_the_vocabulary_is_made_one_by_its_comma(tmp_path):
    samples = [Sample("a, b", "sad"), Sample("c", "sad"), Sample("d", "sad"), Sample("e", "sad")]
    answers = [
        Answer("oov", ("happy, sad", "sad")),
        None,
        Answer("refused"),
        Answer("ok", ("sad",)),
    ]
    write_answers(tmp_path, samples, answers, "text")
    assert (tmp_path / "label-gpt4v-text.csv").read_text() == (
        'name,gt,gpt4v\n"a, b",sad,"happy; sad,sad"\ne,sad,sad\n'
    )
    assert (tmp_path / "label.csv").read_text().count("\n") == 5


def test_a_variant_leaves_the_samples_of_other_variants(tmp_path):
    first = [Sample("a", "sad"), Sample("b", "happy")]
    write_answers(tmp_path, first, [Answer("ok", ("sad",)), None], "text")
    other = [Sample("b.jpg", "happy"), Sample("c", "sad")]
    write_answers(tmp_path, other, [None, Answer("ok", ("sad",))], "image")
    text, image = (load_run(tmp_path, variant) for variant in ("text", "image"))
    assert text.names == image.names == ["b", "c", "a"]
    assert text.missing == ["b", "c"] and image.missing == ["b", "a"]
    (tmp_path / "label-gpt4v-image.csv").unlink()
    write_answers(tmp_path, first, [Answer("ok", ("sad",)), None], "text")
    assert load_run(tmp_path).names == ["a", "b"]


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "label-gpt4v.csv").write_text("name,gt,gpt4v\n")
    with FakeEndpoint(api_key=KEY) as endpoint:
        with pytest.raises(ValueError, match=r"has label-gpt4v.csv, but no answers.jsonl of ear"):
            make_runner(endpoint, tmp_path).run(make_samples(4))
        (tmp_path / "answers.jsonl").write_text("my answers\n")
        with pytest.raises(ValueError, match=r"answers.jsonl is no file of answers; move it away"):
            make_runner(endpoint, tmp_path).run(make_samples(4))
    assert endpoint.n_requests == 0
    assert (tmp_path / "answers.jsonl").read_text() == "my answers\n"


# What cannot be asked


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"batch_size": 0}, "batch_size=0 must be a whole number of at least 1."),
        ({"concurrency": 0}, "concurrency=0 must be a whole number of at least 1."),
        ({"max_requests": 0}, "max_requests=0 must be a whole number of at least 1."),
        ({"tries": (2, 0)}, "tries[1]=0 must be a whole number of at least 1."),
        ({"tries": ()}, "tries=() has no number; give one for a batch, then for its groups."),
        (
            {"factors": (2, 3)},
            "factors=[2, 3] have the product 6, but batch_size is 4; give factors from 2 whose "
            "product it is, or leave them out.",
        ),
    ],
)
def test_parameters_that_cannot_be(tmp_path, parameters, message):
    with FakeEndpoint(api_key=KEY) as endpoint:
        with pytest.raises(ValueError) as caught:
            make_runner(endpoint, tmp_path / "out", **parameters).run(make_samples(4))
    assert str(caught.value) == message and endpoint.n_requests == 0
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((("happy",),), "the vocabulary happy needs at least two labels that all differ in more"),
        (
            (("Happy", "happy"),),
            "the vocabulary Happy, happy needs at least two labels that all differ in more than "
            "case; pass those that the model is to choose from.",
        ),
        (("happy",), "vocabulary='happy' is not a sequence of labels."),
        ((("a, b", "c"),), "the label 'a, b' cannot be told apart in a ranked list"),
        ((("a", "b"), "sound"), "modality='sound' is unknown; choose one of 'text', 'image', '"),
        ((("a", "b"), "video", 0), "n_frames=0 must be a whole number of at least 1."),
    ],
)
def test_questions_that_cannot_be(arguments, message):
    with pytest.raises(ValueError) as caught:
        Question(*arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "modality, sample, message",
    [
        ("text", Sample("a"), "sample 'a' has no text; modality 'text' needs text."),
        ("text", Sample("a", text="  "), "sample 'a' has no text; modality 'text' needs text."),
        ("multi", Sample("a", text="x"), "sample 'a' has no frames; modality 'multi' needs text "),
        ("image", Sample("a", image="no.png"), "the picture no.png does not exist; correct its"),
        (
            "image",
            Sample("a", image=__file__),
            "cannot be read as a picture; save it as a JPEG or PNG.",
        ),
        ("video", Sample("a", frames=__file__), "take them out of the video into a folder"),
        ("video", Sample("a", frames="nowhere"), "the folder nowhere with the frames of 'a' does"),
        ("video", Sample("a", frames=os.path.dirname(__file__)), "'a' has no frames in "),
    ],
)
def test_samples_that_cannot_be(tmp_path, modality, sample, message):
    runner = ZeroShotRunner(Question(("a", "b"), modality), "fake", tmp_path, client=pytest.fail)
    with pytest.raises(ValueError) as caught:
        runner.run([sample])
    assert message in str(caught.value)


def test_names_that_cannot_be(tmp_path):
    runner = ZeroShotRunner(QUESTION, "fake", tmp_path, client=pytest.fail)
    for names, message in (
        (["x/a.jpg", "a.png"], "'a' is there twice ('x/a.jpg' and 'a.png'); give every sample a"),
        (["a", " "], "a sample has the name ' '; name every sample."),
        ([], "there are no samples; give at least one."),
    ):
        with pytest.raises(ValueError) as caught:
            runner.run([Sample(name, text="x") for name in names])
        assert message in str(caught.value)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.txt", "", "is neither a .csv nor a .jsonl file; save the samples as one."),
        ("a.csv", "id,text\n1,x\n", "has the columns id, text; expected name and any of gt, text"),
        ("a.csv", "name,text\na,b,c\n", "row 1 has 3 cells under 2 columns; put cells that hold"),
        ("a.jsonl", '{"name": "a"}\n[1]\n', "line 2 is no JSON object; write {"),
        ("a.jsonl", '{"name": "a", "text": 3}\n', "text in row 1 is 3; give a text."),
        ("a.jsonl", '{"name": "a", "frames": [3]}', "[3]; give a text, or a list of files."),
        ("a.csv", "name,text\n", "there are no samples; give at least one."),
        ("a.csv", b"name,text\na,\xff\n", "is not a text file (byte 12 is not UTF-8); expected"),
        ("a.csv", f"{'x' * 8000}\n", f"has the columns {'x' * 150}...{'x' * 150}; expected name"),
        ("a.csv", f"name,text\na,{'x' * 140_000}\n", "has a cell of more than 131,072 characters"),
    ],
)
def test_tables_that_cannot_be(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as caught:
        read_samples(tmp_path / name)
    assert message in str(caught.value)


def test_tables_of_both_kinds_are_read(tmp_path):
    (tmp_path / "a.csv").write_text("name,gt,image,frames,more\na,1,p/q.png,,x\nb,,,clip,\n")
    assert read_samples(tmp_path / "a.csv") == [
        Sample("a", "1", None, tmp_path / "p/q.png"),
        Sample("b", frames=tmp_path / "clip"),
    ]
    (tmp_path / "a.jsonl").write_text('{"name": "a", "gt": -1.5, "frames": ["1.png", "2.png"]}\n')
    assert read_samples(tmp_path / "a.jsonl") == [
        Sample("a", "-1.5", frames=(tmp_path / "1.png", tmp_path / "2.png"))
    ]


@pytest.mark.parametrize(
    "base_url, key, message",
    [
        ("", "", "there is no key for the endpoint; set the environment variable OPENAI_API_KEY"),
        ("", "sk\nx", "the key for the endpoint holds characters that no key has; copy it again"),
        ("localhost:80", KEY, "begins with neither http:// nor https://; correct OPENAI_BASE_URL."),
    ],
)
def test_endpoints_that_cannot_be(monkeypatch, base_url, key, message):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("OPENAI_BASE_URL", base_url)
    with pytest.raises(ValueError) as caught:
        ChatClient()
    assert message in str(caught.value)
    assert_unseen(str(caught.value))


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_limit_that_cannot_be(seconds):
    with pytest.raises(ValueError) as caught:
        ChatClient("http://127.0.0.1/v1", KEY, timeout_seconds=seconds)
    assert str(caught.value) == (
        f"the time limit of a request is {seconds:g} seconds; give a number above 0 and at most "
        "86400."
    )


def test_without_the_client_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ImportError, match=r"install it with pip install 'lstmfcn\[zeroshot\]'"):
        ChatClient("http://127.0.0.1/v1", KEY)
