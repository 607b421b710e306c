"""How is a model asked from a shell? `lstmfcn emotion zero-shot run`."""

import contextlib

from lstmfcn.cli_arguments import at_least, to_number, to_path

__all__ = ["add_zero_shot_run"]

MODALITIES = ("text", "image", "evoke", "micro", "video", "multi")


def add_zero_shot_run(commands):
    """Add ``run`` to the commands of ``lstmfcn emotion zero-shot``.

    Parameters
    ----------
    commands : what ``add_subparsers`` returns
    """
    run = commands.add_parser(
        "run",
        help="ask a model on an endpoint about your samples",
        description="Ask a model on any endpoint with chat completions which label fits each "
        "sample. The endpoint is the one in the environment variables OPENAI_BASE_URL and "
        "OPENAI_API_KEY. Called again, it asks about the samples without an answer.",
    )
    run.add_argument(
        "--samples",
        type=to_path,
        metavar="FILE",
        required=True,
        help=".csv or .jsonl file with the columns name, gt, text, image, frames",
    )
    run.add_argument(
        "--vocabulary",
        metavar="A,B",
        required=True,
        help="the labels to choose from, or one of the 19 datasets: cmumosi, ...",
    )
    run.add_argument("--modality", choices=MODALITIES, default="text", help="what a sample is")
    run.add_argument("--model", required=True, help="as the endpoint calls it")
    run.add_argument(
        "--out", type=to_path, required=True, help="folder for answers, of one dataset"
    )
    run.add_argument("--variant", default="", help="part of the file's name: label-gpt4v-VARIANT")
    run.add_argument("--frames", type=at_least(1), default=3, help="sent of each clip (default: 3)")
    run.add_argument("--grey", action="store_true", help="send pictures without colours")
    run.add_argument(
        "--batch-size",
        type=at_least(1),
        metavar="N",
        help="samples in a request (default: modality's)",
    )
    run.add_argument("--concurrency", type=at_least(1), default=1, metavar="N", help="default: 1")
    run.add_argument("--max-requests", type=at_least(1), metavar="N", help="end after as many")
    run.add_argument("--max-tokens", type=at_least(1), default=1000, metavar="N", help="of a reply")
    run.add_argument(
        "--max-completion-tokens",
        action="store_true",
        help="call that limit max_completion_tokens, as newer endpoints do",
    )
    run.add_argument(
        "--temperature", type=_temperature, default=0.0, help="a number, or none (default: 0)"
    )
    run.add_argument(
        "--timeout",
        type=to_number,
        default=120.0,
        metavar="SECONDS",
        help="of a request, from its first byte to the answer's last one (default: 120)",
    )
    run.add_argument(
        "--seed", type=at_least(0), default=0, help="of the order of samples (default: 0)"
    )
    run.add_argument("--dry-run", action="store_true", help="show the prompt and count its tokens")
    run.add_argument(
        "--fake", action="store_true", help="ask the endpoint that comes along, which counts words"
    )
    run.set_defaults(command=_run)


def _temperature(text):
    return None if text == "none" else to_number(text)


def _run(arguments):
    from lstmfcn.emotion.zero_shot.client import ChatClient
    from lstmfcn.emotion.zero_shot.prompts import Question
    from lstmfcn.emotion.zero_shot.runner import ZeroShotRunner
    from lstmfcn.emotion.zero_shot.samples import read_samples

    question = Question(
        _vocabulary(arguments.vocabulary), arguments.modality, arguments.frames, arguments.grey
    )
    samples = read_samples(arguments.samples)
    runner = ZeroShotRunner(
        question,
        arguments.model,
        arguments.out,
        batch_size=arguments.batch_size or "auto",
        concurrency=arguments.concurrency,
        max_requests=arguments.max_requests,
        temperature=arguments.temperature,
        max_tokens=arguments.max_tokens,
        random_state=arguments.seed,
        variant=arguments.variant,
    )
    if arguments.dry_run:
        return _print_plan(runner.plan(samples))
    with contextlib.ExitStack() as stack:
        base_url = api_key = None
        if arguments.fake:
            from lstmfcn.emotion.zero_shot.fake_endpoint import FakeEndpoint

            endpoint = stack.enter_context(FakeEndpoint())
            base_url, api_key = endpoint.base_url, endpoint.api_key
        runner.client = ChatClient(
            base_url,
            api_key,
            timeout_seconds=arguments.timeout,
            token_limit="max_completion_tokens"
            if arguments.max_completion_tokens
            else "max_tokens",
        )
        run = runner.run(samples)
    counts = ", ".join(f"{number} {status}" for status, number in run.counts.items())
    print(
        f"{len(samples)} samples: {counts}; {run.n_cached} were answered before, {run.n_requests} "
        f"requests now; files are in {arguments.out}/"
    )
    if run.ended_because:
        print(f"ended because {run.ended_because}; run it again to go on")
    return None


def _print_plan(plan):
    if plan.prompt:
        print(f"{plan.prompt}\n\n---")
    print(
        f"{plan.n_samples} samples, {plan.n_answered} of them answered before; "
        f"{plan.n_requests} requests if each is answered at once: about {plan.n_text_tokens} "
        f"tokens of text and {plan.n_image_tokens} of pictures, at most {plan.max_reply_tokens} "
        "of replies. Nothing was sent."
    )


def _vocabulary(text):
    """Return the labels in a text: some with commas, or the name of a dataset."""
    from lstmfcn.emotion.zero_shot.tasks import TASKS, zero_shot_task

    labels = [label.strip() for label in text.split(",") if label.strip()]
    if len(labels) > 1:
        return tuple(labels)
    try:
        return zero_shot_task(text).vocabulary
    except ValueError:
        raise ValueError(
            f"the vocabulary {text!r} is neither several labels with commas between them nor one "
            f"of the datasets {', '.join(TASKS)}."
        ) from None
