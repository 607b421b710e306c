"""Is a reply read as it was meant, or not at all? Replies of models, good, bad and hostile."""

import json
import subprocess
import sys

import pytest

from lstmfcn.zero_shot.ask.answers import STATUSES, Answer, parse_answers

VOCABULARY = ("happy", "sad", "weakly negative")
BOTH = [("ok", ("happy", "sad")), ("ok", ("sad",))]


def read(reply, n_samples=2, finish_reason="stop"):
    answers = parse_answers(reply, n_samples, VOCABULARY, finish_reason)
    assert len(answers) == n_samples
    return [(answer.status, answer.ranked) for answer in answers]


def records(*pairs):
    return json.dumps([{"name": name, "result": result} for name, result in pairs])


GOOD = records((1, ["happy", "sad"]), (2, ["sad"]))


@pytest.mark.parametrize(
    "reply",
    [
        GOOD,
        '[["happy", "sad"], ["sad"]]',
        json.dumps({"answers": json.loads(GOOD)}),
        json.dumps({"1": ["happy", "sad"], "2": ["sad"]}),
        json.dumps({"Sample 2": ["sad"], "Sample 1": ["happy", "sad"]}),
        "\n".join(json.dumps(record) for record in json.loads(GOOD)),
        f"Sure, here they are:\n\n```json\n{GOOD}\n```\nAnything else?",
        f"Output: {GOOD}",
        "output:[['happy', 'sad'], ['sad']]",
        "[{'name': 'sample 1', 'result': ['happy', 'sad',]}, {'name': '2', 'result': ['sad']},]",
        "[{name: 1, result: [happy, sad]}, {name: 2, result: [sad]}]",
        '{"name": 1, "result": [\u201chappy\u201d, \u201csad\u201d]} {"name": 2, "result": [sad]}',
        "1. [happy, sad]\n2. [sad]",
        'Sample 2: ["sad"]\nSample 1: ["happy", "sad"]',
        records(("2", ["sad"]), ("1", ["happy", "sad"])),
        records((1, "happy, sad"), (2, "sad")),
        records((1, ["HAPPY", " Sad "]), (2, ["\uff33\uff41\uff44\u200b"])),
        records(("boy.jpg", ["happy", "sad"]), ("girl.jpg", ["sad"])),
        records((1, ["happy", "Happy", "", "sad"]), (2, ["sad", "sad"])),
        f"The categories are {json.dumps(VOCABULARY)}, as in [1]. {GOOD}",
        f"I can't be certain, but: {GOOD}",
        GOOD[:-1],
        GOOD.replace('"result"', '"text": "my [result] and {name}", "result"'),
        "[[happy, sad], [sad]]",
    ],
)
def test_what_is_meant_is_read(reply):
    assert read(reply) == BOTH


@pytest.mark.parametrize("before", ["", "The lists:\n", "1: ", "sample 1: "])
def test_labels_in_the_order_of_the_prompt_are_an_answer(before):
    second = "2: " if before.endswith(": ") else ""
    reply = f'{before}{json.dumps(VOCABULARY)}\n{second}["sad"]'
    assert read(reply) == [("ok", VOCABULARY), ("ok", ("sad",))]


DRAFT = records((1, ["sad"]), (2, ["happy"]))


@pytest.mark.parametrize(
    "reply",
    [
        f"<think>\nI can't be sure: {DRAFT}\n</think>\n\n{GOOD}",
        f"<think></think>{GOOD}",
        f"<THINKING>{DRAFT}</Thinking>Output: {GOOD}",
        f"<think>{DRAFT}</think>Again.<think>[[sad]]</think>\n```json\n{GOOD}\n```",
        f"<think>one <think>{DRAFT}</think> {DRAFT} </think>{GOOD}",
        f"{DRAFT} No, the other way round.</think>{GOOD}",
        f"<think>The first one is glad.\n{GOOD}",
        f"{GOOD}<think>That was easy.",
        f"First I thought {DRAFT}.\n\n**Final Answer:**\n{GOOD}",
        f"<think>{DRAFT}\n\n## Final answer\n\n[[happy, sad], [sad]]",
        f"Final answer: {DRAFT}? No. Final answer: {GOOD}",
        f"{DRAFT} <answer>{GOOD}</answer>",
        *(
            f"<{name}>{DRAFT}</{name}>\n{GOOD}"
            for name in (
                "thought",
                "Reasoning",
                "reflection",
                "analysis",
                "scratchpad",
                "seed:think",
            )
        ),
        f'<think lang="en">{DRAFT}</think>{GOOD}',
        f"<|begin_of_thought|>{DRAFT}<|end_of_thought|><|begin_of_solution|>{GOOD}",
        f"<\uff5cbegin\u2581of\u2581thought\uff5c>{DRAFT}<\uff5cend\u2581of\u2581thought\uff5c>{GOOD}",
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final"
        f"<|message|>{GOOD}<|return|>",
        f"\u25c1think\u25b7{DRAFT}\u25c1/think\u25b7{GOOD}",
        f"[THINK]{DRAFT}[/THINK]{GOOD}",
        f"{DRAFT}? No.\nAnswer: {GOOD}",
        f"Perhaps {DRAFT}\n\n**Final ranking:** {GOOD}",
        f"{DRAFT}\n## Conclusion:\n{GOOD}",
        f"{DRAFT}\n\u6700\u7ec8\u7b54\u6848\uff1a{GOOD}",
        f"{DRAFT} is wrong. Final answer:\n1. happy, sad\n2. sad",
        f"{DRAFT} is wrong. Final answers:\n- 2: Sad\n- 1: **happy** > sad",
        f"{GOOD}\n\nThis is my final answer.",
        f"{GOOD}\n\nThis is my final answer: she is happy, he is sad.",
        records((1, ["happy", "sad"]), (2, ["sad"])).replace(
            '": 2', '": 2, "text": "final answer"'
        ),
        json.dumps({"final answer": json.loads(GOOD)}),
    ],
)
def test_what_was_thought_before_the_answer_is_not_read(reply):
    assert read(reply) == BOTH


