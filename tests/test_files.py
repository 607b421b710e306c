"""Is a file written wholly or not at all, and is what is no regular file left what it is?"""

import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from lstmfcn.files import atomic_path, check_writable


def write(path, content=b"new"):
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


@pytest.fixture
def as_user():
    """Be a user whom the file system may refuse something; give a folder of that user."""
    with tempfile.TemporaryDirectory() as folder:
        root = os.geteuid() == 0
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_obeys_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        write(tmp_path / "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o666 & ~mask


def test_the_umask_is_never_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "umask", None)  # of all threads: another's file would be open to all
    write(tmp_path / "a")
    write(tmp_path / "a")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_a_file_keeps_its_mode_and_owner(tmp_path, mode):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65533)
    before = os.stat(path)
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"new")
        assert stat.S_IMODE(os.stat(temporary).st_mode) == 0o600
    after = os.stat(path)
    assert path.read_bytes() == b"new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "v1"
    target.write_bytes(b"old")
    (tmp_path / "latest").symlink_to("folder/v1")
    (tmp_path / "alias").symlink_to("latest")
    (tmp_path / "dangling").symlink_to("folder/v2")
    for name, written in (("alias", target), ("dangling", tmp_path / "folder" / "v2")):
        write(tmp_path / name, name.encode())
        assert written.read_bytes() == name.encode()
        assert not written.is_symlink()
    assert all((tmp_path / name).is_symlink() for name in ("latest", "alias", "dangling"))
    assert sorted(os.listdir(tmp_path / "folder")) == ["v1", "v2"]


def test_a_failing_body_leaves_what_was_there(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    for name in ("a", "b", os.devnull):
        with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / name) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_pipe_stays_a_pipe_and_gets_the_bytes(tmp_path):
    path, content, received = tmp_path / "pipe", bytes(range(256)) * 1000, []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    check_writable(path)
    write(path, content)
    reader.join()
    assert received == [content]
    assert stat.S_ISFIFO(os.stat(path).st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_stays_a_device(tmp_path):
    path = tmp_path / "null"
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    write(path)
    assert stat.S_ISCHR(os.stat(path).st_mode)
    os.mknod(tmp_path / "full", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    with pytest.raises(OSError) as caught:
        write(tmp_path / "full")
    assert str(caught.value) == f"{tmp_path}/full cannot be written (No space left on device)."
    os.mknod(tmp_path / "disk", 0o666 | stat.S_IFBLK, os.makedev(7, 99))
    with pytest.raises(OSError) as caught:
        write(tmp_path / "disk")
    assert (
        str(caught.value) == f"{tmp_path}/disk is a disk, not a file; give a file name to write to."
    )


def test_a_device_needs_no_folder_that_can_be_written_to(as_user):
    check_writable(os.devnull)
    write(os.devnull)


@pytest.mark.parametrize("to_file", [False, True])
def test_the_standard_output(tmp_path, to_file):
    code = """
print("before", flush=True)
from lstmfcn.files import atomic_path
with atomic_path("/dev/stdout") as temporary:
    temporary.write_text("written\\n")
print("after")
"""
    command = [sys.executable, "-c", code]
    if to_file:
        with open(tmp_path / "out", "wb") as file:
            subprocess.run(command, stdout=file, check=True)
        output = (tmp_path / "out").read_bytes()
    else:
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    assert output == b"before\nwritten\nafter\n"


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            write(tmp_path / "a", bytes(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert str(caught.value) == (
        f"{tmp_path}/a cannot be written (File too large); an old file of that name is as it was."
    )
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_an_error_about_another_file_is_left_alone(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or directory: '/nowhere'"):
        with atomic_path(tmp_path / "a"):
            open("/nowhere")
    assert os.listdir(tmp_path) == []


def test_the_longest_name_can_be_written(tmp_path):
    for name in ("x" * 255, "a." + "é" * 126):
        write(tmp_path / name)
    assert len(os.listdir(tmp_path)) == 2


def refusal(path):
    """Return the one sentence by which a path is refused, before and while it is written."""
    sentences = set()
    for refuse in (check_writable, write):
        with pytest.raises((OSError, ValueError, TypeError)) as caught:
            refuse(path)
        sentences.add(f"{type(caught.value).__name__}: {caught.value}")
    (sentence,) = sentences
    return sentence


def test_paths_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.symlink("loop", "loop")
    os.mkdir("folder")
    open("file", "w").close()
    found = {
        path: refusal(path)
        for path in ("loop", "folder", "", "file/a", "none/a", "a\0b", "a\ud800b", None, 7)
    }
    here = f"the folder {tmp_path}"
    assert found == {
        "loop": "OSError: loop is a link that leads back to itself; give another name.",
        "folder": "IsADirectoryError: folder is a folder; give a file name to write to.",
        "": "IsADirectoryError: . is a folder; give a file name to write to.",
        "file/a": (
            f"NotADirectoryError: {tmp_path}/file is a file, not a folder; give another name."
        ),
        "none/a": f"FileNotFoundError: {here}/none does not exist; create it first.",
        "a\0b": (
            "ValueError: 'a\\x00b' holds a character that no file name can hold; give another name."
        ),
        "a\ud800b": (
            "ValueError: 'a\\ud800b' holds a character that no file name can hold; give another "
            "name."
        ),
        None: "TypeError: a file's name is a str or a path, not NoneType.",
        7: "TypeError: a file's name is a str or a path, not int.",
    }
    for n, text in ((300, "x" * 300), (8000, "x" * 150 + "..." + "x" * 150)):
        assert refusal("x" * n) == (
            f"OSError: {text} is too long for the name of a file; give another name."
        )
    assert sorted(os.listdir()) == ["file", "folder", "loop"]


def test_what_is_write_protected(as_user):
    (as_user / "closed").mkdir()
    (as_user / "file").write_bytes(b"old")
    (as_user / "file").chmod(0o444)
    (as_user / "closed").chmod(0o555)
    assert refusal(as_user / "file") == (
        f"PermissionError: {as_user}/file is write-protected; give another name."
    )
    assert refusal(as_user / "closed" / "a") == (
        f"PermissionError: the folder {as_user}/closed cannot be written to."
    )
