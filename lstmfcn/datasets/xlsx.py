"""Which cells does the first sheet of an Excel workbook hold? Text, without a further library."""

import posixpath
import re
from pathlib import Path
from xml.etree import ElementTree

from lstmfcn.untrusted import open_zip

LARGEST_PART = 2**24  # bytes of one part of the workbook
MOST_COLUMNS = 256  # of a table for people; a cell far to the right would cost all before it
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
EXPECTED = "expected an Excel workbook (.xlsx)"


def xlsx_rows(path):
    """Return the rows of the first sheet: a list of str for each, as long as its last cell says.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    list of list of str
        Empty cells are ``""``. A number is as the file writes it; a date is a number.

    Raises
    ------
    OSError, ValueError
        If there is no such file, or it is no workbook.
    """
    path = Path(path)
    with open_zip(path, "workbook", EXPECTED) as archive:
        strings = []
        if "xl/sharedStrings.xml" in archive.namelist():
            strings = [_text(item) for item in _part(archive, "xl/sharedStrings.xml")]
        sheet = _part(archive, _first_sheet(archive))
        return [_row(row, strings) for row in sheet.iter(f"{MAIN}row")]


def _part(archive, name):
    """Return the root of an XML part, which declares no entities that could grow."""
    try:
        with archive.open(name) as file:
            data = file.read(LARGEST_PART + 1)
        if len(data) > LARGEST_PART or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise ValueError(f"{name} is too large, or declares entities")
        return ElementTree.fromstring(data)
    except KeyError:
        raise ValueError(f"it has no {name}") from None
    except ElementTree.ParseError as error:
        raise ValueError(f"{name} is no XML") from error


def _first_sheet(archive):
    """Return the name of the part that holds the first sheet."""
    sheet = _part(archive, "xl/workbook.xml").find(f"{MAIN}sheets/{MAIN}sheet")
    wanted = None if sheet is None else sheet.get(RELATION)
    for one in _part(archive, "xl/_rels/workbook.xml.rels"):
        if one.get("Id") == wanted and one.get("Target"):
            return posixpath.normpath(posixpath.join("/xl", one.get("Target"))).lstrip("/")
    raise ValueError("it has no sheet")


def _row(row, strings):
    cells = []
    for cell in row.iter(f"{MAIN}c"):
        letters = re.match("[A-Z]{1,3}", cell.get("r", ""))
        place = _column(letters[0]) if letters else len(cells)
        if place >= MOST_COLUMNS:
            raise ValueError(f"cell {cell.get('r')} is behind column {MOST_COLUMNS}")
        cells += [""] * (place - len(cells))
        cells.append(_value(cell, strings))
    return cells


def _column(letters):
    """Return the place of a column from 0: A, B, ..., Z, AA, ..."""
    place = 0
    for letter in letters:
        place = 26 * place + ord(letter) - ord("A") + 1
    return place - 1


def _value(cell, strings):
    if cell.get("t") == "inlineStr":
        return _text(cell)
    value = cell.findtext(f"{MAIN}v", "")
    if cell.get("t") != "s":
        return value
    if not value.isdecimal() or int(value) >= len(strings):
        raise ValueError(f"cell {cell.get('r')} refers to a text that is not there")
    return strings[int(value)]


def _text(item):
    """Return the text of an item, whatever its parts are formatted like; no pronunciation."""
    skipped = {text for part in item.iter(f"{MAIN}rPh") for text in part.iter(f"{MAIN}t")}
    return "".join(text.text or "" for text in item.iter(f"{MAIN}t") if text not in skipped)