@pytest.mark.parametrize(
    "reply, finish_reason, status",
    [
        (f"<think>Perhaps {GOOD}", "length", "truncated"),
        (f"<think>Perhaps {GOOD}, but I am not sure", "stop", "parse_error"),
        (f"<think>{GOOD}</think>", "stop", "parse_error"),
        (f"<think>{GOOD}</think>I'm sorry, I can't tell.", "stop", "refused"),
        (f"Perhaps {GOOD}. Final answer: I cannot tell.", "stop", "refused"),
        (f"Perhaps {GOOD}. Final answer: the first is weakly negative.", "stop", "parse_error"),
        ("Final answer: 1. happy 2. sad", "stop", "parse_error"),
        ("Final answer:\n1. happy\n3. sad", "stop", "parse_error"),
    ],
)
def test_a_thought_is_no_answer(reply, finish_reason, status):
    assert read(reply, finish_reason=finish_reason) == [(status, ())] * 2


@pytest.mark.parametrize(
    "reply",
    [
        "The final answer is happy, sad.",
        "So it is \\boxed{\\text{happy}, sad}",
        "I thought of [sad]. Final answer: happy, sad",
        "<output>\nhappy, sad\n</output>",
    ],
)
def test_a_final_answer_needs_no_brackets(reply):
    assert read(reply, 1) == BOTH[:1]


def test_a_reply_that_ends_in_a_thought_tells_the_remedy():
    (answer,) = parse_answers("<think>Let me see", 1, VOCABULARY, "length")
    assert answer.status == "truncated"
    assert answer.reason == "the reply ends within a thought; ask with a larger max_tokens"


@pytest.mark.parametrize(
    "reply",
    [
        records((1, ["happy"])),
        records((1, ["happy"]), (2, ["sad"]), (3, ["sad"])),
        records((1, ["happy"]), (1, ["sad"])),
        records((0, ["happy"]), (1, ["sad"])),
        records((1, ["happy"]), (3, ["sad"])),
        records((1, ["happy"]), ("girl", ["sad"])),
        '[["happy"]]',
        '["happy", "sad"]',
        '[{"name": 1, "result": ["happy"], "result": ["sad"]}]',
        "Sample 1: [happy]\nSample 1: [sad]",
        '{"1": ["happy"], "01": ["sad"]}',
        f'The categories are {json.dumps(VOCABULARY)}.\n["sad"]',
        f'["sad"]\nI chose from {json.dumps(VOCABULARY)}.',
        "I rank [happy, sad, weakly negative] as follows:\n[sad]",
        "Both look happy.",
        "{'a', 'b'}",
        "[[[[1, 2]]]]",
        "null",
        "[]",
        "",
    ],
)
def test_what_cannot_be_read_is_an_answer_to_no_sample(reply):
    assert read(reply, finish_reason="length") == [("truncated", ())] * 2
    assert read(reply) == [("parse_error", ())] * 2


@pytest.mark.parametrize(
    "item, status, ranked",
    [
        (["Bewildered", "happy"], "oov", ("Bewildered", "happy")),
        (["happy", "bewildered"], "ok", ("happy", "bewildered")),
        (["happy, sad"], "oov", ("happy, sad",)),
        (["Sorry"], "oov", ("Sorry",)),
        (["\ud800", "happy"], "ok", ("happy",)),
        ([], "refused", ()),
        ([""], "refused", ()),
        (None, "refused", ()),
        ("I'm sorry, I can't tell.", "refused", ()),
        (["I cannot help with that", "happy"], "refused", ()),
        ("happy, I think", "parse_error", ()),
        (["happy", 0.9], "parse_error", ()),
        (["happy", None], "parse_error", ()),
        (["1", "2"], "parse_error", ()),
        (["Weakly  Negative"], "ok", ("weakly negative",)),
    ],
)
def test_one_sample_spoils_no_other(item, status, ranked):
    assert read(records((1, item), (2, ["sad"]))) == [(status, ranked), ("ok", ("sad",))]


