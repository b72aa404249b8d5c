"""Read the configuration from all its sources, each value with the place it came from."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import Field
from pathlib import Path
from typing import Any

from lback_cli.errors import ConfigurationError
from lback_cli.settings.env_file import read_private_variables
from lback_cli.settings.parsing import parse
from lback_cli.settings.schema import Settings, families, keys, section_class, sections

ENVIRONMENT_PREFIX = "LBACK_"

OTHER_VARIABLES = {
    "LBACK_CONFIG": "path of the configuration file",
    "LBACK_ACTOR": "who is acting, for the event log",
    "LBACK_HOOK": "what a hook is told of its own path",
    "LBACK_REQUIRE_SERVICES": "services that lback's own tests must find",
}
"""Environment variables that are not configuration keys."""

_EXAMPLE = "config.example.toml shows how every key is written."

Values = dict[tuple[str, str], tuple[Any, str]]
"""(section, key) -> (raw value, where it came from); a section of a family is called ``family.name``."""

_NAME = re.compile("[a-z][a-z0-9]{0,31}")
"""Names in a family; without a separator, so that its variables can be told apart."""


def load_settings(
    config: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """Combine all sources, the later over the earlier: defaults, file, ``.env``, *environment*, *overrides*.

    *config* names the file outright; *overrides* maps ``section.key`` to values given on the command line, None being
    an option that was not given; *directory* is where ``config.toml`` and ``.env`` are looked for (the current one by
    default, never a parent).

    Raises `ConfigurationError` for an unknown key, a bad value or a file that cannot be read.
    """
    environment = os.environ if environment is None else environment
    directory = directory or Path()
    environment_file = read_private_variables(directory / ".env", ENVIRONMENT_PREFIX)
    values: Values = {}
    merged = {**environment_file, **environment}
    config_file = _find_config_file(config, merged, directory)
    if config_file is not None:
        values |= _from_file(config_file)
    values |= _from_environment(environment_file, " in .env")
    values |= _from_environment(environment, "")
    values |= _from_overrides(overrides or {})
    return _build(values, config_file, merged.get("LBACK_ACTOR") or None)


def user_config_file() -> Path:
    """The configuration file in the user's configuration directory."""
    from platformdirs import user_config_path

    return user_config_path("lback") / "config.toml"


def _build(values: Values, config_file: Path | None, actor: str | None) -> Settings:
    sources: dict[str, str] = {}
    built = {section.name: _section(section, section.name, values, sources) for section in sections()}
    for family in families():
        names = sorted({section for section, _ in values if section.startswith(f"{family.name}.")})
        built[family.name] = {name.partition(".")[2]: _section(family, name, values, sources) for name in names}
    return Settings(**built, sources=sources, config_file=config_file, actor=actor)


def _section(declared: Field[Any], section: str, values: Values, sources: dict[str, str]) -> Any:
    """What *values* say of one section; where each value came from is added to *sources*."""
    chosen: dict[str, Any] = {}
    for key in keys(declared):
        name = f"{section}.{key.name}"
        raw, sources[name] = values.get((section, key.name), (None, "default"))
        if (section, key.name) in values:
            chosen[key.name] = parse(key, raw, name=name, source=sources[name])
    return section_class(declared)(**chosen)


def _find_config_file(config: Path | None, environment: Mapping[str, str], directory: Path) -> Path | None:
    """``--config``, then ``LBACK_CONFIG``, then ``./config.toml``, then the user's configuration directory."""
    if config is not None:
        return config
    if named := environment.get("LBACK_CONFIG"):
        return Path(os.path.expanduser(named))  # noqa: PTH111 (Path.expanduser raises for a user who is not)
    # Not Path.is_file: before Python 3.14 it raises where a directory may not be entered, such as root's under sudo -u.
    found = (path for path in _usual_config_files(directory) if os.path.isfile(path))  # noqa: PTH113
    return next(found, None)


def _usual_config_files(directory: Path) -> Iterable[Path]:
    yield directory / "config.toml"
    yield user_config_file()


def _from_file(path: Path) -> Values:
    known = {section.name: [key.name for key in keys(section)] for section in sections()}
    named = {family.name: [key.name for key in keys(family)] for family in families()}
    values: Values = {}
    for section, table in _read_toml(path).items():
        if section not in known and section not in named:
            what = f"section [{section}]" if isinstance(table, dict | list) else f"key {section!r} outside any section"
            raise ConfigurationError(f"{path}: unknown {what}.", hint=_choices("Sections", section, [*known, *named]))
        if section in known:
            values |= _from_table(path, section, table, known[section])
            continue
        if not isinstance(table, dict) or not all(isinstance(inner, dict) for inner in table.values()):
            raise ConfigurationError(f"{path}: {section} must be sections with names, [{section}.NAME].", hint=_EXAMPLE)
        for name, inner in table.items():
            _require_name(f"{path}: [{section}.{name}]", name)
            values |= _from_table(path, f"{section}.{name}", inner, named[section])
    return values


