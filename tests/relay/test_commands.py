"""The commands, as the installed `lback` has them."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from lback_cli.settings.sink_kinds import WebhookSettings

from .consumers import SECRET, Endpoint, eventually, sequences
from .harness import World

Endpoints = Callable[..., Endpoint]


@pytest.fixture
def busy(lback: Any, endpoint: Endpoints) -> tuple[Any, Endpoint]:
    """The command with three events and a sink ``audit``, and its endpoint."""
    other = endpoint()
    lback.environment.update(
        {
            "LBACK_RELAY_AUDIT_URL": other.url,
            "LBACK_RELAY_AUDIT_SECRETS": SECRET,
            "LBACK_RELAY_AUDIT_CA_FILE": str(other.settings.ca_file),
        }
    )
    assert lback("db", "init", "-q", LBACK_DATABASE_URL=url(lback)).status == 0
    lback.environment["LBACK_DATABASE_URL"] = url(lback)
    World(url(lback)).add_events(3)
    return lback, other


def url(lback: Any) -> str:
    return f"sqlite:///{lback.directory}/users.db"


def test_once_delivers_everything_and_reports_it(busy: tuple[Any, Endpoint]) -> None:
    lback, other = busy
    assert lback("events", "relay", "--once") == (
        0,
        "sink   delivered  dead letters  position\naudit  3          0             3\n",
        "",
    )
    assert sequences(other.taken) == [1, 2, 3]
    assert lback("events", "relay", "--once", "-o", "json") == (
        0,
        '[\n  {"sink": "audit", "delivered": 0, "dead_letters": 0, "position": 3, "error": null, "worker": null}\n]\n',
        "",
    )
    assert lback("events", "sinks") == (
        0,
        "sink   position  lag  failures  dead letters  last error\naudit  3         0    0         0\n",
        "",
    )
    assert lback("events", "verify").status == 0


def test_dead_letters_exit_8_and_an_unavailable_sink_exits_9(busy: tuple[Any, Endpoint]) -> None:
    lback, other = busy
    other.answer = lambda request, _handler: 422 if sequences([request]) == [2] else 200
    error = "it answers 422 Unprocessable Entity"
    assert lback("events", "relay", "--once", "-q") == (
        8,
        "",
        f"audit: event 2 is now a dead letter: {error}.\n",
    )
    assert lback("events", "dead-letters", "list") == (
        0,
        f"sink   seq  tries  error\naudit  2    1      {error}\n",
        "",
    )
    assert lback("events", "dead-letters", "retry", "audit", "--all", "-o", "json") == (
        8,
        f'[\n  {{"sink": "audit", "seq": 2, "delivered": false, "error": "{error}"}}\n]\n',
        "",
    )
    assert lback("events", "dead-letters", "drop", "audit", "2").status == 2, "without a terminal, it cannot ask"
    assert lback("events", "dead-letters", "drop", "audit", "2", "--yes", "-o", "json") == (
        0,
        '{\n  "sink": "audit",\n  "dropped": 1\n}\n',
        "",
    )
    other.answer = lambda _request, _handler: 503
    assert lback("events", "replay", "audit", "--from", "3") == (
        0,
        "sink      audit\nposition  2\nlag       1\n",
        "audit continues with event 3. Events to deliver: 1.\n",
    )
    assert lback("events", "relay", "--once") == (
        9,
        "sink   delivered  dead letters  position\naudit  0          0             2\n",
        "audit: it answers 503 Service Unavailable.\n",
    )
    (view,) = lback("events", "sinks", "-o", "json").result
    assert (view["position"], view["lag"], view["failures"], view["last_error"]) == (
        *(2, 1, 1),
        "it answers 503 Service Unavailable",
    )


def test_sinks_are_tested_and_forgotten(busy: tuple[Any, Endpoint]) -> None:
    lback, other = busy
    tested = lback("events", "sinks", "test", "audit", "-o", "json")
    assert (tested.status, tested.result["sink"]) == (0, "audit")
    assert tested.result["event_id"] == other.taken[0].headers["webhook-id"]
    other.answer = lambda _request, _handler: 404
    assert lback("events", "sinks", "test", "audit") == (
        9,
        "",
        "error: audit did not take a test event: it answers 404 Not Found.\n",
    )
    assert lback("events", "sinks", "forget", "audit", "--yes").status == 5, "no relay has served it yet"
    lback("events", "relay", "--once")
    assert lback("events", "sinks", "forget", "audit").status == 2, "without a terminal, it cannot ask"
    assert lback("events", "sinks", "forget", "audit", "--yes", "-o", "json") == (
        0,
        '{\n  "sink": "audit",\n  "dropped": 0\n}\n',
        "",
    )
    assert lback("events", "sinks", "-o", "json").result[0]["position"] is None
    assert lback("events", "sinks", "list", "-o", "json").result == lback("events", "sinks", "-o", "json").result
    assert lback("events", "sinks", "tst").status == 2


def test_events_are_sent_again_up_to_a_number(busy: tuple[Any, Endpoint]) -> None:
    lback, other = busy
    lback("events", "relay", "--once")
    assert lback("events", "replay", "audit", "--from", "1", "--to", "2") == (
        0,
        "sink       audit\ndelivered  2\n",
        "",
    )
    assert sequences(other.taken) == [1, 2, 3, 1, 2]
    other.answer = lambda request, _handler: 503 if sequences([request]) == [2] else 200
    error = "event 2: it answers 503 Service Unavailable"
    for first, status in ((1, 8), (2, 9)):
        outcome = lback("events", "replay", "audit", "--from", str(first), "--to", "3", "-q")
        assert outcome == (status, "", f"audit: {error}.\n")
    assert lback("events", "replay", "audit", "--from", "2", "--to", "9").status == 5


def test_unknown_names_exit_5_and_bad_usage_exits_2(busy: tuple[Any, Endpoint]) -> None:
    lback, _ = busy
    assert lback("events", "relay", "--once", "crm") == (
        5,
        "",
        "error: No sink 'crm' is configured.\n       Configured sinks: audit.\n",
    )
    assert lback("events", "replay", "audit", "--from", "9", "-o", "json").error == {
        "code": "event_not_found",
        "message": "There is no event 9.",
        "hint": "The log ends with event 3.",
    }
    assert lback("events", "dead-letters", "list", "crm").status == 5
    assert lback("events", "dead-letters", "retry", "audit", "7") == (
        5,
        "",
        "error: audit has no dead letter 7.\n       'lback events dead-letters list audit' shows all.\n",
    )
    for arguments in (("retry", "audit"), ("drop", "audit", "1", "--all"), ("retry", "audit", "one")):
        assert lback("events", "dead-letters", *arguments).status == 2
    assert lback("events", "replay", "audit").status == 2


def test_relay_without_sinks_exits_9(lback: Any) -> None:
    assert lback("events", "relay", "--once") == (
        9,
        "",
        "error: No sink is configured.\n       Add a section [relay.NAME] with a url; see docs/relay.md.\n",
    )
    assert lback("events", "sinks", "-o", "json") == (0, "[]\n", "")


BAD = {
    "URL": ("ftp://x.org", "relay.audit.url has an unknown scheme."),
    "SECRETS": ("canary", "relay.audit.secrets has a secret that is not whsec_ and base64 of 24 to 64 bytes."),
    "SECRET_FILE": ("/none", "relay.audit.secrets and relay.audit.secret_file are both set."),
    "CA_FILE": ("/none", "relay.audit.ca_file: cannot use /none: No such file or directory."),
    "START": ("last", "relay.audit.start (LBACK_RELAY_AUDIT_START): 'last' is not one of first, next."),
    "SIGNALS": ("canari", "relay.audit.signals: there are no events of 'canari' in the log."),
    "GROUPS": ("\x07", "relay.audit.groups (LBACK_RELAY_AUDIT_GROUPS): '\\x07' is not a list of texts such as a, b."),
    "FORMAT": ("cef", "relay.audit.format (LBACK_RELAY_AUDIT_FORMAT): 'cef' is not one of cloudevents, ocsf."),
    "SOURCE": ("\x07", "relay.audit.source (LBACK_RELAY_AUDIT_SOURCE): '\\x07' is not one line of text."),
    "CLIENT_CERTIFICATE": (
        "/none",
        "relay.audit.client_certificate: cannot use /none: No such file or directory.",
    ),
    "CLIENT_KEY": ("/none", "relay.audit.client_key is set, but relay.audit.client_certificate is not."),
    "HEADERS": ("canary", "relay.audit.headers has a line that is not a header."),
    "HEADERS_FILE": ("/none", "relay.audit.headers_file: cannot read /none: No such file or directory."),
    "PROXY": ("canary", "relay.audit.proxy is not a valid URL."),
    "TIMEOUT": ("0", "relay.audit.timeout (LBACK_RELAY_AUDIT_TIMEOUT): '0' is not a number from 0.1 to 60."),
    "MAX_ATTEMPTS": (
        "0",
        "relay.audit.max_attempts (LBACK_RELAY_AUDIT_MAX_ATTEMPTS): '0' is not a whole number from 1 to 1000.",
    ),
    "MAX_BACKOFF": (
        "soon",
        (
            "relay.audit.max_backoff (LBACK_RELAY_AUDIT_MAX_BACKOFF): 'soon' is not "
            "a time such as 90s, 30m, 24h or 7d, from 1s to 24h."
        ),
    ),
}
OF_OTHER_KINDS = ("PASSWORD_FILE", "EXCHANGE", "ROUTING_KEY", "STREAM", "SUBJECT", "TOPIC")


def test_bad_setting_exits_9_and_is_named(busy: tuple[Any, Endpoint]) -> None:
    lback, other = busy
    assert {key.name.upper() for key in fields(WebhookSettings)} == {*BAD}
    for key, (value, message) in BAD.items():
        outcome = lback("events", "relay", "--once", **{f"LBACK_RELAY_AUDIT_{key}": value})
        assert (outcome.status, outcome.out, outcome.err.splitlines()[0]) == (9, "", f"error: {message}")
        assert "canary" not in outcome.err
    assert other.requests == []


def test_variable_of_another_kind_of_sink_is_a_warning(busy: tuple[Any, Endpoint]) -> None:
    lback, _ = busy
    for key in OF_OTHER_KINDS:
        outcome = lback("events", "relay", "--once", **{f"LBACK_RELAY_AUDIT_{key}": "x"})
        warning = f"warning: Unknown environment variable LBACK_RELAY_AUDIT_{key}. "
        assert (outcome.status, outcome.err.startswith(warning)) == (0, True), outcome.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[relay]\nurl = 'x'\n", "config.toml: relay must consist of named sections, [relay.NAME]."),
        ("[relay.audit]\nurk = 'x'\n", "config.toml: unknown key 'urk' in [relay.audit]."),
        ("[relay.My-Sink]\nurl = 'x'\n", "config.toml: [relay.My-Sink]: 'My-Sink' is not a valid name."),
        (
            "[relay.audit]\nmax_attempts = true\n",
            "relay.audit.max_attempts (config.toml): True is not a whole number from 1 to 1000.",
        ),
    ],
)
def test_bad_configuration_file_exits_9_and_is_named(lback: Any, content: str, message: str) -> None:
    (lback.directory / "config.toml").write_text(content)
    outcome = lback("events", "relay", "--once")
    assert (outcome.status, outcome.err.splitlines()[0]) == (9, f"error: {message}")


def test_secrets_are_masked_and_unknown_variables_are_warnings(busy: tuple[Any, Endpoint]) -> None:
    lback, other = busy
    extra = {"LBACK_RELAY_Q_URL": "amqp://ann:canary@example.org/"}
    shown = lback("config", "show", "-o", "json", **extra)
    values = {row["key"]: (row["value"], row["source"]) for row in shown.result}
    masked = other.url.replace("source=lback", "source=***")
    assert values["relay.audit.url"] == (masked, "LBACK_RELAY_AUDIT_URL")
    assert values["relay.audit.secrets"] == ("***", "LBACK_RELAY_AUDIT_SECRETS")
    assert values["relay.q.url"] == ("amqp://ann:***@example.org/", "LBACK_RELAY_Q_URL")
    assert values["relay.q.exchange"] == ("", "default")
    assert "relay.q.secrets" not in values
    assert SECRET not in shown.out + shown.err
    outcome = lback("config", "show", LBACK_RELAY_AUDIT_URK="x")
    assert (outcome.status, outcome.err) == (
        0,
        "warning: Unknown environment variable LBACK_RELAY_AUDIT_URK. Did you mean LBACK_RELAY_AUDIT_URL?\n",
    )


@pytest.mark.parametrize(
    ("number", "status", "said"), [(signal.SIGTERM, 143, ""), (signal.SIGINT, 130, "Interrupted.\n")]
)
def test_interrupted_relay_finishes_the_event_under_way(
    busy: tuple[Any, Endpoint], number: int, status: int, said: str
) -> None:
    lback, other = busy
    arrived = []

    def slow(request: Any, _handler: Any) -> int:
        arrived.append(request)
        time.sleep(0.5)
        return 200

    other.answer = slow
    process = lback.start("events", "relay")
    eventually(lambda: len(arrived) == 1)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.decode()) == (status, b"", f"Relaying. Press Ctrl-C to stop.\n{said}")
    sink = World(url(lback)).sink("audit")
    assert (sequences(other.taken), sink.position, sink.owner) == ([1], 1, None)
    assert lback("events", "relay", "--once").status == 0
    assert sequences(other.taken) == [1, 2, 3]


def test_interrupted_relay_abandons_an_event_that_takes_too_long(busy: tuple[Any, Endpoint]) -> None:
    lback, other = busy
    arrived = []

    ended = threading.Event()

    def stuck(request: Any, handler: Any) -> None:
        arrived.append(request)
        ended.wait(60)
        handler.close_connection = True

    other.answer = stuck
    process = lback.start("events", "relay", LBACK_RELAY_AUDIT_TIMEOUT=60)
    eventually(lambda: len(arrived) == 1)
    process.terminate()
    process.communicate(timeout=40)
    assert process.returncode == 143
    assert not ended.is_set(), "the request was still under way"
    ended.set()
    other.answer = lambda _request, _handler: 200
    assert lback("events", "relay", "--once").status == 0, "the lease of a dead process is taken over at once"
    assert sequences(other.taken) == [1, 2, 3]


def test_running_relay_reports_only_when_failures_begin_and_end(busy: tuple[Any, Endpoint]) -> None:
    lback, other = busy
    other.answer = lambda _request, _handler: 500 if len(other.requests) < 4 else 200
    process = lback.start("events", "relay", "audit", LBACK_RELAY_AUDIT_MAX_BACKOFF="1s")
    eventually(lambda: len(other.taken) == 3)
    World(url(lback)).add_events(1)
    eventually(lambda: len(other.taken) == 4)
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert err.decode() == (
        "Relaying. Press Ctrl-C to stop.\naudit: it answers 500 Internal Server Error.\naudit: delivering again.\n"
    )


def test_mail_deliver_sends_queued_mail(
    lback: Any, smtp_server: Callable[..., Any], token_in: Callable[[Any], str]
) -> None:
    server = smtp_server("starttls")
    lback.environment.update(server.environment | {"LBACK_EMAIL_TRANSPORT": "queue"})
    registered = lback(
        *("user", "register", "alice", "--email", "alice@example.org", "--password-stdin"),
        input="purple giraffes yodel at dusk",
    )
    assert registered.status == 0
    assert registered.err == "Registered alice; queued a verification link to alice@example.org.\n"
    assert server.messages == []
    assert lback("mail", "queue", "list") == (
        0,
        (
            "id  state    template      recipient          tries  last error\n"
            "1   waiting  verify_email  alice@example.org  0\n"
        ),
        "",
    )
    assert lback("mail", "deliver", "--once") == (
        0,
        "delivered  1\ndeferred   0\nwithdrawn  0\ndead       0\n",
        "",
    )
    assert lback("mail", "queue", "list", "-o", "json") == (0, "[]\n", "")
    assert lback("user", "verify-email", "-", input=token_in(server.messages[0].message)).status == 0
    assert lback("mail", "test", "a@example.org", "-o", "json").result["transport"] == "smtp"


def test_refused_mail_exits_8_and_an_unreachable_server_exits_9(lback: Any, smtp_server: Callable[..., Any]) -> None:
    server = smtp_server("starttls", answers={"RCPT": "550 5.1.1 no such user"})
    lback.environment.update(server.environment | {"LBACK_EMAIL_TRANSPORT": "queue"})
    register = ("user", "register", "alice", "--email", "alice@example.org", "--generate-password", "-q")
    assert lback(*register).status == 0
    down = lback("mail", "deliver", "--once", "-o", "json", LBACK_EMAIL_PORT=1)
    message = "The mail server localhost:1 cannot be reached: Connection refused."
    hint = "Check email.host and email.port."
    assert (down.status, json.loads(down.err)) == (9, {"warning": {"message": message, "hint": hint}})
    assert down.result == {"delivered": 0, "deferred": 0, "withdrawn": 0, "dead": 0, "error": message}
    for answer, kind in (
        ("450 4.7.1 greylisted", "refused the recipient"),
        ("554 5.7.1 denied", "refuses mail from lback"),
    ):
        later = smtp_server("starttls", answers={"RCPT": answer})
        lback("mail", "queue", "retry", "1")
        deferred = lback("mail", "deliver", "--once", LBACK_EMAIL_PORT=later.port)
        assert (deferred.status, deferred.out.splitlines()[1]) == (8, "deferred   1")
        assert re.match(rf"mail: mail 1 is tried again at \S+: The mail server \S+ {kind}: {answer}\.", deferred.err)
    lback("mail", "queue", "retry", "1")
    refused = lback("mail", "deliver", "--once", "-q")
    where = f"localhost:{server.port}"
    reason = f"The mail server {where} refused the recipient: 550 5.1.1 no such user"
    assert (refused.status, refused.err) == (8, f"mail: mail 1 is now a dead letter: {reason}.\n")
    (dead,) = lback("mail", "queue", "list", "--dead", "-o", "json").result
    assert (dead["id"], dead["state"], dead["tries"], dead["last_error"]) == (1, "dead", 1, f"{reason}.")
    assert lback("mail", "queue", "retry", "--dead", "-o", "json").result == {"queued": 1}
    assert lback("mail", "queue", "drop", "1").status == 2
    assert lback("mail", "queue", "drop", "1", "--yes", "-o", "json").result == {"dropped": 1}
    assert lback("mail", "queue", "drop", "1", "--yes") == (
        5,
        "",
        "error: There is no mail 1 in the queue.\n       'lback mail queue list' shows the mails in the queue.\n",
    )


def test_import_queues_its_mail(lback: Any, smtp_server: Callable[..., Any]) -> None:
    server = smtp_server("starttls")
    lback.environment.update(server.environment | {"LBACK_EMAIL_TRANSPORT": "queue"})
    lines = ["username,email", *(f"user{number},user{number}@example.org" for number in range(20))]
    (lback.directory / "people.csv").write_text("\n".join(lines))
    planned = lback("user", "import", "people.csv", "--plan", "-o", "json")
    assert planned.result["mails"] == {"invitation": 20}
    imported = lback("user", "import", "people.csv", "--atomic", "-q", "-o", "json")
    assert (imported.status, imported.result["created"]) == (0, 20)
    assert server.messages == []
    assert lback("mail", "deliver", "--once", "-o", "json").result["delivered"] == 20
    assert [message.recipients[0] for message in server.messages] == [f"user{n}@example.org" for n in range(20)]


def test_start_imports_no_client_library() -> None:
    """Neither the clients of brokers nor the relay burden a command that has no use for them."""
    modules = "lback_cli.cli.events.relay, lback_cli.cli.mail.deliver"
    program = f"import sys, {modules}; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {*re.findall(r"'([^']+)'", done.stdout)}
    assert "lback_cli.cli.events.relay" in loaded
    assert not loaded & {"pika", "redis", "nats", "confluent_kafka", "http.client", "smtplib"}
    assert not [name for name in loaded if name.startswith("lback_cli.relay")]
