"""Which files may be run, with real files, links and modes. Files of another user need root."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lback_cli.receivers.trusted_files import UntrustedFileError, open_trusted_program, require_trusted_directory

OTHER_USER = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "hooks" / "10-check"
    path.parent.mkdir(mode=0o755)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def opened(path: Path) -> bytes:
    descriptor = open_trusted_program(path)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def descriptors() -> int:
    here = Path("/proc/self/fd")
    return len(list(here.iterdir())) if here.exists() else 0


@pytest.fixture(autouse=True)
def _no_descriptor_is_left() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


def test_own_program_is_opened(program: Path) -> None:
    assert opened(program) == b"#!/bin/sh\n"
    require_trusted_directory(program.parent)


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o500, 0o511 | 0o400])
def test_others_may_read_the_program(program: Path, mode: int) -> None:
    program.chmod(mode)
    assert opened(program)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o720])
def test_program_writable_by_others_is_rejected(program: Path, mode: int) -> None:
    program.chmod(mode)
    with pytest.raises(UntrustedFileError, match=f"others can write to {program}") as raised:
        open_trusted_program(program)
    assert raised.value.hint == f"Run: chmod go-w {program}"


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_file_that_is_not_executable_is_rejected(program: Path, mode: int) -> None:
    program.chmod(mode)
    with pytest.raises(UntrustedFileError, match=f"{program} is not executable") as raised:
        open_trusted_program(program)
    assert raised.value.hint == f"Run: chmod u+x {program}"


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_directory_writable_by_others_is_rejected(program: Path, mode: int) -> None:
    program.parent.chmod(mode)
    with pytest.raises(UntrustedFileError, match=f"others can write to {program.parent}"):
        require_trusted_directory(program.parent)


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_parent_writable_by_others_is_rejected_unless_sticky(program: Path, mode: int) -> None:
    program.parent.parent.chmod(mode)
    for check in (lambda: require_trusted_directory(program.parent), lambda: open_trusted_program(program)):
        with pytest.raises(UntrustedFileError, match=f"others can write to {program.parent.parent}$"):
            check()
    program.parent.parent.chmod(0o1777)
    assert opened(program), "in a sticky directory others cannot replace the file"


@needs_root
def test_program_of_another_user_is_rejected(program: Path) -> None:
    os.chown(program, OTHER_USER, -1)
    with pytest.raises(UntrustedFileError, match=f"{program} belongs to another user"):
        open_trusted_program(program)


@needs_root
def test_directory_of_another_user_is_rejected(program: Path) -> None:
    os.chown(program.parent, OTHER_USER, -1)
    for check in (lambda: require_trusted_directory(program.parent), lambda: open_trusted_program(program)):
        with pytest.raises(UntrustedFileError, match=f"{program.parent} belongs to another user"):
            check()


def test_program_replaced_during_the_check_is_rejected(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = program.with_name("other")
    other.write_text("#!/bin/other\n")
    other.chmod(0o755)
    really_open = os.open

    def replace_and_open(path: Path, flags: int) -> int:
        other.rename(path)
        return really_open(path, flags)

    monkeypatch.setattr("os.open", replace_and_open)
    with pytest.raises(UntrustedFileError, match=f"{program} was replaced while it was checked"):
        open_trusted_program(program)


# Links


@pytest.fixture
def link_to(program: Path) -> Callable[[Path | str], Path]:
    """Return a function that makes a link beside the program."""

    def make(target: Path | str) -> Path:
        path = program.with_name("20-link")
        path.symlink_to(target)
        return path

    return make


def test_links_are_followed(program: Path, link_to: Callable[[Path | str], Path]) -> None:
    assert opened(link_to("10-check")) == b"#!/bin/sh\n"
    program.with_name("20-link").unlink()
    assert opened(link_to(f"../hooks/./../{program.parent.name}/10-check")) == b"#!/bin/sh\n"
    program.with_name("20-link").unlink()
    assert opened(link_to(program)) == b"#!/bin/sh\n"


def test_link_into_a_directory_writable_by_others_is_rejected(
    tmp_path: Path, program: Path, link_to: Callable[[Path | str], Path]
) -> None:
    """A user who can write to the directory could replace the link."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "hop").symlink_to(program)
    theirs.chmod(0o777)
    with pytest.raises(UntrustedFileError, match=f"others can write to {theirs}"):
        open_trusted_program(link_to(theirs / "hop"))


@needs_root
def test_link_of_another_user_is_rejected(tmp_path: Path, program: Path, link_to: Callable[[Path | str], Path]) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "hop").symlink_to(program)
    link = link_to(shared / "hop")
    assert opened(link)
    os.chown(shared / "hop", OTHER_USER, -1, follow_symlinks=False)
    with pytest.raises(UntrustedFileError, match=f"{shared / 'hop'} belongs to another user"):
        open_trusted_program(link)


@pytest.mark.parametrize("target", ["nowhere", "/nowhere/at/all", "../hooks/nowhere"])
def test_dangling_link_names_the_missing_file(link_to: Callable[[Path | str], Path], target: str) -> None:
    link = link_to(target)
    with pytest.raises(UntrustedFileError, match=f"nowhere, to which {link} leads: No such file or directory"):
        open_trusted_program(link)


def test_circular_link_is_rejected(link_to: Callable[[Path | str], Path]) -> None:
    link = link_to("20-link")
    with pytest.raises(UntrustedFileError, match=f"{link} is a symbolic link that leads nowhere"):
        open_trusted_program(link)


# Anything but files


def test_missing_file_is_named(tmp_path: Path) -> None:
    for check in (open_trusted_program, require_trusted_directory):
        with pytest.raises(UntrustedFileError, match=f"^{tmp_path / 'missing'}: No such file or directory"):
            check(tmp_path / "missing")


def test_directory_is_not_a_program_and_a_program_not_a_directory(program: Path) -> None:
    with pytest.raises(UntrustedFileError, match=f"{program.parent} is not a file"):
        open_trusted_program(program.parent)
    with pytest.raises(UntrustedFileError, match=f"{program} is not a directory"):
        require_trusted_directory(program)
    with pytest.raises(UntrustedFileError, match=f"{program} is not a directory"):
        open_trusted_program(program / "more")


def test_pipe_is_rejected_without_waiting(program: Path) -> None:
    pipe = program.with_name("20-pipe")
    os.mkfifo(pipe, 0o700)
    with pytest.raises(UntrustedFileError, match=f"{pipe} is not a file"):
        open_trusted_program(pipe)
