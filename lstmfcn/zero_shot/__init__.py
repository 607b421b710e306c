"""How good are zero-shot answers to emotion datasets, and is a trained classifier better?"""

from lstmfcn.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "lstmfcn.zero_shot.ask.answers": ("Answer", "parse_answers"),
        "lstmfcn.zero_shot.ask.client": ("ChatClient", "EndpointError"),
        "lstmfcn.zero_shot.score.compare": ("ZeroShotComparison", "compare_to_zero_shot"),
        "lstmfcn.evaluation.paired": ("mcnemar",),
        "lstmfcn.zero_shot.ask.fake_endpoint": ("FakeEndpoint", "Fault"),
        "lstmfcn.zero_shot.own_runs": ("load_run",),
        "lstmfcn.zero_shot.score.files": (
            "ZeroShotAnswers",
            "answers_from_counts",
            "load_zero_shot",
            "read_zero_shot",
            "shared_samples",
        ),
        "lstmfcn.zero_shot.ask.prompts": ("Question",),
        "lstmfcn.zero_shot.ask.runner": ("ZeroShotPlan", "ZeroShotRun", "ZeroShotRunner"),
        "lstmfcn.zero_shot.ask.samples": ("Sample", "read_samples"),
        "lstmfcn.zero_shot.score.scores": (
            "ZeroShotScore",
            "score_zero_shot",
            "zero_shot_baselines",
        ),
        "lstmfcn.zero_shot.score.table": ("zero_shot_remarks", "zero_shot_table"),
        "lstmfcn.zero_shot.score.tasks": ("TASKS", "ZeroShotTask", "zero_shot_task"),
    },
)
