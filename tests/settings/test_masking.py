"""Secrets in shown settings."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import URL

from lback_cli.settings import DatabaseSettings, EmailSettings, Settings, TokenSettings
from lback_cli.settings.masking import ShownSetting, describe_settings, mask_url
from lback_cli.settings.schema import keys, sections

Workspace = Any  # conftest.Workspace

CANARY = "canary"


def test_each_key_is_shown_in_order_with_its_value_and_source(workspace: Workspace) -> None:
    workspace.environment = {"LBACK_DATABASE_URL": "postgresql+psycopg://app:secret@db/app", "LBACK_EMAIL_PORT": "25"}
    file = workspace.write("config.toml", "[email]\ndirectory = 'out/mail'\n[tokens]\nreset_lifetime = 7200\n")
    rows = describe_settings(workspace.load())
    assert [row.key for row in rows] == [
        f"{section.name}.{key.name}" for section in sections() for key in keys(section)
    ]
    assert {row for row in rows if row.source != "default"} == {
        ShownSetting("database.url", "postgresql+psycopg://app:***@db/app", "LBACK_DATABASE_URL"),
        ShownSetting("email.port", 25, "LBACK_EMAIL_PORT"),
        ShownSetting("email.directory", "out/mail", str(file)),
        ShownSetting("tokens.reset_lifetime", "2h", str(file)),
    }
    assert ShownSetting("users.unicode_names", False, "default") in rows
    assert ShownSetting("tokens.verification_lifetime", "24h", "default") in rows
    assert ShownSetting("email.ca_file", None, "default") in rows


def test_settings_from_a_program_have_the_source_code() -> None:
    settings = Settings(email=EmailSettings(ca_file=Path("ca.pem")), tokens=TokenSettings(timedelta(days=2)))
    assert [(row.key, row.value) for row in describe_settings(settings) if row.source == "code"] == [
        ("email.ca_file", "ca.pem"),
        ("tokens.verification_lifetime", "2d"),
    ]


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("", ""),
        ("nonsense", "nonsense"),
        ("sqlite://", "sqlite://"),
        ("nats://TOKEN@nats.example.org:4222", "nats://***@nats.example.org:4222"),
        ("tls://lback:secret@nats.example.org", "tls://lback:***@nats.example.org"),
        ("nats://nats.example.org:4222", "nats://nats.example.org:4222"),
        ("https://TOKEN@sink.example.org/in", "https://***@sink.example.org/in"),
        ("https://sink.example.org/in#TOKEN", "https://sink.example.org/in#***"),
        (
            "https://chat.example.org/services/T0000/B0000/x8Zq2vJw9LkPm3Rt7YcDe5Fg",
            "https://chat.example.org/services/T0000/B0000/***",
        ),
        ("https://sink.example.org/administration/events", "https://sink.example.org/administration/events"),
        ("https://h.example/x?token=s&sig=t&api_key=u", "https://h.example/x?token=***&sig=***&api_key=***"),
        ("https://ann:s@h.example/x?a=b", "https://ann:***@h.example/x?a=***"),
        ("sqlite:////srv/a:b@c/users.db", "sqlite:////srv/a:b@c/users.db"),
        ("sqlite:///C:/Users/ann@work/users.db?timeout=5", "sqlite:///C:/Users/ann@work/users.db?timeout=5"),
        ("sqlite+pysqlcipher://:secret@/users.db", "sqlite+pysqlcipher://:***@/users.db"),
        ("postgresql://db:5432/app", "postgresql://db:5432/app"),
        ("postgresql://ann@db:5432/app", "postgresql://ann@db:5432/app"),
        ("postgresql://ann:@db/app", "postgresql://ann:@db/app"),
        ("postgresql://ann:s@db:5432/app?sslmode=require", "postgresql://ann:***@db:5432/app?sslmode=require"),
        ("postgresql://ann:a@b:c/d?e#f@db/app", "postgresql://ann:***@db/app"),
        ("postgresql://ann@corp:s@db/app", "postgresql://ann@corp:***@db/app"),
        ("postgresql://corp/ann:s@db/app", "postgresql://corp/ann:***@db/app"),
        ("postgresql:///ann:s@db/app", "postgresql:///ann:***@db/app"),
        ("postgresql:ann:s@db/app", "postgresql:***@db/app"),
        ("ann:a://b@db/app", "ann:***@db/app"),
        ("postgresql://ann:s@[::1", "postgresql://ann:***@[::1"),
        ("postgresql://db/app?user=a&password=s&sslmode=x", "postgresql://db/app?user=a&password=***&sslmode=x"),
        ("postgresql://db/app?PASSWD=a=b?c&d", "postgresql://db/app?PASSWD=***"),
        ("postgresql://db/app?p%61ssword=s", "postgresql://db/app?p%61ssword=***"),
        ("postgresql://db/app?sslpassword=&x=1", "postgresql://db/app?sslpassword=&x=1"),
        ("postgresql://ann:s@db/app?sslpassword=t", "postgresql://ann:***@db/app?sslpassword=***"),
        ("postgresql://ann:s?password=t@db/app", "postgresql://ann:***"),
        ("postgresql://ann:s?password=t&x=u@db/app", "postgresql://ann:***@db/app"),
        ("postgresql://ann@db:5432/app?password=s@t", "postgresql://ann@db:***"),
    ],
)
def test_only_the_passwords_of_a_url_are_masked(url: str, masked: str) -> None:
    assert mask_url(url) == masked


SCHEMES = st.sampled_from(
    ["postgresql+psycopg://", "mysql+pymysql://", "sqlite+pysqlcipher://", "postgres:", "", "x:/"]
)
NAMES = st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"]), max_size=8)
SCRAPS = st.text(alphabet="aZ0:/?#[]@&=;%. ~'\"\\\nä", max_size=8)
HOSTS = st.sampled_from(["db", "db:5432", "[::1]:5432", "", "db,db2"])
QUERIES = st.sampled_from(["", "?sslmode=require", "?options=a@b", "?host=a:1&host=b:2", "?passfile=/x"])
BEFORE_THE_PASSWORD = st.builds("{}{}:".format, SCHEMES, NAMES)
AFTER_THE_PASSWORD = st.builds("@{}/app{}".format, HOSTS, QUERIES)


@given(BEFORE_THE_PASSWORD, SCRAPS, SCRAPS, AFTER_THE_PASSWORD)
def test_no_part_of_a_password_before_the_host_is_shown(start: str, before: str, after: str, end: str) -> None:
    settings = Settings(database=DatabaseSettings(url=f"{start}{before}{CANARY}{after}{end}"))
    assert CANARY not in repr(describe_settings(settings))
    assert CANARY not in repr(settings)


@given(
    st.sampled_from(
        ["postgresql://db/app", "postgresql://ann@db:5432/app", "sqlite:////srv/app.db", "mysql://u:p@h/d"]
    ),
    st.sampled_from(["password", "passwd", "sslpassword", "PASSWORD", "ssl_key_password", "pass%77ord"]),
    SCRAPS.map(lambda text: text.replace("=", "")),
    SCRAPS.map(lambda text: text.replace("=", "")),
    st.sampled_from(["", "&sslmode=require", "&options=a@b:c"]),
)
@example("postgresql://ann@db:5432/app", "password", "p@", "@s", "")
def test_no_part_of_a_password_in_the_query_is_shown(base: str, name: str, before: str, after: str, rest: str) -> None:
    masked = mask_url(f"{base}?connect_timeout=3&{name}={before}{CANARY}{after}{rest}")
    assert CANARY not in masked
    assert "***" in masked


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(WORDS, WORDS, st.dictionaries(st.sampled_from(["sslmode", "options", "charset"]), WORDS))
def test_valid_url_is_masked_as_by_sqlalchemy(name: str, password: str, query: dict[str, str]) -> None:
    url = URL.create("postgresql+psycopg", name, password, "db", 5432, "app", query)
    assert mask_url(url.render_as_string(hide_password=False)) == url.render_as_string(hide_password=True)


@given(st.text())
def test_any_text_can_be_masked(text: str) -> None:
    masked = mask_url(text)
    assert masked == text or "***" in masked
