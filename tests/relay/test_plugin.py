"""A sink of another package, as docs/relay.md describes one."""

import importlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.relay.loop import POLL_SECONDS
from lback_cli.relay.sinks import build_sink
from lback_cli.settings import Settings, SinkSettings, load_settings
from lback_cli.settings.masking import ShownSetting, describe_settings

from .consumers import Endpoint, eventually
from .harness import World

SINK = r'''
"""Files: each event is one line."""

from dataclasses import dataclass
from pathlib import Path

from lback_cli.relay.sinks.base import Message, MessageRejected
from lback_cli.settings import SinkSettings, key


@dataclass(frozen=True, slots=True)
class LineFileSettings(SinkSettings):
    """A file of lines."""

    pin: str = key("", "What opens the file.", hidden="whole")
    largest: int = key(10_000, "Largest event, in bytes.", minimum=1, maximum=1_000_000)


class LineFile:
    """Appends each event to a file."""

    settings = LineFileSettings

    def __init__(self, name: str, settings: LineFileSettings) -> None:
        self._path = Path(settings.url.removeprefix("lines://"))
        self._settings = settings

    def send(self, message: Message) -> None:
        if len(message.body) > self._settings.largest:
            raise MessageRejected("the event is too large")
        with self._path.open("ab") as file:
            file.write(message.body + b"\n")

    def idle(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""
'''

BROKEN = "raise RuntimeError('no such library')\n"
NO_SINK = "class LineFile:\n    pass\n"

Install = Callable[[str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """``install(source)``: a package with the entry point ``lines``, as pip would install it; its directory."""

    def write(source: str) -> Path:
        site = tmp_path / "site"
        site.mkdir()
        name = f"lback_lines_{tmp_path.name}"
        (site / f"{name}.py").write_text(source)
        about = site / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[lback.sinks]\nlines = {name}:LineFile\n")
        monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()
        return site

    return write


def load(directory: Path, keys: str) -> Settings:
    file = directory / "config.toml"
    file.touch(0o600)
    file.write_text(f"[relay.it]\nurl = 'lines://{directory}/out'\n{keys}")
    return load_settings(environment={}, directory=directory)


def has_taken(other: Endpoint, count: int) -> bool:
    return len(other.taken) == count


def refusal(directory: Path, keys: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(directory, keys)
    return caught.value.message.replace(f"{directory}/", "")


def test_events_are_delivered_to_the_sink_of_a_plugin(world: World, install: Install, tmp_path: Path) -> None:
    install(SINK)
    world.add_events(3)
    report = world.once(**load(tmp_path, "").relay)["it"]
    assert (report.delivered, report.position) == (3, 3)
    assert len((tmp_path / "out").read_bytes().splitlines()) == 3
    world.add_events(1)
    report = world.once(**load(tmp_path, "largest = 1\n").relay)["it"]
    assert (report.delivered, report.dead) == (0, 1)


def test_keys_of_a_plugin_are_checked_and_its_secrets_masked(install: Install, tmp_path: Path) -> None:
    install(SINK)
    settings = load(tmp_path, "largest = 5\npin = 'canary'\n")
    rows = describe_settings(settings)
    assert ShownSetting("relay.it.largest", 5, str(tmp_path / "config.toml")) in rows
    assert ShownSetting("relay.it.pin", "***", str(tmp_path / "config.toml")) in rows
    assert "canary" not in repr(settings)
    assert refusal(tmp_path, "larges = 5\n") == "config.toml: unknown key 'larges' in [relay.it]."
    assert refusal(tmp_path, "largest = 0\n") == (
        "relay.it.largest (config.toml): 0 is not a whole number from 1 to 1000000."
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (BROKEN, "relay.it.url: the sink for lines:// cannot be loaded: RuntimeError: no such library."),
        (NO_SINK, "relay.it.url: the class of lines:// has no 'settings' that are a subclass of SinkSettings."),
    ],
)
def test_plugin_that_cannot_be_used_breaks_only_its_sink(
    install: Install, tmp_path: Path, source: str, message: str
) -> None:
    install(source)
    (sink,) = load(tmp_path, "largest = 5\n").relay.values()
    assert sink == SinkSettings(url=f"lines://{tmp_path}/out")
    with pytest.raises(ConfigurationError) as caught:
        build_sink("it", sink)
    assert caught.value.message == message


@pytest.mark.parametrize(
    "case",
    [("send", 0, "RuntimeError"), ("send", 0, "SystemExit"), ("idle", 2, "RuntimeError"), ("close", 2, "RuntimeError")],
)
def test_bug_of_a_plugin_is_a_failure_of_its_sink_alone(
    world: World, install: Install, endpoint: Callable[..., Endpoint], tmp_path: Path, case: tuple[str, int, str]
) -> None:
    method, delivered, error = case
    install(SINK + f"\n    def {method}(self, *_: object) -> None:\n        raise {error}('canary')\n")
    sinks = load(tmp_path, "").relay
    fine = endpoint()
    with world.relaying(**sinks, fine=fine.settings):
        for count in (1, 2):
            world.add_events(1)
            eventually(partial(has_taken, fine, count))
            time.sleep(2 * POLL_SECONDS)  # the relay calls idle() that often
    assert world.position("it") == delivered
    expected = [("failing", "it", f"unexpected {error}")] if method == "send" else []
    assert [report for report in world.observer.reports if report[1] == "it"] == expected


@pytest.mark.parametrize("error", ["RuntimeError", "SystemExit"])
def test_bug_of_a_plugin_in_the_making_of_its_sink_is_reported(install: Install, tmp_path: Path, error: str) -> None:
    install(SINK + f"\n    def __init__(self, *_: object) -> None:\n        raise {error}('canary')\n")
    (sink,) = load(tmp_path, "").relay.values()
    with pytest.raises(ConfigurationError) as caught:
        build_sink("it", sink)
    assert caught.value.message == f"relay.it: the sink for lines:// cannot be made: unexpected {error}."


def test_installed_command_finds_the_plugin(lback: Any, install: Install) -> None:
    site = install(SINK)
    lback.environment.update(
        {
            "PYTHONPATH": str(site),
            "LBACK_RELAY_IT_URL": f"lines://{lback.directory}/out",
            "LBACK_RELAY_IT_PIN": "canary",
            "LBACK_DATABASE_URL": f"sqlite:///{lback.directory}/users.db",
        }
    )
    assert lback("db", "init").status == 0
    values = {row["key"]: row["value"] for row in lback("config", "show", "-o", "json").result}
    assert (values["relay.it.largest"], values["relay.it.pin"]) == (10000, "***")
    World(lback.environment["LBACK_DATABASE_URL"]).add_events(2)
    assert lback("events", "relay", "--once", "-o", "json").result[0]["delivered"] == 2
    assert len((lback.directory / "out").read_bytes().splitlines()) == 2
