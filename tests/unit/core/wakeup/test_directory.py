from __future__ import annotations

import select
import sys
from pathlib import Path

import pytest

from workstate.core.wakeup.directory import Directories, find_directories

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "dätabase.sqlite3"


@pytest.fixture
def directories(path):
    directories = Directories([path])
    yield directories
    directories.close()


def is_readable(directories: Directories) -> bool:
    return bool(select.select([directories], [], [], 0)[0])


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal"])
def test_files_of_the_database_are_heard(directories, path, suffix):
    path.with_name(path.name + suffix).write_text("x")
    assert is_readable(directories)
    assert directories.take_moved()
    assert not is_readable(directories)
    assert not directories.take_moved()


def test_other_files_of_the_directory_are_not(directories, path):
    path.with_name("other").write_text("x")
    path.with_name(path.name + "-wal2").write_text("x")
    assert not directories.take_moved()


def test_file_that_comes_by_renaming_is_heard(directories, path):
    other = path.with_name("other")
    other.write_text("x")
    other.replace(path)
    assert directories.take_moved()


def test_much_at_once_is_heard(directories, path):
    for number in range(3000):
        path.with_name(f"other-{number}").touch()
    path.touch()
    assert any(directories.take_moved() for _ in range(20))


def test_directory_that_is_not_there_is_reported_and_leaves_no_descriptor(tmp_path, caplog):
    before = count_descriptors()
    assert find_directories([tmp_path / "missing" / "database.sqlite3"]) is None
    assert "polled instead" in caplog.text
    assert count_descriptors() <= before  # fewer, when garbage is collected meanwhile


def test_closing_gives_the_descriptor_back(path):
    before = count_descriptors()
    Directories([path]).close()
    assert count_descriptors() == before
