"""An empty working directory, an empty user configuration directory, and no environment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.settings import Settings, load_settings


@dataclass
class Workspace:
    """The places from which settings are loaded."""

    directory: Path
    user_file: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def load(self, config: Path | None = None, overrides: dict[str, Any] | None = None) -> Settings:
        return load_settings(config, overrides, self.environment, self.directory)

    def error(self, config: Path | None = None, overrides: dict[str, Any] | None = None) -> ConfigurationError:
        with pytest.raises(ConfigurationError) as caught:
            self.load(config, overrides)
        return caught.value


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    home = tmp_path / "user-config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    directory = tmp_path / "project" / "inner"
    directory.mkdir(parents=True)
    return Workspace(directory, home / "lback" / "config.toml")


@pytest.fixture
def changed() -> Callable[[Settings], dict[str, str]]:
    """Return the sources of the keys that do not have their default."""
    return lambda settings: {name: source for name, source in settings.sources.items() if source != "default"}
