"""
Ask a language model
====================

``ZeroShotRunner`` asks a model on an endpoint about samples, keeps every answer, and never asks
twice. The endpoint here comes with the package, needs no key, and counts words. For a real one set
OPENAI_BASE_URL and OPENAI_API_KEY, leave out ``client=``, and name its model. Needs
``lstmfcn[zeroshot]``.
"""

import tempfile

from sklearn.metrics import ConfusionMatrixDisplay

from lstmfcn.zero_shot import (
    ChatClient,
    FakeEndpoint,
    Question,
    Sample,
    ZeroShotRunner,
    ZeroShotTask,
    read_zero_shot,
    score_zero_shot,
)

vocabulary = ("happy", "sad", "angry", "worried")
texts = {
    "happy": [
        "We laughed until the sun came up.",
        "What a lovely evening, I enjoyed every minute!",
        "She smiled at the letter.",
        "At last we won the cup.",
    ],
    "sad": [
        "I cried when the house was sold.",
        "He has lost his oldest friend.",
        "Nobody came, and she ate alone.",
        "I miss the sea.",
    ],
    "angry": [
        "They shouted at the referee.",
        "I am furious about the bill.",
        "How unfair, we were first in line!",
        "Who laughed at the back? Out!",  # counting words is not reading
    ],
    "worried": [
        "I am afraid he missed the train.",
        "She was nervous before the exam.",
        "They feel uneasy about the noise in the cellar.",
        "The doctor has not called, I am anxious.",
    ],
}
samples = [
    Sample(f"{label}-{i}", gt=label, text=text)
    for label in vocabulary
    for i, text in enumerate(texts[label])
]

with tempfile.TemporaryDirectory() as out, FakeEndpoint() as endpoint:
    runner = ZeroShotRunner(
        Question(vocabulary),
        "fake",
        out,
        client=ChatClient(endpoint.base_url, endpoint.api_key),
        batch_size=8,
    )
    plan = runner.plan(samples)
    print(f"{plan.prompt}\n\n{plan.n_requests} requests, about {plan.n_text_tokens} tokens")
    run = runner.run(samples)
    print(f"answers: {run.counts}, after {run.n_requests} requests")
    again = runner.run(samples)
    print(f"called again: {again.n_requests} requests, {again.n_cached} answers are kept")
    task = ZeroShotTask("texts", vocabulary)
    answers = read_zero_shot(f"{out}/label-gpt4v.csv", f"{out}/label.csv", task)

score = score_zero_shot(answers)
print(f"accuracy of the zero-shot answers: {score.accuracy:.3f}")
matrix = score.matrix[:, :-1]  # without the column of answers out of the vocabulary
_ = ConfusionMatrixDisplay(matrix, display_labels=vocabulary).plot(cmap="Greys", colorbar=False)
