"""Who and what was recognised badly? The speakers, worst first, and the clips that were missed."""

from urllib.parse import quote

import numpy as np

from lstmfcn.report.elements import table, tag

WORST = 8  # speakers, or clips, that are shown at first
MOST_MISSED = 200  # clips that are listed
DASH = "\N{EN DASH}"


def speakers(one):
    """Return the speakers, the one that is recognised worst first."""
    if one.clips is None or one.clips.groups is None:
        return []
    rows = []
    for name in np.unique(one.clips.groups):
        of_speaker = one.clips.groups == name
        y, answers = one.clips.y_true[of_speaker], one.clips.y_pred[of_speaker]
        recalls = {label: np.mean(answers[y == label] == label) for label in np.unique(y)}
        seldom = ", ".join(label for label, recall in recalls.items() if recall < 0.5)
        uar = float(np.mean(list(recalls.values())))
        bar = tag("span", class_="bar", style=f"width: {3 * uar:.2f}rem")
        cell = tag("td", f"{uar:.3f} ", bar, class_="left")
        rows.append((uar, [name, cell, f"{np.mean(y == answers):.3f}", len(y), seldom or DASH]))
    rows = [row for _, row in sorted(rows, key=lambda pair: pair[0])]
    head = [one.group, tag("th", "UAR", class_="left"), "accuracy", "clips", "mostly missed"]
    text = (
        f"UAR is over the emotions that the {one.group} shows; the worst comes first. Of few clips "
        "it is a rough number. Mostly missed are emotions of a recall below one half."
    )
    return [tag("p", text), *_folded(head, rows, class_="said")]


def missed(one):
    """Return a table of the wrong answers, the surest first."""
    clips = one.clips
    if clips is None or clips.probabilities is None:
        return []
    sure = clips.probabilities.max(axis=1)
    wrong = np.flatnonzero(clips.y_true != clips.y_pred)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    if not len(wrong):
        return []
    groups = [] if clips.groups is None else [clips.groups]
    columns = [clips.names, *groups, clips.y_true, clips.y_pred]
    rows = [[*(column[i] for column in columns), f"{sure[i]:.2f}"] for i in wrong]
    head = ["clip", *([one.group] if groups else []), "emotion", "answer", "probability"]
    file = (one.folder / clips.source).relative_to(one.folder.parents[1]).as_posix()
    text = tag(
        "p",
        f"{len(wrong)} of {len(sure)} answers are wrong. The surest come first: look at these, "
        "listen to them, and check their labels. All answers with their probabilities: ",
        tag("a", file, href=quote(file)),
    )
    return [text, *_folded(head, rows[:MOST_MISSED])]


def _folded(head, rows, **attributes):
    """Return a table of the first rows, and the others folded."""
    parts = [table(head, rows[:WORST], **attributes)]
    if rest := rows[WORST:]:
        folded = table(head, rest, **attributes)
        parts.append(tag("details", tag("summary", f"{len(rest)} more"), folded))
    return parts
