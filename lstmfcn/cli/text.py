"""How does a table look in a terminal?"""

import unicodedata


def text_table(columns, rows, *, n_left=1):
    """Return a table as text: as wide as its cells, two spaces between columns.

    None is shown as "-", a float with four decimals. The first ``n_left`` columns are flush left,
    all further columns flush right. Lines have no trailing spaces.

    >>> print(text_table(["dataset", "accuracy"], [["GunPoint", 0.99], ["Ham", None]]))
    dataset   accuracy
    GunPoint    0.9900
    Ham              -
    """
    lines = [list(map(str, columns)), *(list(map(_cell, row)) for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            _padded(cell, width, left=place < n_left)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cell(value):
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _padded(cell, width, *, left):
    spaces = " " * (width - _width(cell))
    return cell + spaces if left else spaces + cell


def _width(text):
    """Return the terminal columns of a text: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
