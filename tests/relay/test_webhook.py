"""Webhooks against a real HTTPS server."""

import base64
import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from lback_cli.relay.worker import RelayReport
from lback_cli.settings.sink_kinds import WebhookSettings
from lback_cli.text.times import utc_now

from .consumers import OTHER_SECRET, SECRET, Endpoint, Request, eventually, sequences
from .harness import World

Endpoints = Callable[..., Endpoint]


def verifies(secret: str, request: Request) -> bool:
    """Return True if the library of the specification accepts *request*, including its time."""
    try:
        assert Webhook(secret).verify(request.body, request.headers) == json.loads(request.body)
    except WebhookVerificationError:
        return False
    return True


def test_request_is_signed_and_has_its_headers(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    world.add_events(3)
    assert world.once(it=other.settings) == {"it": RelayReport("it", delivered=3, position=3)}
    assert [request.headers["webhook-id"] for request in other.taken] == world.ids
    for request in other.taken:
        assert verifies(SECRET, request)
        assert not verifies(OTHER_SECRET, request)
        assert request.headers["content-type"] == "application/cloudevents+json"
        assert abs(int(request.headers["webhook-timestamp"]) - request.arrived_at) < 60
        assert not verifies(SECRET, request._replace(body=request.body.replace(b"user", b"evil")))
    assert other.connections == 1


def test_timestamp_is_that_of_the_attempt_and_id_that_of_the_event(
    world: World, endpoint: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = endpoint()
    world.add_events(1)
    other.answer = lambda _request, _handler: 503
    world.once(it=other.settings)
    other.answer = lambda _request, _handler: 200
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 3600)
    world.once(it=other.settings)
    first, second = other.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    ahead = int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"])
    assert 3600 <= ahead < 3660
    assert verifies(SECRET, first)
    assert not verifies(SECRET, second), "a consumer refuses a timestamp that is an hour off"


def test_requests_are_signed_with_both_secrets_during_a_replacement(
    world: World, endpoint: Endpoints, tmp_path: Path
) -> None:
    other = endpoint()
    file = tmp_path / "secrets"
    file.write_text(f"{SECRET}\n")
    settings = replace(other.settings, secrets="", secret_file=file)
    accepted = SECRET
    other.answer = lambda request, _handler: 200 if verifies(accepted, request) else 401
    with world.relaying(it=settings):
        world.add_events(1)
        eventually(lambda: len(other.taken) == 1)
        file.write_text(f"{OTHER_SECRET}\n{SECRET}\n")
        world.add_events(1)
        eventually(lambda: len(other.taken) == 2)
        accepted = OTHER_SECRET  # refuses the old signature until the relay reads the file again
        world.add_events(1)
        eventually(lambda: len(other.taken) == 3)
    assert verifies(SECRET, other.taken[-1])
    assert verifies(OTHER_SECRET, other.taken[-1])
    assert sequences(other.taken) == [1, 2, 3]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(world: World, endpoint: Endpoints, status: int) -> None:
    elsewhere, other = endpoint(), endpoint()

    def redirect(_request: Request, handler: Any) -> None:
        handler.send_response(status)
        handler.send_header("Location", elsewhere.url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    other.answer = redirect
    world.add_events(1)
    report = world.once(it=other.settings)["it"]
    assert report.error is not None
    assert report.error.startswith(f"it answers {status} ")
    assert report.error.endswith(", and redirects are not followed")
    assert (report.position, len(other.requests), elsewhere.requests) == (0, 1, [])


@pytest.mark.parametrize("status", [401, 403, 404, 405, 408, 410, 425, 429, 502, 503, 504])
def test_answer_about_the_endpoint_counts_no_attempt(world: World, endpoint: Endpoints, status: int) -> None:
    other = endpoint()
    other.answer = lambda _request, _handler: status
    world.add_events(1)
    settings = replace(other.settings, max_attempts=1)
    for failures in (1, 2):
        report = world.once(it=settings)["it"]
        assert (report.dead, report.position) == (0, 0)
        assert str(report.error).startswith(f"it answers {status} ")
        assert (world.sink("it").failures, world.sink("it").tries) == (failures, 0)
    other.answer = lambda _request, _handler: 202
    assert world.once(it=settings) == {"it": RelayReport("it", delivered=1, position=1)}


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_refused_event_becomes_a_dead_letter_at_once(world: World, endpoint: Endpoints, status: int) -> None:
    other = endpoint()
    other.answer = lambda request, _handler: status if sequences([request]) == [2] else 200
    world.add_events(3)
    assert world.once(it=other.settings) == {"it": RelayReport("it", delivered=2, dead=1, position=3)}
    assert sequences(other.requests) == [1, 2, 3]
    (letter,) = world.admin({"it": other.settings}).dead_letters("it")
    assert (letter.sink, letter.seq, letter.tries) == ("it", 2, 1)
    assert letter.error.startswith(f"it answers {status} ")
    assert world.observer.reports == [("dead letter", "it", "event 2", letter.error)]


@pytest.mark.parametrize("poison", ["500", "hangs up", "hangs", "drips", "talks nonsense"])
def test_failing_event_becomes_a_dead_letter_after_all_attempts(world: World, endpoint: Endpoints, poison: str) -> None:
    other = endpoint()

    def fail(request: Request, handler: Any) -> int | None:
        if sequences([request]) != [2]:
            return 200
        match poison:
            case "500":
                return 500
            case "hangs up":
                handler.connection.close()
            case "hangs":
                time.sleep(1)
            case "drips":
                handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
                for _ in range(20):
                    handler.wfile.write(b"X: y\r\n")
                    handler.wfile.flush()
                    time.sleep(0.05)
            case _:
                handler.wfile.write(b"\x00\xff nonsense\r\n\r\n")
        handler.close_connection = True
        return None

    other.answer = fail
    world.add_events(3)
    with world.relaying(it=replace(other.settings, max_attempts=3, timeout=0.3)):
        eventually(lambda: world.position("it") == 3)
    assert sequences(other.requests) == [1, 2, 2, 2, 3]
    (letter,) = world.admin({}).dead_letters("it")
    assert (letter.seq, letter.tries) == (2, 3)
    reasons = {"500": "it answers 500", "hangs": "no answer within 0.3 s", "drips": "no answer within 0.3 s"}
    assert letter.error.startswith(reasons.get(poison, "no proper answer"))


def test_attempts_are_counted_across_runs(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    other.answer = lambda request, _handler: 500 if sequences([request]) == [1] else 200
    world.add_events(2)
    settings = replace(other.settings, max_attempts=3)
    error = "it answers 500 Internal Server Error"
    assert world.once(it=settings) == {"it": RelayReport("it", error=error)}
    assert world.once(it=settings) == {"it": RelayReport("it", error=error)}
    assert world.once(it=settings) == {"it": RelayReport("it", delivered=1, dead=1, position=2)}


def test_relay_stops_after_many_dead_letters_in_a_row(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    other.answer = lambda _request, _handler: 400
    world.add_events(20)
    report = world.once(it=replace(other.settings, max_attempts=4))["it"]
    assert report == RelayReport("it", dead=4, position=4, error="it answers 400 Bad Request")


def test_relay_that_runs_again_and_again_gives_up_no_more_events(world: World, endpoint: Endpoints) -> None:
    """A cron job runs the relay every minute, at an endpoint that refuses everything."""
    other = endpoint()
    other.answer = lambda _request, _handler: 400
    world.add_events(20)
    sink = replace(other.settings, max_attempts=4)
    reports = [world.once(it=sink)["it"] for _ in range(8)]
    assert [report.dead for report in reports] == [4, 0, 0, 1, 0, 0, 1, 0]
    assert reports[-1].position == 6
    assert all(report.error == "it answers 400 Bad Request" for report in reports)
    other.answer = lambda request, _handler: 400 if sequences([request]) == [9] else 200
    assert world.once(it=sink) == {"it": RelayReport("it", delivered=13, dead=1, position=20)}


def test_long_answer_is_not_read_to_its_end(world: World, endpoint: Endpoints) -> None:
    other = endpoint()

    def talk(request: Request, handler: Any) -> None:
        other.taken.append(request)
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**9))
        handler.end_headers()
        handler.wfile.write(b"x" * 10**6)
        handler.close_connection = True

    other.answer = talk
    world.add_events(2)
    assert world.once(it=other.settings)["it"].delivered == 2
    assert (sequences(other.taken), other.connections) == ([1, 2], 2)


def test_informational_answers_are_skipped(world: World, endpoint: Endpoints) -> None:
    other = endpoint()

    def hint(request: Request, handler: Any) -> int:
        for status in (100, 102, 103):
            handler.wfile.write(f"HTTP/1.1 {status} Wait\r\nLink: </style.css>\r\n\r\n".encode())
        return 500 if sequences([request]) == [2] else 200

    other.answer = hint
    world.add_events(2)
    report = world.once(it=other.settings)["it"]
    assert report == RelayReport("it", delivered=1, position=1, error="it answers 500 Internal Server Error")
    assert other.connections == 1


def test_silent_server_counts_an_attempt_only_after_the_request(world: World) -> None:
    """Without TLS the request was sent, so it counts."""
    world.add_events(1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        sink = WebhookSettings(url=f"https://127.0.0.1:{port}/", secrets=SECRET, timeout=0.2)
        assert world.once(it=sink) == {"it": RelayReport("it", error="no answer within 0.2 s")}
        assert world.sink("it").tries == 0
        plain = replace(sink, url=f"http://127.0.0.1:{port}/")
        assert world.once(it=plain) == {"it": RelayReport("it", error="no answer within 0.2 s")}
        assert world.sink("it").tries == 1


def test_answer_without_its_end_counts_by_its_status(world: World, endpoint: Endpoints) -> None:
    other = endpoint()

    def trail_off(request: Request, handler: Any) -> None:
        other.taken.append(request)
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.flush()
        time.sleep(1)
        handler.close_connection = True

    other.answer = trail_off
    world.add_events(2)
    assert world.once(it=replace(other.settings, timeout=0.3)) == {"it": RelayReport("it", delivered=2, position=2)}
    assert (sequences(other.taken), other.connections) == ([1, 2], 2)


def test_closed_connection_is_replaced_before_use(world: World, endpoint: Endpoints) -> None:
    other = endpoint()

    def hang_up_afterwards(request: Request, handler: Any) -> None:
        other.taken.append(request)
        handler.send_response(204)
        handler.end_headers()
        handler.close_connection = True  # without announcing it

    def has_taken(count: int) -> bool:
        return len(other.taken) == count

    other.answer = hang_up_afterwards
    with world.relaying(it=other.settings):
        for count in (1, 2, 3):
            world.add_events(1)
            eventually(partial(has_taken, count))
    assert world.observer.reports == []
    assert sequences(other.requests) == [1, 2, 3]


def test_retry_after_is_respected(world: World, endpoint: Endpoints) -> None:
    other = endpoint()

    def later(_request: Request, handler: Any) -> int | None:
        if len(other.requests) > 1:
            return 200
        handler.send_response(429)
        handler.send_header("Retry-After", "1")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return None

    other.answer = later
    world.add_events(1)
    relay = world.relay({"it": other.settings}, max_backoff=timedelta(seconds=5))
    with world.running(relay):
        eventually(lambda: len(other.taken) == 1)
    first, second = other.requests
    assert second.arrived_at - first.arrived_at >= 0.99
    assert world.observer.reports == [("failing", "it", "it answers 429 Too Many Requests"), ("recovered", "it")]


def limited(other: Endpoint, seconds: str) -> Callable[[Request, Any], int | None]:
    """Return an answer that takes every second request, and asks for a delay before the others."""

    def answer(_request: Request, handler: Any) -> int | None:
        if len(other.requests) % 2 == 0:
            return 200
        handler.send_response(429)
        handler.send_header("Retry-After", seconds)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return None

    return answer


@pytest.mark.parametrize("seconds", ["0", "1"])
def test_run_with_once_waits_as_it_is_asked(world: World, endpoint: Endpoints, seconds: str) -> None:
    other = endpoint()
    other.answer = limited(other, seconds)
    world.add_events(3)
    relay = world.relay({"it": other.settings}, max_backoff=timedelta(seconds=5))
    assert relay.run(once=True) == [RelayReport("it", delivered=3, position=3)]
    delays = [later.arrived_at - earlier.arrived_at for earlier, later in pairwise(other.requests)]
    assert min(delays[::2]) >= 0.99 * float(seconds)
    assert world.observer.reports == []


def test_delay_can_be_asked_for_with_a_date(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    until = utc_now().replace(microsecond=0) + timedelta(seconds=3)
    other.answer = limited(other, format_datetime(until, usegmt=True))
    world.add_events(1)
    relay = world.relay({"it": other.settings}, max_backoff=timedelta(seconds=5))
    assert relay.run(once=True) == [RelayReport("it", delivered=1, position=1)]
    assert other.requests[1].arrived_at >= until.timestamp() - 0.01


@pytest.mark.parametrize("nonsense", ["soon", "-1", "Sat, 99 Nov 2026 00:00:00 GMT", "1" * 400, ""])
def test_delay_that_cannot_be_understood_is_ignored(world: World, endpoint: Endpoints, nonsense: str) -> None:
    other = endpoint()
    other.answer = limited(other, nonsense)
    world.add_events(1)
    assert world.once(it=other.settings)["it"].error == "it answers 429 Too Many Requests"
    assert world.sink("it").retry_at is None


def test_run_with_once_waits_no_longer_than_a_minute(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    other.answer = limited(other, "3600")
    world.add_events(2)
    sinks = {"it": other.settings}
    error = "it answers 429 Too Many Requests"
    for _ in range(3):
        relay = world.relay(sinks, max_backoff=timedelta(hours=2))
        assert relay.run(once=True) == [RelayReport("it", error=error)]
    assert len(other.requests) == 1, "later runs wait until the time that the endpoint named"
    world.clock.ahead = 3601
    relay = world.relay(sinks, max_backoff=timedelta(hours=2))
    assert relay.run(once=True) == [RelayReport("it", delivered=1, position=1, error=error)]


def test_limit_of_the_rate_is_reported_once(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    other.answer = limited(other, "0")
    world.add_events(5)
    with world.relaying(it=other.settings):
        eventually(lambda: world.position("it") == 5)
    assert world.observer.reports == [("failing", "it", "it answers 429 Too Many Requests"), ("recovered", "it")]


def test_untrusted_certificate_is_refused(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    world.add_events(1)
    report = world.once(it=replace(other.settings, ca_file=None))["it"]
    assert str(report.error).startswith("its certificate is not trusted: ")
    assert other.requests == []
    wrong = replace(other.settings, url=other.url.replace("localhost", "127.0.0.1"))
    report = world.once(it=wrong)["it"]
    assert "IP address mismatch" in str(report.error)
    assert other.requests == []


def test_webhook_without_tls_is_delivered_to_this_machine(world: World, endpoint: Endpoints) -> None:
    other = endpoint(encrypted=False)
    world.add_events(1)
    assert world.once(it=other.settings)["it"].delivered == 1
    assert verifies(SECRET, other.taken[0])


def test_signature_matches_the_specification() -> None:
    """The example of https://github.com/standard-webhooks/standard-webhooks, section Verifying webhook authenticity."""
    from lback_cli.relay.sinks.signature import sign

    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
