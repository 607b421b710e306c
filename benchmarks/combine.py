"""What do several candidates of ``front.py`` decide together? Means of their logits.

    python benchmarks/combine.py "A + B" "A + B + C" ...

writes ``benchmarks/results/front-means.csv``. It reads the probabilities that ``front.py run`` has
kept, of all three folds. A mean is taken with equal weights and with weights from the other two
folds: a member's accuracy there to the fourth power (Large, Lines, Bagnall, "A Probabilistic
Classifier Ensemble Weighting Scheme Based on Cross-Validated Accuracy Estimates", 2019,
doi:10.1007/s10618-019-00638-y). Folds of ``front.py run --shifted`` get equal weights.
"""

import sys

import front
import numpy as np
import study

from lstmfcn.files import write_csv

MEANS = study.RESULTS / "front-means.csv"
POWER = 4
SCORES = [
    f"{kind}{name}" for kind in ("", "weighted_", "shifted_") for name in ("accuracy", "log_loss")
]


def kept(candidate, shifted=False):
    """Return (dataset, fold) -> (probabilities, y) of the runs on this machine."""
    found = {}
    for path in front.KEPT[shifted].glob(f"{candidate}, *.npz"):
        *name, dataset, fold = path.stem.split(", ")
        if ", ".join(name) == candidate:
            with np.load(path) as file:
                found[dataset, int(fold)] = file["probabilities"].astype(float), file["y"]
    return found


def common_runs(members):
    """Return the runs of datasets of which all members have all folds."""
    common = set.intersection(*map(set, members))
    return sorted(
        (dataset, fold)
        for dataset, fold in common
        if {(dataset, k) for k in range(study.N_SEEDS)} <= common
    )


def mean_scores(members, runs, weights=None):
    """Return accuracy and log loss of the weighted mean of logits, the mean over datasets.

    ``weights`` is a function of a run, to as many weights as members; None: equal ones.
    """
    by_dataset = {}
    for run in runs:
        of_run = np.full(len(members), 1 / len(members)) if weights is None else weights(run)
        logits = [np.log(np.maximum(one[run][0], 1e-7)) for one in members]
        mean = np.exp(np.tensordot(of_run, logits, 1))
        mean /= mean.sum(axis=1, keepdims=True)
        by_dataset.setdefault(run[0], []).append(front.scores(mean, members[0][run][1]))
    return np.mean([np.mean(found, axis=0) for found in by_dataset.values()], axis=0)


def by_accuracy(members):
    """Return a function of a run to weights, by what each member has on the other folds."""

    def weights(run):
        dataset, fold = run
        others = [(dataset, k) for k in range(study.N_SEEDS) if k != fold]
        accuracies = [np.mean([front.scores(*one[k])[0] for k in others]) for one in members]
        powers = np.power(accuracies, POWER)
        return powers / powers.sum()

    return weights


def row(ensemble):
    """Return the record's row of "A + B"."""
    names = [name.strip() for name in ensemble.split("+")]
    members, shifted = ([kept(name, kind) for name in names] for kind in (False, True))
    runs, shifted_runs = common_runs(members), common_runs(shifted)
    if not runs:
        raise SystemExit(f"{ensemble}: not all are kept; first python benchmarks/front.py run.")
    found = [*mean_scores(members, runs), *mean_scores(members, runs, by_accuracy(members))]
    found += [*mean_scores(shifted, shifted_runs)] if shifted_runs else []
    scores = {name: f"{value:.4f}" for name, value in zip(SCORES, found, strict=False)}
    return {"mean of": ensemble, "runs": len(runs), "shifted_runs": len(shifted_runs), **scores}


def table():
    """Return the record as a Markdown table."""
    lines = [
        "| mean of | random folds | log loss | weighted | log loss | shifted folds | log loss |",
        "|---" * 7 + "|",
    ]
    for found in study.read(MEANS):
        cells = [f"{float(found[name]):.3f}" if found[name] else "-" for name in SCORES]
        lines.append(f"| {found['mean of']} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    columns = ["mean of", "runs", *SCORES[:4], "shifted_runs", *SCORES[4:]]
    write_csv(MEANS, columns, [row(ensemble) for ensemble in sys.argv[1:]])
    print(table())
