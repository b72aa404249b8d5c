"""Random sequences of operations are compared with a simple model."""

import hashlib
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import LbackError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import Purpose, Token, User
from lback_cli.security.passwords import PasswordHasher

from .environment import LIBRARY_COST, parsed_mail, settings_of
from .recorder import Recorder
from .requirements import OPERATIONS

PASSWORDS = ("correct horse battery staple", "umbrella tangent violin quarry")
WEAK = "short"

NO_LIMITS = {"authentication.max_failures": 1000, "authentication.max_reset_requests": 1000}
"""Limits that no sequence reaches: the model does not count attempts."""

names = st.sampled_from(["ann", "ben", "cyn", "Ann", "no such name"])
addresses = st.sampled_from(["ann@example.org", "ben@example.org", "cyn@example.org", "BEN@example.org", "nowhere"])
passwords = st.sampled_from([*PASSWORDS, WEAK])
ids = st.integers(1, 5)
groups = st.sampled_from(["admin", "staff", "missing"])
group_lists = groups.map(lambda name: [name])
changes = st.fixed_dictionaries(
    {
        "username": st.none() | names,
        "email": st.none() | addresses,
        "password": st.none() | passwords,
        "is_active": st.none() | st.booleans(),
        "is_email_verified": st.none() | st.booleans(),
        "add_groups": st.none() | group_lists,
        "remove_groups": st.none() | group_lists,
    }
)


@dataclass
class Account:
    """A user in the model."""

    username: str
    email: str
    password: str
    active: bool = True
    verified: bool = False
    groups: set[str] = field(default_factory=lambda: {"basic_user"})


@dataclass
class Issued:
    """A token in the model."""

    user_id: int
    purpose: str
    expires_at: datetime
    used: bool = False


