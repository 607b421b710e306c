"""Do the released answers give the published numbers, and what do the published rules change?"""

from pathlib import Path

from lstmfcn.zero_shot.score.files import answers_from_counts, load_zero_shot
from lstmfcn.zero_shot.score.scores import score_zero_shot, zero_shot_baselines
from lstmfcn.zero_shot.score.tasks import RULES, TASKS


def zero_shot_table(root=None, *, n_bootstrap=2000, random_state=0):
    """Score every released file of answers by its published rule, and strictly.

    Parameters
    ----------
    root : str or path-like, optional
        As in :func:`lstmfcn.zero_shot.load_zero_shot`. Counts that come with this package replace
        each file that does not exist, or all files if there is no root.
    n_bootstrap, random_state : int
        As in :func:`lstmfcn.zero_shot.score_zero_shot`.

    Returns
    -------
    list of dict
        A row for each file and metric: ``dataset``, ``variant``, ``rule``, ``metric``; in per cent,
        ``published`` and ``recomputed``; ``agrees``: whether both have the same decimals (None
        where nothing was published); in per cent, ``strict`` (missing answers and answers out of
        the vocabulary are wrong), ``low`` and ``high`` (the 95 % bootstrap interval of
        ``recomputed``); ``n_correct``, ``n``, ``n_missing``, ``n_out_of_vocabulary``; in per cent,
        ``aligned`` (true labels spelled as in the vocabulary), ``majority`` and ``random``
        (:func:`lstmfcn.zero_shot.zero_shot_baselines` on the answered samples); ``source``: "csv"
        or "counts".

    See Also
    --------
    zero_shot_remarks : What the rules change.

    Examples
    --------
    >>> from lstmfcn.zero_shot import zero_shot_table
    >>> rows = zero_shot_table(n_bootstrap=20)
    >>> sum(row["published"] is not None for row in rows), sum(bool(row["agrees"]) for row in rows)
    (25, 25)
    """
    if root is not None and not any((Path(root) / name).is_dir() for name in TASKS):
        raise ValueError(
            f"{root} has none of the folders {', '.join(TASKS)}; give the folder that holds them."
        )
    rows = []
    for task in TASKS.values():
        for variant in task.variants:
            answers = answers_from_counts(task.name, variant)
            if root is not None and (Path(root) / task.name / task.files(variant)[0]).exists():
                answers = load_zero_shot(root, task.name, variant)
            options = {"n_bootstrap": n_bootstrap, "random_state": random_state}
            score = score_zero_shot(answers, **options)
            aligned = score_zero_shot(answers, align_labels=True, **options)
            strict = score_zero_shot(answers, oov="wrong", missing="wrong", **options)
            baselines = zero_shot_baselines(answers)
            for metric in RULES[task.rule]:
                published = task.published.get(variant, {}).get(metric)
                recomputed = 100.0 * getattr(score, metric)
                agrees = None
                if published is not None:  # AffectNet is 42.775 exactly, which rounds either way
                    agrees = abs(recomputed - published) <= 0.005 + 1e-9
                low, high = score.interval[metric]
                rows.append(
                    {
                        "dataset": task.title,
                        "variant": variant,
                        "rule": task.rule,
                        "metric": metric,
                        "published": published,
                        "recomputed": recomputed,
                        "agrees": agrees,
                        "strict": 100.0 * getattr(strict, metric),
                        "low": 100.0 * low,
                        "high": 100.0 * high,
                        "n_correct": score.n_correct,
                        "n": score.n,
                        "n_missing": score.n_missing,
                        "n_out_of_vocabulary": score.n_out_of_vocabulary,
                        "aligned": 100.0 * getattr(aligned, metric),
                        "majority": 100.0 * baselines["majority"][metric],
                        "random": 100.0 * baselines["random"][metric],
                        "source": answers.source,
                    }
                )
    return rows


def zero_shot_remarks(rows):
    """Return sentences about what the published rules do to the numbers.

    Parameters
    ----------
    rows : list of dict
        Of :func:`zero_shot_table`.

    Returns
    -------
    flattered, wronged, below : list of str
        Numbers that are higher because their rule leaves samples out; lower because of a spelling;
        below always answering the most frequent class.

    See Also
    --------
    zero_shot_table : Makes the rows.

    Examples
    --------
    >>> from lstmfcn.zero_shot import zero_shot_remarks, zero_shot_table
    >>> flattered, wronged, below = zero_shot_remarks(zero_shot_table(n_bootstrap=20))
    >>> print(below[0])
    CASME: accuracy 36.93, majority class 40.34
    """
    flattered, wronged, below = [], [], []
    for row in rows:
        what = f"{row['dataset']} {row['variant']}".strip() + f": {row['metric']}"
        recomputed = f"{row['recomputed']:.2f}"
        left_out = []
        if row["n_missing"]:
            left_out.append(f"{row['n_missing']} without an answer")
        if row["n_out_of_vocabulary"] and row["rule"] == "drop":
            left_out.append(f"{row['n_out_of_vocabulary']} answered out of the vocabulary")
        if left_out and row["recomputed"] - row["strict"] > 0.005:
            flattered.append(
                f"{what} {recomputed} leaves out {' and '.join(left_out)}; counted as wrong, "
                f"they make it {row['strict']:.2f}"
            )
        if row["aligned"] > row["recomputed"]:
            wronged.append(
                f"{what} {recomputed}, but {row['aligned']:.2f} once truth and answers spell "
                "their classes alike"
            )
        if row["recomputed"] < row["majority"]:
            guessing = f", guessing {row['random']:.2f}" * (row["recomputed"] < row["random"])
            below.append(f"{what} {recomputed}, majority class {row['majority']:.2f}{guessing}")
    return flattered, wronged, below