def _from_table(path: Path, section: str, table: Any, known: list[str]) -> Values:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: {section} must be a section, [{section}].", hint=_EXAMPLE)
    for key in table:
        if key not in known:
            raise ConfigurationError(
                f"{path}: unknown key {key!r} in [{section}].", hint=_choices(f"Keys of [{section}]", key, known)
            )
    return {(section, key): (value, str(path)) for key, value in table.items()}


def _require_name(where: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{where}: {name[:40]!r} is not a name.",
            hint="A name is up to 32 lower-case letters and digits, the first a letter.",
        )


def _read_toml(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        content = path.read_bytes()
        return tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read {path}: {error.strerror or error}.",
            hint="Check --config, LBACK_CONFIG and who may read the file.",
        ) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{path} is not valid TOML: line {line} is not UTF-8.", hint="Save it as UTF-8."
        ) from error
    except RecursionError as error:
        raise ConfigurationError(f"{path} is not valid TOML: nested too deeply.", hint=_EXAMPLE) from error
    except ValueError as error:  # TOMLDecodeError, and int()'s for one of thousands of digits
        raise ConfigurationError(f"{path} is not valid TOML: {error}.", hint=_EXAMPLE) from error


def _from_environment(environment: Mapping[str, str], where: str) -> Values:
    variables = {
        f"{ENVIRONMENT_PREFIX}{section.name}_{key.name}".upper(): (section.name, key.name)
        for section in sections()
        for key in keys(section)
    }
    variables["LBACK_OUTPUT"] = ("output", "format")
    found: Values = {}
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX) and name not in variables and name not in OTHER_VARIABLES:
            if (member := _of_family(name)) is None:
                raise ConfigurationError(
                    f"Unknown environment variable {name}{where}.", hint=_variable_choices(name, variables)
                )
            found[member] = (value, f"{name}{where}")
    # In the order of the keys, not of the environment, so that LBACK_OUTPUT always wins over LBACK_OUTPUT_FORMAT.
    own = {key: (environment[name], f"{name}{where}") for name, key in variables.items() if name in environment}
    return found | own


def _of_family(variable: str) -> tuple[str, str] | None:
    """The section and key that *variable* sets in a family: ``LBACK_RELAY_AUDIT_URL`` is ``url`` in relay.audit."""
    for family in families():
        prefix = f"{ENVIRONMENT_PREFIX}{family.name}_".upper()
        name, _, key = variable.removeprefix(prefix).lower().partition("_")
        if variable.startswith(prefix) and key in {known.name for known in keys(family)} and variable.isupper():
            _require_name(variable, name)
            return f"{family.name}.{name}", key
    return None


def _from_overrides(overrides: Mapping[str, Any]) -> Values:
    known = {f"{section.name}.{key.name}": (section.name, key.name) for section in sections() for key in keys(section)}
    values: Values = {}
    for name, value in overrides.items():
        if name not in known:
            raise ConfigurationError(f"Unknown key {name!r}.", hint=_choices("Keys", name, known))
        if value is not None:
            section, key = known[name]
            option = f"--{section}" if section == "output" else f"--{section}-{key}".replace("_", "-")
            values[section, key] = (value, option)
    return values


def _variable_choices(name: str, variables: Iterable[str]) -> str:
    section = name.removeprefix(ENVIRONMENT_PREFIX).partition("_")[0]
    siblings = [variable for variable in variables if variable.startswith(f"{ENVIRONMENT_PREFIX}{section}_")]
    if siblings:
        return _choices(f"Variables of [{section.lower()}]", name, siblings)
    single = [f"{ENVIRONMENT_PREFIX}{section.name}_".upper() for section in sections()]
    named = [f"{ENVIRONMENT_PREFIX}{family.name}_NAME_".upper() for family in families()]
    stems = ", ".join(f"{stem}..." for stem in [*single, *named])
    return f"{_nearest(name, [*variables, *OTHER_VARIABLES])}Variables are {stems}, {', '.join(OTHER_VARIABLES)}."


def _choices(what: str, wrong: str, right: Iterable[str]) -> str:
    return f"{_nearest(wrong, right)}{what} are {', '.join(right)}."


def _nearest(wrong: str, right: Iterable[str]) -> str:
    from difflib import get_close_matches

    return "".join(f"Did you mean {match}? " for match in get_close_matches(wrong, right, n=1, cutoff=0.75))
