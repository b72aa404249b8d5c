"""Failed logins are counted, and lock an account for a while."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import AuthenticationFailed, LbackError, TooManyRequests, UserNotFound
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.login_limiter import PENDING_TIME, LoginAttempt, LoginLimiter
from lback_cli.managers.user_manager import UserManager
from lback_cli.models.tables import ACCOUNTS, EVENTS, USERS
from lback_cli.settings import AuthenticationSettings, DatabaseSettings, PasswordSettings, Settings

from .conftest import PASSWORD, Clock, Office

WRONG = "not the password of ann"
LIMIT = 3


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    office = open_office(authentication=AuthenticationSettings(max_failures=LIMIT, max_reset_requests=2))
    office.register("ann", verified=True)
    return office


def login(office: Office, password: str, name: str = "ann") -> str:
    """Try to log in; return ``ok`` or the reason of the failure."""
    try:
        office.users.authenticate_user(name, password)
    except AuthenticationFailed as error:
        return error.error_type
    return "ok"


def counted(office: Office) -> tuple[int, int]:
    """Return how many logins of ann failed, and how many are under way."""
    with office.database.reading() as session:
        failures, pending = session.execute(
            select(ACCOUNTS.c.failures, ACCOUNTS.c.pending).where(ACCOUNTS.c.user_id == 1)
        ).one()
    return failures, pending


def test_account_is_locked_after_too_many_failures_until_the_lock_expires(office: Office) -> None:
    assert [login(office, WRONG) for _ in range(LIMIT)] == ["incorrect_password"] * LIMIT
    assert [login(office, WRONG), login(office, PASSWORD)] == ["account_locked", "account_locked"]
    found = office.directory.find_user("ann")
    assert found.locked_until == office.clock.now + timedelta(minutes=15)
    office.clock.advance(timedelta(minutes=15) - timedelta(seconds=1))
    assert login(office, PASSWORD) == "account_locked"
    office.clock.advance(timedelta(seconds=1))
    assert login(office, PASSWORD) == "ok"


def test_attempts_on_a_locked_account_do_not_prolong_the_lock(office: Office) -> None:
    for _ in range(LIMIT):
        login(office, WRONG)
    locked_until = office.directory.find_user("ann").locked_until
    office.clock.advance(timedelta(minutes=10))
    for _ in range(5):
        assert login(office, WRONG) == "account_locked"
    assert office.directory.find_user("ann").locked_until == locked_until


def test_the_name_and_the_address_share_a_count(office: Office) -> None:
    assert login(office, WRONG) == "incorrect_password"
    assert login(office, WRONG, "ANN@example.org") == "incorrect_password"
    assert login(office, WRONG, "Ann") == "incorrect_password"
    assert login(office, PASSWORD, "ann@example.org") == "account_locked"


def test_success_resets_failures_and_is_recorded(office: Office) -> None:
    assert [login(office, WRONG) for _ in range(LIMIT - 1)] == ["incorrect_password"] * (LIMIT - 1)
    assert login(office, PASSWORD) == "ok"
    assert office.directory.find_user("ann").last_login == office.clock.now
    assert [login(office, WRONG) for _ in range(LIMIT - 1)] == ["incorrect_password"] * (LIMIT - 1)
    assert login(office, PASSWORD) == "ok"


def test_failures_count_for_the_window_only(office: Office) -> None:
    assert [login(office, WRONG) for _ in range(LIMIT - 1)] == ["incorrect_password"] * (LIMIT - 1)
    office.clock.advance(timedelta(minutes=15))
    assert [login(office, WRONG) for _ in range(LIMIT - 1)] == ["incorrect_password"] * (LIMIT - 1)
    assert login(office, PASSWORD) == "ok"


def test_the_window_begins_with_the_first_failure(office: Office) -> None:
    assert login(office, WRONG) == "incorrect_password"
    office.clock.advance(timedelta(minutes=14))
    assert login(office, WRONG) == "incorrect_password"
    office.clock.advance(timedelta(minutes=1))
    assert [login(office, WRONG) for _ in range(LIMIT - 1)] == ["incorrect_password"] * (LIMIT - 1)
    assert login(office, PASSWORD) == "ok"


@pytest.mark.parametrize("end", [LoginLimiter.release, LoginLimiter.fail])
def test_logins_that_do_not_end_in_time_count_once_as_failed(
    office: Office, end: Callable[[LoginLimiter, LoginAttempt], None]
) -> None:
    limiter = LoginLimiter(office.database, office.services)
    attempts = [limiter.reserve("ann") for _ in range(LIMIT - 1)]
    assert counted(office) == (0, LIMIT - 1)
    office.clock.advance(PENDING_TIME)
    assert login(office, WRONG) == "incorrect_password"
    assert counted(office) == (LIMIT, 0)
    locked_until = office.directory.find_user("ann").locked_until
    office.clock.advance(timedelta(seconds=1))
    for attempt in attempts:
        end(limiter, attempt)
    assert counted(office) == (LIMIT, 0)
    assert office.directory.find_user("ann").locked_until == locked_until


def test_logins_count_once_if_one_ends_late_while_another_is_under_way(office: Office) -> None:
    limiter = LoginLimiter(office.database, office.services)
    late = limiter.reserve("ann")
    office.clock.advance(PENDING_TIME)
    other = limiter.reserve("ann")
    assert counted(office) == (1, 1)
    limiter.fail(late)
    limiter.fail(other)
    assert counted(office) == (2, 0)


def test_correct_password_of_a_refused_login_is_not_counted(office: Office) -> None:
    office.users.update_user(1, {"is_active": False})
    assert [login(office, PASSWORD) for _ in range(2 * LIMIT)] == ["user_inactive"] * (2 * LIMIT)


def test_unknown_names_are_locked_without_being_stored(office: Office) -> None:
    assert [login(office, WRONG, "nobody") for _ in range(LIMIT)] == ["user_not_found"] * LIMIT
    assert login(office, WRONG, "Nobody ") == "account_locked"
    assert login(office, PASSWORD) == "ok"
    with office.database.reading() as session:
        stored = [str(value) for row in session.execute(select(ACCOUNTS)) for value in row]
    assert not any("nobody" in value.lower() for value in stored)


def test_failures_of_unknown_names_expire(office: Office) -> None:
    login(office, WRONG, "nobody")
    office.clock.advance(timedelta(hours=1))
    login(office, WRONG, "unknown")
    with office.database.reading() as session:
        assert session.execute(select(ACCOUNTS.c.failures).where(ACCOUNTS.c.user_id.is_(None))).all() == [(1,)]


@pytest.fixture
def later(office: Office) -> timedelta:
    """The clock is a year ahead; a test sets it back."""
    year = timedelta(days=365)
    office.clock.advance(year)
    return year


def test_a_lock_does_not_last_longer_if_the_clock_is_set_back(office: Office, later: timedelta) -> None:
    for _ in range(LIMIT):
        login(office, WRONG)
    office.clock.advance(-later)
    assert login(office, PASSWORD) == "account_locked"
    assert office.directory.find_user("ann").locked_until == office.clock.now + timedelta(minutes=15)
    office.clock.advance(timedelta(minutes=14))
    assert login(office, PASSWORD) == "account_locked"
    office.clock.advance(timedelta(minutes=1))
    assert login(office, PASSWORD) == "ok"


def test_failures_do_not_count_longer_if_the_clock_is_set_back(office: Office, later: timedelta) -> None:
    login(office, WRONG)
    office.clock.advance(-later)
    login(office, WRONG)
    office.clock.advance(timedelta(minutes=15))
    assert [login(office, WRONG) for _ in range(2)] == ["incorrect_password"] * 2
    assert login(office, PASSWORD) == "ok"


def test_reset_requests_do_not_count_longer_if_the_clock_is_set_back(office: Office, later: timedelta) -> None:
    for _ in range(2):
        office.users.reset_password_request("ann@example.org")
    office.clock.advance(-later)
    with pytest.raises(TooManyRequests):
        office.users.reset_password_request("ann@example.org")
    office.clock.advance(timedelta(minutes=15))
    assert office.users.reset_password_request("ann@example.org")


def test_a_login_whose_process_died_is_not_waited_for_longer_if_the_clock_is_set_back(
    office: Office, later: timedelta
) -> None:
    login(office, WRONG)
    with office.database.session() as session:
        session.execute(ACCOUNTS.update().values(pending=LIMIT, pending_until=office.clock.now + timedelta(seconds=30)))
    office.clock.advance(-later)
    limiter = LoginLimiter(office.database, office.services)
    waits = []

    def advance(_seconds: float) -> None:
        waits.append(office.clock.now)
        assert len(waits) <= 3, "the login waits for ever"
        office.clock.advance(timedelta(seconds=15))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lback_cli.managers.login_limiter.time.sleep", advance)
        assert limiter.reserve("ann").is_locked
    assert len(waits) == 2


@pytest.mark.parametrize(
    "unlock",
    [
        lambda office: office.users.unlock_user(1),
        lambda office: office.users.reset_user_password(1, PASSWORD + "!"),
    ],
    ids=["unlock", "password reset"],
)
def test_an_account_can_be_unlocked(office: Office, unlock: Callable[[Office], object]) -> None:
    for _ in range(LIMIT):
        login(office, WRONG)
    unlock(office)
    assert office.directory.find_user("ann").locked_until is None
    assert login(office, WRONG) == "incorrect_password"


def test_unlocking_is_recorded(office: Office) -> None:
    for _ in range(LIMIT):
        login(office, WRONG)
    assert office.users.unlock_user(1) is True
    assert office.users.unlock_user(1) is False
    with pytest.raises(UserNotFound):
        office.users.unlock_user(7)
    with office.database.reading() as session:
        events = session.execute(select(EVENTS).order_by(EVENTS.c.seq.desc()).limit(2)).all()
    for event in events:
        assert (event.signal, event.operation, event.subject_id, event.subject) == (
            "user_unlocked",
            "unlock_user",
            1,
            "ann",
        )
        user = {"id": 1, "username": "ann", "email": "ann@example.org"}
        assert json.loads(event.data) == {"user": user, "changes": {}}


def test_a_new_user_does_not_inherit_the_lock_of_a_deleted_one(office: Office) -> None:
    for _ in range(LIMIT):
        login(office, WRONG)
    office.users.delete_user(1)
    with office.database.reading() as session:
        assert session.execute(select(ACCOUNTS).where(ACCOUNTS.c.user_id == 1)).all() == []


def test_a_user_with_the_id_of_a_deleted_one_inherits_no_count(office: Office) -> None:
    limiter = LoginLimiter(office.database, office.services)
    for _ in range(LIMIT - 1):
        login(office, WRONG)
    limiter.reserve("ann")
    assert counted(office) == (LIMIT - 1, 1)
    with office.database.session() as session:
        session.execute(update(USERS).values(created_at=office.clock.now + timedelta(days=1)))
    assert login(office, WRONG) == "incorrect_password"
    assert counted(office) == (1, 0)


def test_reset_links_to_one_address_are_limited_and_lock_nothing(office: Office) -> None:
    for _ in range(2):
        office.users.reset_password_request("ann@example.org")
    with pytest.raises(TooManyRequests):
        office.users.reset_password_request("Ann@Example.org")
    assert len(office.mails) == 2
    assert login(office, PASSWORD) == "ok"
    office.clock.advance(timedelta(minutes=15))
    office.users.reset_password_request("ann@example.org")


def test_unknown_addresses_are_limited_too(office: Office) -> None:
    errors: list[str] = []
    for _ in range(3):
        with pytest.raises(LbackError) as caught:
            office.users.reset_password_request("nobody@example.org")
        errors.append(caught.value.error_type)
    assert errors == ["user_not_found", "user_not_found", "too_many_requests"]


def test_a_failure_in_a_callers_session_counts_even_if_the_caller_rolls_back(office: Office) -> None:
    engine = create_engine(office.database.url)
    for _ in range(LIMIT):
        with Session(engine) as session:
            with pytest.raises(AuthenticationFailed):
                office.users.authenticate_user("ann", WRONG, session=session)
            session.rollback()
    engine.dispose()
    assert login(office, PASSWORD) == "account_locked"


def test_success_in_a_callers_session_is_recorded(office: Office) -> None:
    engine = create_engine(office.database.url)
    for _ in range(2 * LIMIT):
        with Session(engine) as session:
            office.users.authenticate_user("ann", PASSWORD, session=session)
            session.rollback()
    engine.dispose()
    assert login(office, PASSWORD) == "ok"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def managers(
    request: pytest.FixtureRequest, tmp_path: Path, database_on: Callable[[str], AbstractContextManager[str]]
) -> Iterator[Callable[[], UserManager]]:
    """Managers on one database, each with connections of its own, as processes have them."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/users.db"
        if request.param != "sqlite":
            url = stack.enter_context(database_on(request.param))
        settings = Settings(
            database=DatabaseSettings(url=url, busy_timeout=60),
            password=PasswordSettings(memory=19456, iterations=2, parallelism=1),
            authentication=AuthenticationSettings(max_failures=LIMIT),
        )
        clock = Clock()

        def make() -> UserManager:
            database = Database(settings.database)
            stack.callback(database.dispose)
            return UserManager(database, Dependencies(settings, data_directory=tmp_path, clock=clock))

        Schema(Database(settings.database)).initialize()
        make().register_user("ann", "ann@example.org", PASSWORD, verified=True)
        yield make


def outcomes_of(managers: Callable[[], UserManager], passwords: list[str]) -> list[str]:
    """Log in with all *passwords* at the same time; return the sorted outcomes."""
    outcomes: list[str] = []
    barrier = threading.Barrier(len(passwords))

    def run(password: str) -> None:
        manager = managers()
        barrier.wait()
        try:
            manager.authenticate_user("ann", password)
        except LbackError as error:
            outcomes.append(error.error_type)
        else:
            outcomes.append("ok")

    threads = [threading.Thread(target=run, args=(password,)) for password in passwords]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_concurrent_guesses_are_limited_like_sequential_ones(managers: Callable[[], UserManager]) -> None:
    outcomes = outcomes_of(managers, [WRONG] * 8)
    assert outcomes == ["account_locked"] * (8 - LIMIT) + ["incorrect_password"] * LIMIT


def test_right_logins_at_the_same_time_wait_and_all_succeed(managers: Callable[[], UserManager]) -> None:
    assert outcomes_of(managers, [PASSWORD] * 8) == ["ok"] * 8
