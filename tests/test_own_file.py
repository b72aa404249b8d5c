"""A link that another user made in a directory that every user can write is not followed."""

import os
import stat
from pathlib import Path

import pytest

from lback_cli.own_file import (
    is_made_by_another_user,
    make_own_directory,
    open_input,
    open_own,
    own_directory,
    remove_own,
)

OTHER, THIRD = 65534, 65533

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """A link of another user to a directory, in a directory like ``/tmp``."""
    (tmp_path / "target").mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    made = tmp_path / "shared" / "link"
    made.symlink_to("../target")
    os.chown(made, OTHER, OTHER, follow_symlinks=False)
    return made


def test_nothing_is_made_or_deleted_through_a_link_of_another_user(tmp_path: Path, link: Path) -> None:
    kept = tmp_path / "target" / "kept"
    kept.write_text("kept")
    with pytest.raises(PermissionError, match="another user made a symbolic link in its path"):
        open_own(link / "new", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(PermissionError, match="another user made"):
        remove_own(link / "kept")
    with pytest.raises(PermissionError, match="another user made"):
        open_input(link / "kept")
    with pytest.raises(PermissionError, match="another user made"):
        make_own_directory(link / "directory" / "below")
    with pytest.raises(PermissionError, match="another user made"):
        open_own(link / ".." / "target" / "new", os.O_WRONLY | os.O_CREAT)
    assert list(kept.parent.iterdir()) == [kept]
    assert kept.read_text() == "kept"


def test_a_link_to_a_link_of_another_user_is_not_followed(tmp_path: Path, link: Path) -> None:
    (tmp_path / "mine").symlink_to(link)
    with pytest.raises(PermissionError, match="another user made"):
        open_own(tmp_path / "mine" / "new", os.O_WRONLY | os.O_CREAT)


@pytest.mark.parametrize(
    ("mode", "owner", "maker"),
    [(0o1777, 0, 0), (0o1777, OTHER, 0), (0o1777, OTHER, OTHER), (0o755, OTHER, THIRD), (0o775, 0, OTHER)],
    ids=["own", "of root", "of the directory's owner", "not shared", "shared with a group"],
)
def test_other_links_are_followed(tmp_path: Path, link: Path, mode: int, owner: int, maker: int) -> None:
    link.parent.chmod(mode)
    os.chown(link.parent, owner, owner)
    os.chown(link, maker, maker, follow_symlinks=False)
    os.close(open_own(link / "new", os.O_WRONLY | os.O_CREAT))
    make_own_directory(link / "directory" / "below")
    assert sorted(path.name for path in (tmp_path / "target").iterdir()) == ["directory", "new"]
    assert stat.S_IMODE((tmp_path / "target" / "directory").stat().st_mode) == 0o700
    remove_own(link / "new")
    remove_own(link / "new")
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["directory"]


def test_a_directory_of_another_user_is_used_as_it_was_when_it_was_opened(tmp_path: Path, link: Path) -> None:
    place = link.parent / "place"
    place.mkdir()
    os.chown(place, OTHER, OTHER)
    with own_directory(place / "new") as (directory, name):
        place.rename(link.parent / "moved")
        link.rename(place)
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=directory))
    assert [path.name for path in (link.parent / "moved").iterdir()] == ["new"]
    assert list((tmp_path / "target").iterdir()) == []


def test_a_relative_name_needs_no_access_to_the_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    os.chown(inner, OTHER, OTHER)
    monkeypatch.chdir(inner)
    os.seteuid(OTHER)
    try:
        os.close(open_own(Path("new"), os.O_WRONLY | os.O_CREAT))
        with open_input(Path("new")) as file:
            assert file.read() == b""
    finally:
        os.seteuid(0)
    assert (inner / "new").stat().st_uid == OTHER


def test_relative_names_and_circles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.close(open_own(Path("new"), os.O_WRONLY | os.O_CREAT))
    os.close(open_own(Path("../") / tmp_path.name / "other", os.O_WRONLY | os.O_CREAT))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "other"]
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="Too many levels"):
        open_own(Path("circle/new"), os.O_WRONLY | os.O_CREAT)
    for path in (Path(), Path("/"), tmp_path):
        with pytest.raises(IsADirectoryError):
            open_own(path, os.O_WRONLY)


def test_a_pipe_of_another_user_is_refused_although_nothing_opens_its_other_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    os.chown(pipe, OTHER, OTHER)
    with pytest.raises(PermissionError, match="it belongs to another user"):
        open_own(pipe, os.O_WRONLY)
    with pytest.raises(PermissionError, match="it belongs to another user"):
        open_input(pipe)


@pytest.mark.parametrize(("mode", "warns"), [(0o777, True), (0o1777, False), (0o775, False)])
def test_a_directory_in_which_files_can_be_exchanged_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warns: bool
) -> None:
    shared = tmp_path / "shared files"
    (shared / "inner").mkdir(parents=True)
    shared.chmod(mode)
    os.close(open_own(shared / "new", os.O_WRONLY | os.O_CREAT))
    with open_input(shared / "inner" / ".." / "new"):
        pass
    remove_own(shared / "new")
    make_own_directory(shared / "inner" / "directory")
    warning = f"Every user can exchange the files in {shared}. Run: chmod +t '{shared}'"
    assert caplog.messages == ([warning] if warns else [])


def test_a_directory_above_is_named_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "shared" / "mine").mkdir(parents=True)
    (tmp_path / "shared").chmod(0o777)
    with own_directory(tmp_path / "shared" / "mine" / "file"):
        pass
    assert [f"files in {tmp_path}/shared. Run" in message for message in caplog.messages] == [True]


def test_a_file_is_made_by_another_user_if_a_part_of_its_path_is(tmp_path: Path, link: Path) -> None:
    (tmp_path / "target" / "file").touch()
    assert not is_made_by_another_user(tmp_path / "target" / "file")
    assert is_made_by_another_user(link / "file")
    assert is_made_by_another_user(link / "missing")
    place = link.parent / "place"
    place.mkdir()
    (place / "file").touch()
    assert not is_made_by_another_user(place / "file")
    for path in (place, place / "file"):
        os.chown(path, OTHER, OTHER)
    assert is_made_by_another_user(place / "file")
    link.parent.chmod(0o755)
    assert not is_made_by_another_user(place / "file"), "its directory may belong to an application"
    (tmp_path / "circle").symlink_to("circle")
    assert not is_made_by_another_user(tmp_path / "circle")
