"""How is HTML written, so that no text of the data becomes a tag, and no picture a file?"""

import base64
import html
import re
import time
from importlib.resources import files

from lstmfcn import __version__
from lstmfcn.plots.display import image_bytes


class Html(str):
    """Text that is HTML already."""


def tag(name, *children, **attributes):
    """Return an element. Children are escaped unless they are Html; lists are flattened.

    >>> tag("td", "a < b", class_="left", title=None)
    '<td class="left">a &lt; b</td>'
    """
    flat = [c for child in children for c in (child if isinstance(child, list) else [child])]
    inside = "".join(c if isinstance(c, Html) else html.escape(str(c)) for c in flat)
    pairs = ((key.rstrip("_"), value) for key, value in attributes.items() if value is not None)
    head = "".join(f' {key}="{html.escape(str(value))}"' for key, value in pairs)
    return Html(f"<{name}{head}>" + ("" if name == "img" else f"{inside}</{name}>"))


def table(head, rows, **attributes):
    """Return a table that scrolls sideways; cells are texts, or elements of their own.

    >>> table(["", "n"], [["a", 1]])
    '<div class="scroll"><table><thead><tr><th></th><th>n</th></tr></thead><tbody><tr><td>a</td>\
<td>1</td></tr></tbody></table></div>'
    """

    def row(cells, name):
        is_cell = re.compile("<t[dh][ >]").match
        return tag("tr", *(c if is_cell(str(c)) else tag(name, c) for c in cells))

    body = tag("tbody", *(row(cells, "td") for cells in rows))
    parts = [tag("thead", row(head, "th")), body] if head else [body]
    return tag("div", tag("table", *parts, **attributes), class_="scroll")


def image(data, kind, alt):
    """Return an image that holds the bytes of its file, of type "webp" or "svg+xml"."""
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return tag("img", src=uri, alt=alt)


def drawing(figure, alt):
    """Return a matplotlib figure as an image of lines, and close it."""
    import matplotlib.pyplot as plt

    with plt.rc_context({"svg.fonttype": "path", "svg.hashsalt": "lstmfcn"}):
        return image(image_bytes(figure, format="svg", metadata={"Date": None}), "svg+xml", alt)


def page(title, sections, style=""):
    """Return a page without scripts, in the style of all reports, as text.

    ``sections`` are pairs of a heading and a list of elements; the navigation names each.
    """
    style = files("lstmfcn.report").joinpath("page.css").read_text(encoding="utf-8") + style
    written = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    nav = tag("nav", *(tag("a", head, href=f"#s{i}") for i, (head, _) in enumerate(sections)))
    main = tag(
        "main",
        *(
            tag("section", tag("h2", head, id=f"s{i}"), *parts)
            for i, (head, parts) in enumerate(sections)
        ),
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{html.escape(title)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header><h1>{html.escape(title)}</h1>{nav}</header>
{main}
<footer>Written {written} by lstmfcn {__version__}.</footer>
</body>
</html>
"""
