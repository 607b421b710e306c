"""How is an utterance read with its neighbours in a video, and mixed with one of another class?"""

import numpy as np

# Of the other class in a mixed utterance. Drawn evenly from 0, the fraction is above a half, where
# a linear classifier errs, in a quarter of all cases: halfway between perfection and chance.
MAX_FRACTION = 2 / 3
VIDEO = "video"  # column that says which clips are of one video


def in_context(sequences, table, context, n_mixed=0, rng=None):
    """Return the utterances of a context window as frames, the own one as the last.

    `sequences` are feature set -> arrays (T_i, D) whose last frame is the utterance itself. Names
    in `table` end in an underscore and the place in the column "video". `context` counts the
    utterances before and after; the nearest stand beside the own one. `n_mixed` draws, by `rng`,
    mix the utterances with another class, and follow one another in the lists that are returned.
    """
    alone = {name: np.stack([x[-1] for x in frames]) for name, frames in sequences.items()}
    windows = _windows(table, *context)
    draws = [mixed(alone, table.y, rng) for _ in range(n_mixed)] or [alone]
    return {name: [drawn[name][rows] for drawn in draws for rows in windows] for name in sequences}


def mixed(utterances, y, rng):
    """Mix each utterance with one of another class, by one fraction in all feature sets.

    `utterances` are feature set -> array (n_clips, D).
    """
    others = np.array([rng.choice(np.flatnonzero(y != label)) for label in y])
    fraction = rng.uniform(0, MAX_FRACTION, (len(y), 1))
    return {name: (1 - fraction) * x + fraction * x[others] for name, x in utterances.items()}


def is_of_utterances(table):
    """Whether clips are utterances of videos, told by a column "video" and places in the names."""
    return VIDEO in table.columns and all(map(str.isdecimal, _places(table)))


def _places(table):
    """Return the place in the video that ends each name, as text."""
    return [name.rsplit("_", 1)[-1] for name in table.names]


def _windows(table, n_before, n_after):
    """Return the rows of each utterance's neighbours, its own as the last."""
    places = _places(table)
    if not all(map(str.isdecimal, places)):
        raise ValueError(
            f"{table.source} has clips whose names do not end in an underscore and a number, the "
            "place in the video; leave the context window out."
        )
    keys = list(zip(table.groups(VIDEO).tolist(), map(int, places), strict=True))
    row_of = {key: row for row, key in enumerate(keys)}
    if len(row_of) < len(keys):
        row, key = next((row, key) for row, key in enumerate(keys) if row_of[key] != row)
        raise ValueError(
            f"{table.source} has {table.names[row]} and {table.names[row_of[key]]} at one place of "
            f"the video {key[0]}; number the clips of a video, or leave the context window out."
        )
    windows = []
    for video, place in keys:
        window = *range(place - n_before, place), *range(place + n_after, place, -1), place
        windows.append([row_of[video, other] for other in window if (video, other) in row_of])
    return windows
