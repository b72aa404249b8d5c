"""Conditions in words select the same users as a look at each user would."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lback_cli.attributes import UserAttributes
from lback_cli.errors import LbackError
from lback_cli.managers.user_conditions import with_conditions
from lback_cli.models.tables import ACCOUNTS
from lback_cli.repositories.user_query import UserQuery

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def matching(office: Any) -> Any:
    """Four users with different states; return a function from conditions to their names."""
    for number, name in enumerate(("ann", "ben", "cid", "dan"), start=1):
        office.clock.now = NOW - timedelta(days=100 * number)
        office.register(name, f"{name}@{name}.example", active=name != "ben")
    logins = {
        "ann": {"last_login": NOW - timedelta(days=1), "locked_until": NOW + timedelta(hours=1)},
        "ben": {"last_login": NOW - timedelta(days=90)},
        "cid": {"locked_until": NOW - timedelta(hours=1)},
        # What is left of another user with that id.
        "dan": {"last_login": NOW, "locked_until": NOW + timedelta(days=1), "user_created_at": NOW},
    }
    with office.database.session() as session:
        for name, values in logins.items():
            user = office.directory.find_user(name)
            own = {"user_id": user.id, "user_created_at": user.created_at, "updated_at": NOW}
            session.execute(ACCOUNTS.insert().values({"key": name, **own, **values}))

    def find(*conditions: str) -> str:
        query = with_conditions(UserQuery(), conditions, UserAttributes(), NOW)
        with office.directory.select_users(query) as found:
            return " ".join(user.username for user in found)

    return find


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        ([], "ann ben cid dan"),
        (["inactive"], "ben"),
        (["active", "unverified"], "ann cid dan"),
        (["verified"], ""),
        (["locked"], "ann"),
        (["never-logged-in"], "cid dan"),
        (["last-login-before=30d"], "ben"),
        (["last-login-before=2026-06-01"], "ann ben"),
        (["created-before=250d"], "cid dan"),
        (["created-before=350d", "created-before=150d"], "dan"),
        (["search=N@", "search=example"], "ann ben dan"),
        (["search=n@", "search=be"], "ben"),
        (["group=Basic_User", "active", "never-logged-in", "search=d.ex"], "cid"),
    ],
)
def test_all_conditions_hold(matching: Any, conditions: list[str], names: str) -> None:
    assert matching(*conditions) == names


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (["lokced"], "--where lokced: this is not a condition."),
        (["=x"], "--where =x: this is not a condition."),
        (["email=ann@ann.example"], "--where email=ann@ann.example: this is not a condition."),
        (["inactive=yes"], "--where inactive=yes: this is not a condition."),
        (["display_name"], "--where display_name: this is not a condition."),
        (["group="], "--where group= has no value."),
        (["display_name=a", "display_name=b"], "--where: display_name comes twice."),
        (["active", "inactive"], "--where inactive contradicts another condition."),
        (["created-before=soon"], "'soon' is not a time."),
        (["group=nosuch"], "There is no group 'nosuch'."),
        (["search=\0"], r"'\x00' is not text that users can have."),
    ],
)
def test_a_condition_that_no_user_can_meet_is_refused(matching: Any, conditions: list[str], message: str) -> None:
    with pytest.raises(LbackError) as refused:
        matching(*conditions)
    assert refused.value.message == message


def test_a_misspelt_condition_is_answered_with_the_one_that_is_meant(matching: Any) -> None:
    hints = []
    for text in ("lokced", "grup=staff", "inactive=yes", "display_name", "nothing-like-it"):
        with pytest.raises(LbackError) as refused:
            matching(text)
        hints.append(str(refused.value.hint).partition("Use NAME=VALUE")[0])
    with pytest.raises(LbackError) as refused:
        matching("email=ann@ann.example")
    assert refused.value.hint == "Use search=TEXT for a part of the user name or the e-mail address."
    assert hints == [*(f"Did you mean {word}? " for word in ("locked", "group", "inactive", "display_name")), ""]
