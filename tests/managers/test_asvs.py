"""ASVS 5.0, 6.3.1 and 6.3.8: online guessing is limited, and no answer shows which users exist."""

from collections.abc import Callable

import pytest

from lback_cli.errors import LbackError
from lback_cli.settings import AuthenticationSettings

from .conftest import PASSWORD, Office

LIMIT = 3
WRONG = "not the password of anyone"


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    office = open_office(authentication=AuthenticationSettings(max_failures=LIMIT, max_reset_requests=2))
    office.register("ann", verified=True)
    office.register("unverified")
    office.register("inactive", verified=True, active=False)
    office.users.register_user("invited", "invited@example.org", None, verified=True)
    return office


def answer(call: Callable[[], object]) -> tuple[str, str, str | None]:
    """Return what a caller can see of a failure."""
    with pytest.raises(LbackError) as caught:
        call()
    return caught.value.code, caught.value.message, caught.value.hint


NAMES = ["ann", "unverified", "inactive", "invited", "nobody", "nobody@example.org", "", "x" * 400, "a\0b", "Ünknown"]


@pytest.mark.parametrize("name", NAMES)
def test_asvs_6_3_8_a_failed_login_has_one_answer_and_costs_one_hash(office: Office, name: str) -> None:
    expected = answer(lambda: office.users.authenticate_user("ann", WRONG))
    for _ in range(LIMIT + 1):  # the last time it is locked
        before = office.services.hasher.operations
        assert answer(lambda: office.users.authenticate_user(name, WRONG)) == expected
        assert office.services.hasher.operations == before + 1


@pytest.mark.parametrize("name", ["ann", "nobody"])
def test_asvs_6_3_1_a_name_is_locked_whether_it_is_known_or_not(office: Office, name: str) -> None:
    reasons = []
    for _ in range(LIMIT + 2):
        with pytest.raises(LbackError) as caught:
            office.users.authenticate_user(name, WRONG)
        reasons.append(caught.value.error_type)
    assert reasons[LIMIT:] == ["account_locked"] * 2
    assert "account_locked" not in reasons[:LIMIT]


@pytest.mark.parametrize("name", ["ann", "unverified", "inactive", "invited"])
def test_asvs_6_3_1_no_address_gets_more_reset_links_than_the_limit(office: Office, name: str) -> None:
    before = len(office.mails)
    for _ in range(2):
        office.users.reset_password_request(f"{name}@example.org")
    refused = answer(lambda: office.users.reset_password_request(f"{name}@example.org"))
    assert len(office.mails) == before + 2
    for _ in range(2):
        answer(lambda: office.users.reset_password_request("nobody@example.org"))
    # Where the limit is reached, an unknown address gets the same answer.
    assert answer(lambda: office.users.reset_password_request("nobody@example.org")) == refused


def test_requests_for_reset_links_lock_no_account(office: Office) -> None:
    for _ in range(LIMIT):
        try:
            office.users.reset_password_request("ann@example.org")
        except LbackError as error:
            assert error.code == "too_many_requests"  # noqa: PT017 - the first ones succeed
    assert office.users.authenticate_user("ann", PASSWORD).username == "ann"
