"""Is a file from outside opened only if it costs about what its bytes on the disk are worth?"""

import os

import pytest

from lstmfcn.untrusted import SMALL, decode_json, open_file


def with_holes(path, n_bytes, n_data):
    """Write a file that has data at its start and nothing behind."""
    path.write_bytes(b"\0" * n_data)
    os.truncate(path, n_bytes)
    return path


@pytest.mark.parametrize(
    ("n_bytes", "n_data"),
    [(2 * SMALL, 2 * SMALL), (2 * SMALL, SMALL // 4), (SMALL - 1, 0), (0, 0)],
)
def test_zeros_some_holes_and_small_files_are_opened_at_their_start(tmp_path, n_bytes, n_data):
    with open_file(with_holes(tmp_path / "a", n_bytes, n_data)) as file:
        assert len(file.read()) == n_bytes


def test_a_file_of_next_to_nothing_but_holes_is_refused(tmp_path):
    with pytest.raises(ValueError) as caught:
        open_file(with_holes(tmp_path / "a", 2 * SMALL, SMALL // 16), "a", "repair it")
    assert str(caught.value) == (
        "a is damaged: it claims to be long and holds next to nothing; repair it."
    )


def test_where_the_system_does_not_tell_of_holes_files_are_opened(tmp_path, monkeypatch):
    path = with_holes(tmp_path / "a", 2 * SMALL, 0)
    monkeypatch.delattr(os, "SEEK_DATA")
    open_file(path).close()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32-le"])
def test_as_many_values_as_are_allowed_are_read(encoding):
    text = "[" + "0," * (2**20 - 2) + "0]"
    assert decode_json(text) == decode_json(text.encode(encoding)) == [0] * (2**20 - 1)
    more = text.replace("]", ",0,0]")
    for data in (more, more.encode(encoding)):
        with pytest.raises(ValueError, match="its JSON holds more than 1,048,576 values"):
            decode_json(data)