class Model(RuleBasedStateMachine):
    """Predicts the failure of each operation, if any, and the rows after it."""

    tokens: Bundle[str] = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        values = {"database.url": self.url, "email.directory": Path(self._directory.name), **LIBRARY_COST, **NO_LIMITS}
        configuration = settings_of(values)
        self.database = Database(configuration.database)
        self._prepare()
        self.now = datetime(2026, 3, 4, 15, 4, 5, tzinfo=UTC)
        services = Dependencies(configuration, data_directory=Path(self._directory.name), clock=lambda: self.now)
        self.manager = UserManager(self.database, services)
        self.hasher = PasswordHasher(configuration.password)
        self.groups = {"admin", "staff", "basic_user"}
        self._add_groups()
        self.accounts: dict[int, Account] = {}
        self.issued: dict[str, Issued] = {}
        self.next_id = 1
        self.ids: dict[int, int] = {}
        self._mails: set[Path] = set()

    url = "sqlite://"
    dense_ids = True
    """Whether ids have no gaps. On a server, each row that is rolled back leaves a gap."""

    def _prepare(self) -> None:
        Schema(self.database).ensure()

    def id_of(self, user_id: int) -> int:
        """Return the id of the model's user in the database, or an unused id."""
        return self.ids.get(user_id, 10**9 + user_id)

    def _add_groups(self) -> None:
        from lback_cli.models import Group

        with self.database.session() as session:
            session.add_all(Group(name=name, created_at=self.now, updated_at=self.now) for name in self.groups)

    def teardown(self) -> None:
        self.database.dispose()
        self._directory.cleanup()

    # Running operations

    def execute(self, method: str, /, *arguments: Any, **options: Any) -> tuple[str | None, Any]:
        """Run an operation; return its failure, or None for success, and its result."""
        documented = OPERATIONS[method]
        result = None
        with Recorder(self.manager) as recorder:
            try:
                result = getattr(self.manager, method)(*arguments, **options)
            except LbackError as error:
                raised: LbackError | None = error
            else:
                raised = None
        assert recorder.wrong == []
        sent = recorder.names
        assert [name for name in sent if name.endswith("_started")] == (
            [documented.started] if documented.started else []
        )
        assert documented.started in {None, sent[0]}
        assert sent[-1] == (documented.failed if raised else documented.succeeded)
        assert len([name for name in sent if name in {documented.succeeded, documented.failed}]) == 1
        if raised is None:
            return None, result
        arguments_sent = recorder.sent[-1][1]
        word = arguments_sent.get("error_type", arguments_sent.get("reason"))
        assert word == raised.error_type
        return word, None

    def mailed(self) -> list[str]:
        """Return the tokens in the mails that were sent since the last call."""
        new = set(Path(self._directory.name).glob("*.eml")) - self._mails
        self._mails |= new
        return [mail.token for mail in map(parsed_mail, sorted(new)) if mail.token]

    def issue(self, user_id: int, purpose: str) -> str:
        """Replace the older tokens of that purpose by the mailed one."""
        self.revoke(user_id, purpose=purpose, used_too=True)
        (token,) = self.mailed()
        lifetime = timedelta(hours=24 if purpose == "verify_email" else 1)
        self.issued[token] = Issued(user_id, purpose, self.now + lifetime)
        return token

    def revoke(self, user_id: int, *, purpose: str | None = None, used_too: bool = False) -> None:
        self.issued = {
            token: issued
            for token, issued in self.issued.items()
            if issued.user_id != user_id
            or (purpose is not None and issued.purpose != purpose)
            or (issued.used and not used_too)
        }

    def taken(self, attribute: str, value: str, *, by_other_than: int = 0) -> bool:
        others = (account for user_id, account in self.accounts.items() if user_id != by_other_than)
        return value.lower() in {getattr(account, attribute) for account in others}

    def unusable(self, username: str | None, email: str | None, password: str | None, user_id: int = 0) -> bool:
        return (
            username == "no such name"
            or email == "nowhere"
            or password == WEAK
            or (username is not None and self.taken("username", username, by_other_than=user_id))
            or (email is not None and self.taken("email", email, by_other_than=user_id))
        )

    def is_last_administrator(self, user_id: int) -> bool:
        active = {key for key, account in self.accounts.items() if account.active and "admin" in account.groups}
        return active == {user_id}

    # The seven operations

    @rule(target=tokens, username=names, email=addresses, password=passwords, verified=st.booleans(), group=groups)
    def register(self, username: str, email: str, password: str, verified: bool, group: str) -> Any:
        refused = self.unusable(username, email, password) or group == "missing"

        word, user = self.execute("register_user", username, email, password, groups=[group], verified=verified)

        assert word == ("validation_error" if refused else None)
        if refused:
            assert self.mailed() == []
            return multiple()
        # The id of a deleted user is not reused.
        assert user.id > max(self.ids.values(), default=0)
        assert user.id == self.next_id or not self.dense_ids
        user_id, self.next_id = self.next_id, self.next_id + 1
        self.ids[user_id] = user.id
        self.accounts[user_id] = Account(
            username.lower(), email.lower(), password, verified=verified, groups={"basic_user", group}
        )
        return multiple() if verified else self.issue(user_id, "verify_email")

    @rule(login=names | addresses, password=passwords, allow_unverified=st.booleans())
    def authenticate(self, login: str, password: str, allow_unverified: bool) -> None:
        field_name = "email" if "@" in login else "username"
        found = [account for account in self.accounts.values() if getattr(account, field_name) == login.lower()]
        expected: str | None = None
        match found:
            case []:
                expected = "user_not_found"
            case [account] if account.password != password:
                expected = "incorrect_password"
            case [account] if not account.active:
                expected = "user_inactive"
            case [account] if not (account.verified or allow_unverified):
                expected = "email_not_verified"

        word, _ = self.execute("authenticate_user", login, password, allow_unverified=allow_unverified)

        assert word == expected

    @rule(token=tokens | st.just("unknown"))
    def verify(self, token: str) -> None:
        issued = self.issued.get(token)
        expected: str | None = None
        if issued is None or issued.purpose != "verify_email":
            expected = "invalid_token"
        elif self.accounts[issued.user_id].verified:
            issued.used = issued.used or issued.expires_at >= self.now
        elif issued.used or issued.expires_at < self.now:
            expected = "token_mismatch_or_expired"
        else:
            issued.used = self.accounts[issued.user_id].verified = True

        word, _ = self.execute("verify_user_email", token)

        assert word == expected

    @rule(target=tokens, user_id=ids, changes=changes)
    def update(self, user_id: int, changes: dict[str, Any]) -> Any:
        account = self.accounts.get(user_id)
        expected = self._refusal_of_update(user_id, changes)

        word, _ = self.execute("update_user", self.id_of(user_id), changes)

        assert word == expected
        if account is None or expected is not None:
            assert self.mailed() == []
            return multiple()
        return self._update(user_id, account, changes)

    def _refusal_of_update(self, user_id: int, changes: dict[str, Any]) -> str | None:
        account = self.accounts.get(user_id)
        if account is None:
            return "user_not_found"
        invalid = self.unusable(changes["username"], changes["email"], changes["password"], user_id)
        missing = ["missing"] in (changes["add_groups"], changes["remove_groups"])
        leaves = changes["is_active"] is False or changes["remove_groups"] == ["admin"]
        last = leaves and self.is_last_administrator(user_id)
        # Invalid values are refused first; a taken name is refused when the change is written.
        if self._unusable_in_itself(changes) or missing:
            return "validation_error"
        if last:
            return "last_administrator"
        return "validation_error" if invalid else None

    @staticmethod
    def _unusable_in_itself(changes: dict[str, Any]) -> bool:
        return (changes["username"], changes["email"], changes["password"]) != tuple(
            value if value not in {"no such name", "nowhere", WEAK} else None
            for value in (changes["username"], changes["email"], changes["password"])
        )

    def _update(self, user_id: int, account: Account, changes: dict[str, Any]) -> Any:
        email = changes["email"] and changes["email"].lower()
        moved = email is not None and email != account.email
        account.username = (changes["username"] or account.username).lower()
        account.email = email or account.email
        account.password = changes["password"] or account.password
        account.groups = (account.groups | set(changes["add_groups"] or ())) - set(changes["remove_groups"] or ())
        if changes["is_active"] is not None:
            account.active = changes["is_active"]
        if changes["is_email_verified"] is not None:
            account.verified = changes["is_email_verified"]
        elif moved:
            account.verified = False
        if moved or changes["password"]:
            self.revoke(user_id)
        if moved and not account.verified:
            return self.issue(user_id, "verify_email")
        assert self.mailed() == []
        return multiple()

    @rule(user_id=ids)
    def delete(self, user_id: int) -> None:
        expected: str | None = None
        if user_id not in self.accounts:
            expected = "user_not_found"
        elif self.is_last_administrator(user_id):
            expected = "last_administrator"

        word, _ = self.execute("delete_user", self.id_of(user_id))

        assert word == expected
        if expected is None:
            del self.accounts[user_id]
            self.issued = {token: issued for token, issued in self.issued.items() if issued.user_id != user_id}

    @rule(target=tokens, email=addresses)
    def request_reset(self, email: str) -> Any:
        found = [user_id for user_id, account in self.accounts.items() if account.email == email.lower()]

        word, _ = self.execute("reset_password_request", email)

        assert word == (None if found else "user_not_found")
        return self.issue(found[0], "reset_password") if found else multiple()

    @rule(token=tokens | consumes(tokens) | st.just("unknown"), password=passwords)
    def reset(self, token: str, password: str) -> None:
        issued = self.issued.get(token)
        if issued is None or issued.purpose != "reset_password" or issued.used or issued.expires_at < self.now:
            expected: str | None = "invalid_token"
        else:
            expected = "validation_error" if password == WEAK else None

        word, _ = self.execute("reset_password", token, password)

        assert word == expected
        if issued is not None and expected is None:
            issued.used = True
            self.accounts[issued.user_id].password = password
            self.revoke(issued.user_id)

    @rule(minutes=st.sampled_from([1, 59, 60, 61, 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    # The invariant

    @invariant()
    def the_tables_are_as_predicted(self) -> None:
        with self.database.reading() as session:
            users = {user.id: user for user in session.query(User)}
            assert {
                user.id: (
                    user.username,
                    user.email,
                    user.is_active,
                    user.is_email_verified,
                    {g.name for g in user.groups},
                )
                for user in users.values()
            } == {
                self.ids[user_id]: (account.username, account.email, account.active, account.verified, account.groups)
                for user_id, account in self.accounts.items()
            }
            for user_id, account in self.accounts.items():
                assert self.hasher.verify(account.password, users[self.ids[user_id]].password_hash).accepted
            assert {
                token.digest: (token.user_id, token.purpose, token.expires_at, token.used_at is not None)
                for token in session.query(Token)
            } == {
                hashlib.sha256(token.encode()).hexdigest(): (
                    self.ids[issued.user_id],
                    Purpose(issued.purpose),
                    issued.expires_at,
                    issued.used,
                )
                for token, issued in self.issued.items()
            }


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
