"""How are pages written that no person writes? Only those that differ, and no others stay."""


def write_pages(folder, pages):
    """Write the pages, pairs of file name and text, and remove what else is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = set()
    for name, text in pages:
        path = folder / name
        expected.add(path)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in set(folder.iterdir()) - expected:
        path.unlink()
