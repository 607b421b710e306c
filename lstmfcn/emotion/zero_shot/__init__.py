"""How good are zero-shot answers to emotion datasets, and is a trained classifier better?

Public names are imported at first use (PEP 562).
"""

import importlib

_MODULES = {
    "answers": ("Answer", "parse_answers"),
    "client": ("ChatClient", "EndpointError"),
    "compare": ("ZeroShotComparison", "compare_to_zero_shot", "mcnemar"),
    "fake_endpoint": ("FakeEndpoint", "Fault"),
    "files": ("ZeroShotAnswers", "answers_from_counts", "load_zero_shot", "read_zero_shot"),
    "join": ("shared_samples",),
    "prompts": ("Question",),
    "runner": ("ZeroShotPlan", "ZeroShotRun", "ZeroShotRunner"),
    "samples": ("Sample", "read_samples"),
    "scores": ("ZeroShotScore", "score_zero_shot", "zero_shot_baselines"),
    "table": ("zero_shot_remarks", "zero_shot_table"),
    "tasks": ("TASKS", "ZeroShotTask", "zero_shot_task"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"lstmfcn.emotion.zero_shot.{_HOME[name]}"), name)
    raise AttributeError(f"module 'lstmfcn.emotion.zero_shot' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
