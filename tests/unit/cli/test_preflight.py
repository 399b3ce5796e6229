from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from workstate.cli.errors import AddressRefusedError, AlreadyRunningError, DataDirectoryError, PortTakenError
from workstate.cli.preflight import require_free_port, require_writable_directory
from workstate.cli.supervisor.lock import DataDirectoryLock, recorded_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_taken_port_is_named_with_one_that_is_free(taken_port: int) -> None:
    with pytest.raises(PortTakenError, match=rf"^Port {taken_port} on 127\.0\.0\.1 is taken .* --port \d+\.$"):
        require_free_port("127.0.0.1", taken_port)


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(AddressRefusedError, match="--host and --port"):
        require_free_port("192.0.2.1", 8000)


def test_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(AddressRefusedError):
        require_free_port("nowhere.invalid", 8000)


def test_data_directory_is_made(tmp_path: Path) -> None:
    require_writable_directory(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_file_in_the_way_of_the_data_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError, match="--data DIR"):
        require_writable_directory(tmp_path / "file" / "var")


def test_lock_names_its_holder_and_is_given_back(tmp_path: Path) -> None:
    with DataDirectoryLock(tmp_path, "http://localhost:1"):
        assert recorded_address(tmp_path) == "http://localhost:1"
        with (
            pytest.raises(AlreadyRunningError, match=r"process \d+, http://localhost:1"),
            DataDirectoryLock(tmp_path, ""),
        ):
            pass
    assert recorded_address(tmp_path) is None
    with DataDirectoryLock(tmp_path, "http://localhost:2"):
        pass


def test_no_address_is_recorded_where_nobody_ran(tmp_path: Path) -> None:
    assert recorded_address(tmp_path) is None
