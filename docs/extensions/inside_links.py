"""Does every link inside the built site lead somewhere? Names those that do not."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links of a page, and the places on it that a link can lead to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.places = [], {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Keep what a tag links to, and its id."""
        given = dict(attrs)
        self.places |= {given["id"]} if given.get("id") else set()
        for name in ("href", "src"):
            if given.get(name):
                self.links.append(given[name])


def broken(folder):
    """Yield (page, link) for each link without a goal in a folder of HTML files."""
    paths = [path for path in Path(folder).rglob("*.html") if "_static" not in path.parts]
    pages = {path.resolve(): Page(path) for path in paths}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link == "#":
                continue
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            goal = goal / "index.html" if goal.is_dir() else goal
            lands = goal in pages and unquote(parts.fragment) in pages[goal].places
            if not lands and not (goal.is_file() and goal not in pages):
                yield path.relative_to(Path(folder).resolve()), link


if __name__ == "__main__":
    found = sorted({f"{page}: {link}" for page, link in broken(sys.argv[1])})
    print("\n".join(found) or "All links inside the site lead somewhere.")
    sys.exit(bool(found))
