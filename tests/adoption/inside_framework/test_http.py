"""A project that ``lback startproject`` made, with ``install()`` in its settings, over its own WSGI application."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from .conftest import PASSWORD, Sender

SETTINGS = """
from lback_cli.compat.framework import install

install()
INSTALLED_APPS = []
FIREWALL_SETTINGS = {}
MIDDLEWARES = [
    "lback.middlewares.sqlalchemy_middleware.SQLAlchemySessionMiddleware",
    "lback.middlewares.session_middleware.SessionMiddleware",
    "lback.middlewares.body_parsing_middleware.BodyParsingMiddleware",
    "lback.middlewares.auth_midlewares.AuthMiddleware",
]
"""

URLS = """
from lback.core.urls_utils import include

urlpatterns = [include("myproject.views", prefix="/"), include("lback.auth_app.urls", prefix="/")]
"""

VIEWS = """
from lback.core.response import JSONResponse
from lback.utils.urls import path


def whoami(request):
    user = request.user
    return JSONResponse(data={"user": None if user is None else [user.username, user.email]})


urlpatterns = [path("whoami/", whoami, name="whoami")]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Site"]:
    """The running project. The framework keeps its parts in module variables, so there is one for this file."""
    directory = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        patch.syspath_prepend(str(directory))
        patch.setenv("XDG_STATE_HOME", str(directory / "state"))
        patch.setenv("DATABASE_URL", f"sqlite:///{directory}/app.db")
        patch.setattr("lback_cli.security.passwords._FRAMEWORK_BCRYPT", {"ident": "2b", "rounds": 4})
        yield Site(directory)


class Site:
    """The project in *directory*."""

    def __init__(self, directory: Path) -> None:
        from dotenv import load_dotenv
        from lback.commands.project import ProjectCommands

        ProjectCommands(None, "myproject").startproject()
        load_dotenv(directory / ".env")
        with Path("settings.py").open("a") as settings:
            settings.write(SETTINGS)
        Path("myproject/urls.py").write_text(URLS)
        Path("myproject/views.py").write_text(VIEWS)
        os.environ["LOGGING_LEVEL"] = "CRITICAL"
        from lback.core import server

        server.initialize_core_components()
        self.manager: Any = server.user_manager
        self.sender = self.manager.email_sender = Sender()
        self.client = Client(server.wsgi_application)
        self.path = directory / "app.db"
        self._create_tables()

    def _create_tables(self) -> None:
        """Create the application's tables, as ``manage.py migrate`` does, and adopt them."""
        from lback.models import adminuser, session, user  # noqa: F401 - they declare the tables
        from lback.models.database import DatabaseManager
        from lback.models.user import Group

        from lback_cli.database.engine import Database
        from lback_cli.database.schema import Schema
        from lback_cli.settings import DatabaseSettings

        manager = DatabaseManager.get_instance()
        manager.create_all_tables()
        with manager.create_session() as opened:
            opened.add_all([Group(name="basic_user"), Group(name="admin")])
            opened.commit()
        Schema(Database(DatabaseSettings(url=f"sqlite:///{self.path}"))).adopt()

    def post(self, path: str, **body: Any) -> tuple[int, str]:
        answer = self.client.post(f"/api/auth/{path}/", json=body)
        return answer.status_code, answer.get_json()["data"]["message"]

    def user(self) -> Any:
        return self.client.get("/whoami/").get_json()["data"]["user"]

    def events(self) -> list[tuple[str, str | None]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute("SELECT signal, outcome FROM lback_events ORDER BY seq").fetchall()


def test_account_from_registration_to_login_and_reset(site: Site) -> None:
    assert type(site.manager).__module__ == "lback_cli.compat.framework.manager"
    assert site.post("register", username="alice", email="alice@example.org", password=PASSWORD)[0] == 201
    assert site.post("login", identifier="alice", password=PASSWORD) == (
        *(400, "Please verify your email address to log in."),
    )
    link = re.sub("http://[^/]*", "", site.sender.link)
    assert site.client.get(link).get_json()["data"] == {"message": "Email verified successfully."}
    assert site.client.get(link).status_code == 200, "it is verified already"
    assert site.client.get("/api/auth/verify-email/?token=" + "0" * 32).status_code == 400
    assert site.user() is None
    assert site.post("login", identifier="alice", password="wrong") == (401, "Invalid credentials.")
    assert site.post("login", identifier="alice@example.org", password=PASSWORD) == (200, "Login successful")
    assert site.user() == ["alice", "alice@example.org"]
    for email in ("alice@example.org", "nobody@example.org"):
        answer = site.post("request-reset-password", email=email)
        assert answer == (200, "If an account with that email exists, a password reset link has been sent.")
    token = site.sender.token
    assert site.post("reset-password", token=token, new_password="short")[0] == 400
    assert site.post("reset-password", token=token, new_password=PASSWORD + "0") == (
        *(200, "Password reset successfully."),
    )
    assert site.post("login", identifier="alice", password=PASSWORD)[0] == 401
    assert site.post("login", identifier="alice", password=PASSWORD + "0")[0] == 200
    assert site.events() == [
        ("user_registered", None),
        ("user_authentication_failed", "email_not_verified"),
        ("user_email_verification_successful", None),
        ("user_email_verification_successful", "already_verified"),
        ("user_email_verification_failed", "invalid_token"),
        ("user_authentication_failed", "incorrect_password"),
        ("user_authenticated", None),
        ("password_reset_request_processed", None),
        ("password_reset_request_failed", "user_not_found"),
        ("password_reset_failed", "validation_error"),
        ("password_reset_successful", None),
        ("user_authentication_failed", "incorrect_password"),
        ("user_authenticated", None),
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"username": "alice", "email": "a@example.org", "password": PASSWORD}, "The user name 'alice' is taken."),
        ({"username": "bob", "email": "bob@example.org", "password": "x"}, "at least 8 characters"),
        ({"username": "bob", "email": "bob", "password": PASSWORD}, "address"),
    ],
)
def test_refused_registration_shows_the_reason(site: Site, body: dict[str, str], message: str) -> None:
    status, shown = site.post("register", **body)
    assert status == 400
    assert message in shown
    assert site.events()[-1] == ("user_registration_failed", "validation_error")
