"""Which files may be run. Real files, links and modes; those of another user only where root runs the tests."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lback_cli.receivers.trusted_files import UntrustedFileError, open_trusted_program, require_trusted_directory

NOBODY = 65534

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


def test_a_file_of_ones_own_is_opened(program: Path) -> None:
    assert opened(program) == b"#!/bin/sh\n"
    require_trusted_directory(program.parent)


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o500, 0o511 | 0o400])
def test_what_others_may_read_does_not_matter(program: Path, mode: int) -> None:
    program.chmod(mode)
    assert opened(program)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o720])
def test_what_others_can_write_is_not_run(program: Path, mode: int) -> None:
    program.chmod(mode)
    with pytest.raises(UntrustedFileError, match=f"others can write to {program}") as raised:
        open_trusted_program(program)
    assert raised.value.hint == f"Run: chmod go-w {program}"


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_what_is_not_executable_is_not_run(program: Path, mode: int) -> None:
    program.chmod(mode)
    with pytest.raises(UntrustedFileError, match=f"{program} is not executable") as raised:
        open_trusted_program(program)
    assert raised.value.hint == f"Run: chmod u+x {program}"


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_directory_that_others_can_add_to_is_not_used(program: Path, mode: int) -> None:
    program.parent.chmod(mode)
    with pytest.raises(UntrustedFileError, match=f"others can write to {program.parent}"):
        require_trusted_directory(program.parent)


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_a_directory_above_in_which_others_can_replace_it_is_not_trusted(program: Path, mode: int) -> None:
    program.parent.parent.chmod(mode)
    for look in (lambda: require_trusted_directory(program.parent), lambda: open_trusted_program(program)):
        with pytest.raises(UntrustedFileError, match=f"others can write to {program.parent.parent}$"):
            look()
    program.parent.parent.chmod(0o1777)
    assert opened(program), "nobody replaces the files of others in a sticky directory"


@needs_root
def test_what_belongs_to_another_user_is_not_run(program: Path) -> None:
    os.chown(program, NOBODY, -1)
    with pytest.raises(UntrustedFileError, match=f"{program} belongs to another user"):
        open_trusted_program(program)


@needs_root
def test_a_directory_of_another_user_is_not_trusted(program: Path) -> None:
    os.chown(program.parent, NOBODY, -1)
    for look in (lambda: require_trusted_directory(program.parent), lambda: open_trusted_program(program)):
        with pytest.raises(UntrustedFileError, match=f"{program.parent} belongs to another user"):
            look()


def test_what_is_put_in_the_place_of_a_file_while_it_is_looked_at_is_not_opened(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = program.with_name("other")
    other.write_text("#!/bin/other\n")
    other.chmod(0o755)
    really_open = os.open

    def replace_and_open(path: Path, flags: int) -> int:
        other.rename(path)
        return really_open(path, flags)

    monkeypatch.setattr("os.open", replace_and_open)
    with pytest.raises(UntrustedFileError, match=f"{program} was replaced while it was looked at"):
        open_trusted_program(program)


# Links


@pytest.fixture
def link_to(program: Path) -> Callable[[Path | str], Path]:
    """Makes a link beside the program."""

    def make(target: Path | str) -> Path:
        path = program.with_name("20-link")
        path.symlink_to(target)
        return path

    return make


def test_a_link_leads_to_a_program(program: Path, link_to: Callable[[Path | str], Path]) -> None:
    assert opened(link_to("10-check")) == b"#!/bin/sh\n"
    program.with_name("20-link").unlink()
    assert opened(link_to(f"../hooks/./../{program.parent.name}/10-check")) == b"#!/bin/sh\n"
    program.with_name("20-link").unlink()
    assert opened(link_to(program)) == b"#!/bin/sh\n"


def test_a_link_into_a_directory_that_others_can_write_is_not_followed(
    tmp_path: Path, program: Path, link_to: Callable[[Path | str], Path]
) -> None:
    """Neither at its end nor on the way: whoever can write there can lead it elsewhere."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "hop").symlink_to(program)
    theirs.chmod(0o777)
    with pytest.raises(UntrustedFileError, match=f"others can write to {theirs}"):
        open_trusted_program(link_to(theirs / "hop"))


@needs_root
def test_a_link_of_another_user_is_not_followed(
    tmp_path: Path, program: Path, link_to: Callable[[Path | str], Path]
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "hop").symlink_to(program)
    link = link_to(shared / "hop")
    assert opened(link)
    os.chown(shared / "hop", NOBODY, -1, follow_symlinks=False)
    with pytest.raises(UntrustedFileError, match=f"{shared / 'hop'} belongs to another user"):
        open_trusted_program(link)


@pytest.mark.parametrize("target", ["nowhere", "/nowhere/at/all", "../hooks/nowhere"])
def test_a_dangling_link_says_what_is_missing(link_to: Callable[[Path | str], Path], target: str) -> None:
    link = link_to(target)
    with pytest.raises(UntrustedFileError, match=f"nowhere, to which {link} leads: No such file or directory"):
        open_trusted_program(link)


def test_links_in_a_circle_end(link_to: Callable[[Path | str], Path]) -> None:
    link = link_to("20-link")
    with pytest.raises(UntrustedFileError, match=f"{link} is a symbolic link that leads nowhere"):
        open_trusted_program(link)


# Other things than files


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    for look in (open_trusted_program, require_trusted_directory):
        with pytest.raises(UntrustedFileError, match=f"^{tmp_path / 'missing'}: No such file or directory"):
            look(tmp_path / "missing")


def test_a_directory_is_no_program_and_a_program_no_directory(program: Path) -> None:
    with pytest.raises(UntrustedFileError, match=f"{program.parent} is not a file"):
        open_trusted_program(program.parent)
    with pytest.raises(UntrustedFileError, match=f"{program} is not a directory"):
        require_trusted_directory(program)
    with pytest.raises(UntrustedFileError, match=f"{program} is not a directory"):
        open_trusted_program(program / "more")


def test_a_pipe_is_not_waited_for(program: Path) -> None:
    pipe = program.with_name("20-pipe")
    os.mkfifo(pipe, 0o700)
    with pytest.raises(UntrustedFileError, match=f"{pipe} is not a file"):
        open_trusted_program(pipe)
