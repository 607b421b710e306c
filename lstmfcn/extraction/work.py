"""How are many clips worked on at a time, and what is wrong with them told together?"""

from lstmfcn.features.npy import Unusable
from lstmfcn.features.store import FeatureError
from lstmfcn.progress import tqdm
from lstmfcn.untrusted import listed
from lstmfcn.validation import check_counts
from lstmfcn.warning import warn


def outcomes(function, jobs, *, n_jobs, title, verbose, prefer="processes"):
    """Yield (clip, what function(job) returned or the Unusable it raised), whichever is first.

    `jobs` is a dict of clip to job. A bar shows how long it will take.
    """
    from joblib import Parallel, delayed

    if n_jobs == 1 or len(jobs) < 2:
        found = (_outcome(function, *item) for item in jobs.items())
    else:
        parallel = Parallel(n_jobs, return_as="generator_unordered", prefer=prefer)
        found = parallel(delayed(_outcome)(function, *item) for item in jobs.items())
    with tqdm(total=len(jobs), desc=title, unit="clip", disable=not verbose or not jobs) as bar:
        for one in found:
            yield one
            bar.update()


def sorted_out(function, jobs, **options):
    """Return {clip: what function(job) returned} and {clip: problem} for the others."""
    found = dict(outcomes(function, jobs, **options))
    problems = {clip: str(one) for clip, one in found.items() if isinstance(one, Unusable)}
    return {clip: one for clip, one in found.items() if clip not in problems}, problems


def refuse(problems, n_clips, what, on_missing):
    """Raise one FeatureError about the clips that cannot be used, or warn that they are left out.

    `problems` is a dict of clip to clause.
    """
    if not problems:
        return
    lines = listed((problems[clip] for clip in sorted(problems)), lines=True)
    if len(problems) == n_clips:
        which = f"none of the {n_clips} {what}" if n_clips > 1 else f"not one of the {what}"
        raise FeatureError(f"{which} can be used; replace them, or name others:{lines}", problems)
    if on_missing == "error":
        raise FeatureError(
            f"{len(problems)} of {n_clips} {what} cannot be used; replace them, or pass "
            f"on_missing='drop' to leave them out:{lines}",
            problems,
        )
    warn(f"{len(problems)} of {n_clips} {what} are left out:{lines}")


def check_jobs(n_jobs):
    """Refuse a number of processes that is neither -1 nor at least 1."""
    if n_jobs != -1:
        check_counts(n_jobs=n_jobs)


def _outcome(function, clip, job):
    try:
        return clip, function(job)
    except Unusable as problem:
        return clip, problem
