"""Source formats are found by name, also those of installed packages."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import UsageError
from lback_cli.imports.sources.registry import BUILT_IN_SOURCES, built_in_sources, find_source

PAGE = Path(__file__).parents[3] / "docs" / "imports.md"

PLUGIN = """
import json
from lback_cli.imports.sources.base import SourceFormat

class Auth0(SourceFormat):
    name = "auth0"
    description = "Auth0: the users of a tenant, JSON Lines"
    needs_email_domain = False

    def read(self, file):
        for number, line in enumerate(file, 1):
            user = json.loads(line)
            yield self.row(number, username=user["nickname"], email=user["email"])
"""


def install(lback: Any, entry_points: str) -> None:
    """Install a package with *entry_points*."""
    (lback.directory / "acme.py").write_text(PLUGIN)
    metadata = lback.directory / "acme-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text(f"[lback.sources]\n{entry_points}\n")


def test_each_source_format_has_its_name_and_one_line_of_description() -> None:
    sources = {source.name: source.description for source in built_in_sources()}
    assert tuple(sources) == BUILT_IN_SOURCES == tuple(sorted(sources))
    assert {name: find_source(name).description for name in sources} == sources
    assert all(10 < len(description) < 80 and "\n" not in description for description in sources.values())


def test_documentation_lists_each_source_format_with_its_description() -> None:
    section = PAGE.read_text("utf-8").partition("## Files of other programs")[2]
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))
    assert listed == {source.name: source.description for source in built_in_sources()}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("django", {"companion": b""}, "--from django takes no --companion."),
        ("lback", {"email_domain": "x.org"}, "--from lback takes no --email-domain: its users have addresses."),
        ("htpasswd", {"email_domain": "no domain"}, "--email-domain: 'no domain' is not a mail domain."),
        ("htpasswd", {"email_domain": "a@b.org"}, "--email-domain: 'a@b.org' is not a mail domain."),
    ],
)
def test_option_that_a_source_format_cannot_use_is_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_source(name)(**options)
    assert caught.value.message == message


def test_unknown_source_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        find_source("auth1")
    assert (caught.value.message, caught.value.hint) == (
        "--from: 'auth1' is unknown.",
        f"Use one of {', '.join(BUILT_IN_SOURCES)}.",
    )


def test_source_format_of_an_installed_distribution_is_used(lback: Any) -> None:
    install(lback, "auth0 = acme:Auth0")
    users = [{"nickname": name, "email": f"{name}@example.org"} for name in ("ann", "bob")]
    (lback.directory / "users").write_text("".join(json.dumps(user) + "\n" for user in users))
    variables = {"PYTHONPATH": str(lback.directory)}
    imported = lback("user", "import", "users", "--from", "auth0", "--mail", "none", "-o", "json", **variables)
    assert (imported.status, imported.result["created"]) == (0, 2)
    unknown = lback("user", "import", "users", "--from", "auth1", "-o", "json", **variables)
    assert (unknown.status, unknown.error["code"]) == (2, "usage")
    assert unknown.error["hint"] == f"Use one of {', '.join(BUILT_IN_SOURCES)}, auth0."


@pytest.mark.parametrize(
    ("entry_point", "message"),
    [
        ("auth0 = acme:Auth1", "cannot be loaded: AttributeError: module 'acme' has no attribute 'Auth1'."),
        ("auth0 = acme1:Auth0", "cannot be loaded: ModuleNotFoundError: No module named 'acme1'."),
        ("auth0 = acme:json", "names 'acme:json', which is not a source format."),
    ],
)
def test_broken_distribution_is_an_error_of_the_configuration(lback: Any, entry_point: str, message: str) -> None:
    install(lback, entry_point)
    (lback.directory / "users").write_text("")
    failed = lback("user", "import", "users", "--from", "auth0", "-o", "json", PYTHONPATH=str(lback.directory))
    assert failed.status == 9
    assert f"The entry point 'auth0' of lback.sources {message}" in failed.error["message"]
