"""Reports are found by name, also those of installed packages."""

from typing import Any

import pytest

from lback_cli.reports.registry import BUILT_IN_REPORTS, find_report, report_names
from tests.reports.dom import parse

PLUGIN = """
from lback_cli.reports.base import Report


class Domains(Report):
    title = "Mail domains"
    description = "Count the users of each mail domain."
    examples = {"Count the users of each mail domain": "lback report domains"}
    takes = frozenset({"group"})
    columns = ("domain", "users")

    def records(self):
        from lback_cli.repositories.user_query import UserQuery

        counts = {}
        groups = [self.source.request.group] if self.source.request.group else []
        for user in self.source.found.users.select(UserQuery(groups=groups)):
            domain = user.email.partition("@")[2]
            counts[domain] = counts.get(domain, 0) + 1
        return ({"domain": domain, "users": counts[domain]} for domain in sorted(counts))
"""


def _install(lback: Any, entry_point: str) -> None:
    (lback.directory / "acme.py").write_text(PLUGIN)
    metadata = lback.directory / "acme-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text(f"[lback.reports]\n{entry_point}\n")
    lback.environment["PYTHONPATH"] = str(lback.directory)


def test_reports_of_lback_are_found() -> None:
    assert report_names()[: len(BUILT_IN_REPORTS)] == BUILT_IN_REPORTS == ("access", "activity")
    assert all(find_report(name).columns for name in BUILT_IN_REPORTS)
    with pytest.raises(KeyError):
        find_report("unknown")


def test_report_of_an_installed_package_has_data_a_page_and_help(lback: Any) -> None:
    _install(lback, "domains = acme:Domains")
    for name, domain in (("ann", "a.example"), ("bob", "b.example"), ("cay", "b.example")):
        lback("user", "register", name, "--email", f"{name}@{domain}", "--generate-password", "--verified", "-q")
    data = lback("report", "domains", "-o", "json")
    rows = [{"domain": "a.example", "users": 1}, {"domain": "b.example", "users": 2}]
    assert (data.status, data.result) == (0, rows)
    assert lback("report", "domains", "--group", "admin").status == 0
    assert lback("report", "domains", "--as-of", "1d").status == 2
    shown = parse(lback("report", "domains", "--format", "html").out)
    assert shown.rows("Mail domains") == [{name: str(value) for name, value in row.items()} for row in rows]
    assert "verified: 4 events" in shown.proof.text
    assert "  domains   Count the users of each mail domain\n" in lback("report", "--help").out
    assert "# Count the users of each mail domain" in lback("report", "domains", "--help").out


@pytest.mark.parametrize(
    ("entry_point", "message"),
    [
        ("domains = acme:Missing", "The report 'domains' cannot be loaded from acme:Missing: AttributeError"),
        ("domains = json:loads", "The report 'domains', json:loads, is not a subclass of Report."),
    ],
)
def test_broken_package_breaks_only_its_own_report(lback: Any, entry_point: str, message: str) -> None:
    _install(lback, entry_point)
    broken = lback("report", "domains", "-o", "json")
    assert broken.status == 9
    assert broken.error["message"].startswith(message)
    assert lback("report", "access").status == 0


def test_unknown_report_is_a_usage_error(lback: Any) -> None:
    unknown = lback("report", "acess", "-o", "json")
    assert (unknown.status, unknown.error["message"]) == (
        2,
        "No such command 'acess'. Did you mean 'access'?",
    )
