"""Which file is the configuration: lback.toml, a config.toml that is lback's, or the user's."""

import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from lback_cli.problem import Problem

Workspace = Any  # conftest.Workspace

OURS = "[email]\nhost = 'mail.example.org'\n"
HUGO = "baseURL = 'https://example.org/'\n[params]\ntheme = 'plain'\n"


def test_lback_toml_comes_before_config_toml(workspace: Workspace) -> None:
    first, second = workspace.write("lback.toml", OURS), workspace.write("config.toml", "[email]\nhost = 'other'\n")
    settings = workspace.load()
    assert (settings.config_file, settings.email.host) == (first, "mail.example.org")
    assert settings.warnings == (
        Problem(f"{second} is not read, because {first} is there too.", "Delete one of them."),
    )


@pytest.mark.parametrize("name", ["lback.toml", None])
def test_config_toml_of_another_program_is_passed_over(workspace: Workspace, name: str | None) -> None:
    workspace.write("config.toml", HUGO)
    expected = workspace.write(name or str(workspace.user_file), OURS)
    settings = workspace.load()
    assert (settings.config_file, settings.email.host, settings.warnings) == (expected, "mail.example.org", ())


def test_config_toml_of_another_user_is_passed_over_only_if_it_is_another_programs(workspace: Workspace) -> None:
    path = workspace.write("config.toml", HUGO, mode=0o666)
    assert workspace.load().config_file is None
    path.write_text(OURS)
    assert workspace.error().message == f"{path} was found here, but can be written by others."


def test_a_wrong_section_beside_those_of_lback_is_an_error(workspace: Workspace) -> None:
    path = workspace.write("config.toml", OURS + "[databse]\nurl = 'x'\n")
    error = workspace.error()
    assert error.message == f"{path}: unknown section [databse]."
    assert error.hint.startswith("Did you mean database? Sections are database, ")
    assert error.hint.endswith("If the file belongs to another program, call lback's own lback.toml.")


def test_a_mistyped_section_alone_is_an_error(workspace: Workspace) -> None:
    path = workspace.write("config.toml", "[databse]\nurl = 'x'\n")
    assert workspace.error().message == f"{path}: unknown section [databse]."


def test_a_file_that_is_named_is_always_read(workspace: Workspace) -> None:
    path = workspace.write("config.toml", HUGO)
    assert workspace.error(path).message == f"{path}: unknown key 'baseURL' outside any section."


def test_a_user_without_a_home_directory_has_no_file_of_their_own(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(Path, "expanduser", lambda path: path)
    assert workspace.load().config_file is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_huge_config_toml_of_another_user_is_refused_and_not_read_into_memory(workspace: Workspace) -> None:
    path = workspace.write("config.toml", HUGO)
    os.truncate(path, 64 * 1024**2)
    os.chown(path, 65534, 65534)
    tracemalloc.start()
    try:
        assert workspace.error().message == f"{path} was found here, but belongs to another user."
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024**2
    finally:
        tracemalloc.stop()
