"""A configuration file that is found by search is used only if no other user can write it."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

Workspace = Any  # conftest.Workspace

OTHER = 65534
TEXT = "[links]\nreset_password = 'https://evil.example/?t={token}'\n"

as_root = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(params=["current directory", "user directory"])
def found(request: pytest.FixtureRequest, workspace: Workspace) -> Path:
    """A file in one of the places that are searched."""
    path: Path = workspace.write("config.toml", TEXT)
    if request.param == "user directory":
        workspace.user_file.parent.mkdir(parents=True)
        path = path.rename(workspace.user_file)
    return path


@as_root
def test_a_file_of_another_user_is_refused(workspace: Workspace, found: Path) -> None:
    os.chown(found, OTHER, OTHER)
    error = workspace.error()
    assert error.message == f"{found} was found here, but belongs to another user."
    assert workspace.load(found).links.reset_password == "https://evil.example/?t={token}", "it was named"


@as_root
def test_a_link_of_another_user_is_refused(workspace: Workspace, found: Path) -> None:
    own = workspace.write("elsewhere.toml", TEXT)
    found.unlink()
    found.symlink_to(own)
    assert workspace.load().config_file == found
    os.chown(found, OTHER, OTHER, follow_symlinks=False)
    assert workspace.error().message == f"{found} was found here, but belongs to another user."


@as_root
@pytest.mark.parametrize(("group", "trusted"), [(0, True), (OTHER, False)])
def test_a_file_that_a_group_can_write_needs_a_group_without_others(
    workspace: Workspace, found: Path, group: int, trusted: bool
) -> None:
    os.chown(found, -1, group)
    found.chmod(0o664)
    if trusted:
        assert workspace.load().config_file == found
    else:
        assert workspace.error().message == f"{found} was found here, but can be written by others."


@pytest.mark.parametrize("mode", [0o666, 0o602])
def test_a_file_that_others_can_write_is_refused(workspace: Workspace, found: Path, mode: int) -> None:
    found.chmod(mode)
    error = workspace.error()
    assert error.message == f"{found} was found here, but can be written by others."
    workspace.environment["LBACK_CONFIG"] = str(found)
    assert workspace.load().config_file == found
    found.chmod(0o644)
    del workspace.environment["LBACK_CONFIG"]
    assert workspace.load().config_file == found


@pytest.mark.parametrize(
    "content",
    [
        "[database]\nurl = 'postgresql+psycopg://app:purple@db/app'\n",
        "[relay.audit]\nurl = 'https://example.org/?sig=purple'\n",
        "[relay.audit]\nurl = 'https://example.org/'\nsecrets = 'purple purple purple purple purple'\n",
    ],
)
def test_a_file_with_a_secret_must_be_private(workspace: Workspace, found: Path, content: str) -> None:
    found.write_text(content)
    found.chmod(0o644)
    error = workspace.error()
    assert error.message == f"{found} has a secret in it, but every user can read it."
    assert error.hint == f"Run: chmod o-rwx {found}"
    assert workspace.load(found).config_file == found, "it was named"
    found.chmod(0o640)
    assert workspace.load().config_file == found
    found.write_text("[email]\nhost = 'mail.example.org'\n")
    found.chmod(0o644)
    assert workspace.load().config_file == found


@as_root
@pytest.mark.parametrize(("mode", "owner", "trusted"), [(0o1777, 0, False), (0o755, OTHER, False), (0o755, 0, True)])
def test_a_hard_link_that_another_user_can_have_made_is_refused(
    workspace: Workspace, found: Path, mode: int, owner: int, trusted: bool
) -> None:
    os.link(found, found.parent.parent / "elsewhere.toml")
    found.parent.chmod(mode)
    os.chown(found.parent, owner, owner)
    if trusted:
        assert workspace.load().config_file == found
    else:
        message = f"{found} was found here, but is a hard link, which another user can have made."
        assert workspace.error().message == message