@pytest.mark.parametrize(
    "reply, ranked",
    [
        (GOOD[: GOOD.rfind('"')], ()),
        (GOOD[: GOOD.rfind("]") - 2], ("sad",)),
        (GOOD.replace('["sad"]}]', '["sad", "weakly'), ("sad",)),
        ("[[happy, sad], [sad, weak", ("sad",)),
        ("[['happy', 'sad'], ['sad', 'weakly", ("sad",)),
    ],
)
@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_a_cut_list_is_told_apart_and_its_last_item_dropped(reply, ranked, finish_reason):
    expected = [("ok", ("happy", "sad")), ("truncated", ranked)]
    assert read(reply, finish_reason=finish_reason) == expected


def test_a_list_without_an_end_spoils_no_other():
    reply = '[{"name": 1, "result": ["happy"}, {"name": 2, "result": ["sad"]}]'
    assert read(reply) == [("parse_error", ()), ("ok", ("sad",))]


@pytest.mark.parametrize(
    "reply, n_samples, finish_reason",
    [
        ("I'm sorry, but I can't help with that.", 20, "stop"),
        ("I can\u2019t identify people in pictures.", 1, "stop"),
        ("\u62b1\u6b49 ...", 2, "stop"),
        ('I cannot choose between ["happy", "sad"].', 1, "stop"),
        ("Unable to choose among [happy, sad].", 1, "stop"),
        (f"Sorry! {records((1, ['happy']))}", 2, "stop"),
        (GOOD, 2, "content_filter"),
        ("", 3, "content_filter"),
    ],
)
def test_a_refusal_is_none_of_the_labels_it_names(reply, n_samples, finish_reason):
    assert read(reply, n_samples, finish_reason) == [("refused", ())] * n_samples


def test_reasons_say_what_came_and_what_was_expected():
    cases = {
        '[["happy"]]': "lists in the reply: 1, expected 2",
        records((1, ["sad"]), (1, ["sad"])): "the lists have the numbers 1, 1; expected 1 to 2",
        "": "the reply is empty",
        "happy": "the reply has no list of labels",
        '[["sad"], [""]] or [["sad"], ["happy"]]': "the reply can be read in two ways that differ",
    }
    for reply, reason in cases.items():
        assert parse_answers(reply, 2, VOCABULARY)[0] == Answer("parse_error", reason=reason)
    long = parse_answers("x" * 200_000, 2, VOCABULARY)[0].reason
    assert long == "the reply has 200000 characters; no more than 100000 are read"


HOSTILE = [
    "[" * 99_999,
    "[" * 49_000 + "]" * 49_000,
    '{"a":' * 20_000,
    '{"result":[' * 9_000,
    '["a" ' * 20_000,
    "[' ]" * 20_000,
    "[1," * 30_000,
    "[[" + "-" * 90_000 + "]]",
    "[" + "9" * 90_000 + "]",
    "['" + "\\'" * 45_000,
    "[]" * 49_000,
    "name [ " * 14_000,
    "name" + " " * 99_000,
    "result " * 14_000,
    "\n[ " * 30_000,
    "\n```" * 24_000 + "x",
    "a\n" + " " * 99_000 + "[]",
    "sample " + '"' * 99_000 + "[]",
    '{"name": ' + "9" * 50_000 + ', "result": ["sad"]}',
    '{"name": 1e999, "result": [NaN, Infinity]}',
    '{"name": true, "result": {"result": {"result": []}}}',
    "\x00[\x00]\x00",
    "[\ud800]",
    "<think>" * 14_000,
    "</think><think>[1]" * 5_000,
    "final answer [" * 7_000,
    "<think" + " " * 99_000,
]


READ = """
import json, sys
from lstmfcn.zero_shot.ask.answers import parse_answers
replies = json.load(sys.stdin)
answers = [[parse_answers(r, n, ("happy", "sad")) for n in (1, 3)] for r in replies]
print(json.dumps([[[(a.status, a.ranked) for a in part] for part in both] for both in answers]))
"""


def test_hostile_replies_neither_hang_the_reader_nor_become_labels():
    done = subprocess.run(
        [sys.executable, "-c", READ],
        input=json.dumps(HOSTILE),
        capture_output=True,
        text=True,
        check=True,
        timeout=900,  # against hanging: they take a second
    )
    found = json.loads(done.stdout)
    assert len(found) == len(HOSTILE)
    for reply, both in zip(HOSTILE, found, strict=True):
        for status, ranked in (answer for part in both for answer in part):
            assert (status in STATUSES and status != "ok") or ranked == ["sad"], reply[:20]
            "".join(ranked).encode("utf-8")


def test_no_cut_of_a_good_reply_gives_a_wrong_label():
    whole = parse_answers(GOOD, 2, VOCABULARY)
    for end in range(len(GOOD)):
        for answer, true in zip(
            parse_answers(GOOD[:end], 2, VOCABULARY, "length"), whole, strict=True
        ):
            assert answer.ranked == true.ranked[: len(answer.ranked)]
            assert answer == true or answer.status == "truncated"
