"""Read the configuration from all its sources, and record the source of each value."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from lback_cli.attributes import BUILT_IN, is_declarable
from lback_cli.errors import ConfigurationError
from lback_cli.problem import Problem
from lback_cli.settings.config_files import KEYS_ALIKE, SHARED_NAME, find_config_file, named_config_file
from lback_cli.settings.env_file import read_private_variables
from lback_cli.settings.masking import has_secrets
from lback_cli.settings.parsing import parse
from lback_cli.settings.schema import Settings, families, keys, section_class, sections
from lback_cli.settings.trusted_file import is_public, read_trusted
from lback_cli.text.suggestions import did_you_mean

ENVIRONMENT_PREFIX = "LBACK_"

NON_KEY_VARIABLES = {
    "LBACK_CONFIG": "path of the configuration file",
    "LBACK_ACTOR": "name of the actor in the event log",
    "LBACK_PAGER": "command that shows long lists on a terminal",
    "LBACK_HOOK": "path of the running hook",
    "LBACK_REQUIRE_SERVICES": "services that lback's own tests require",
}
"""Known environment variables that are not configuration keys."""

_EXAMPLE = "config.example.toml shows how every key is written."

_SERVICE_LINK = re.compile("(tcp|udp|sctp)://")
"""How Docker and Kubernetes write the address of a service: one called lback-email sets LBACK_EMAIL_PORT to this."""

Values = dict[tuple[str, str], tuple[Any, str]]
"""(section, key) -> (raw value, its source). The name of a section of a family is ``family.name``."""

_NAMES = {"relay": re.compile("[a-z][a-z0-9]{0,31}"), "attributes": re.compile("[a-z][a-z0-9_]{0,31}")}
"""The names in each family."""


def load_settings(
    config: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """Combine all sources. Later ones override earlier ones: defaults, file, ``.env``, *environment*, *overrides*.

    An unknown ``LBACK_`` variable is only a warning: container platforms set variables such as ``LBACK_SERVICE_HOST``
    for a service called ``lback``.

    Args:
        config: The configuration file; by default the usual places are searched.
        overrides: Values of ``section.key`` from the command line. None means that the option was not given.
        environment: The environment variables; by default those of the process.
        directory: Where ``lback.toml``, ``config.toml`` and ``.env`` are looked for; by default the current directory,
            never a parent.

    Raises:
        ConfigurationError: A key is unknown, a value is invalid, or a file cannot be read.
    """
    environment = os.environ if environment is None else environment
    directory = directory or Path()
    environment_file = read_private_variables(directory / ".env", ENVIRONMENT_PREFIX)
    values: Values = {}
    merged = {**environment_file, **environment}
    warnings: list[Problem] = []
    config_file = named = named_config_file(config, merged)
    if named is None:
        known = [section.name for section in (*sections(), *families())]
        config_file = find_config_file(directory, known, warnings)
    if config_file is not None:
        values |= _from_file(config_file, is_named=named is not None)
    values |= _from_environment(environment_file, " in .env", warnings)
    values |= _from_environment(environment, "", warnings)
    values |= _from_overrides(overrides or {})
    settings = Settings(
        **_build_sections(values, warnings),
        config_file=config_file,
        actor=merged.get("LBACK_ACTOR") or None,
        warnings=tuple(warnings),
    )
    if config_file is not None and named is None and is_public(config_file) and has_secrets(settings, str(config_file)):
        raise ConfigurationError(
            f"{config_file} has a secret in it, but every user can read it.", hint=f"Run: chmod o-rwx {config_file}"
        )
    return settings


def _build_sections(values: Values, warnings: list[Problem]) -> dict[str, Any]:
    """Return the arguments of `Settings` for its sections and ``sources``, and add to *warnings*."""
    sources: dict[str, str] = {}
    built: dict[str, Any] = {
        section.name: _section(section_class(section), section.name, values, sources) for section in sections()
    }
    for family in families():
        built[family.name] = {}
        for section in sorted({section for section, _ in values if section.startswith(f"{family.name}.")}):
            if declared := _member_class(section, family, values, warnings):
                built[family.name][section.partition(".")[2]] = _section(declared, section, values, sources)
    return {**built, "sources": sources}


def _member_class(section: str, family: Field[Any], values: Values, warnings: list[Problem]) -> type[Any] | None:
    """Return the class of one section of *family*, or None if nothing is left of it.

    The URL of a sink selects the keys that it can have. An unknown key is an error in a file; as a variable it is a
    warning, and is removed from *values*.
    """
    declared: type[Any] | None = section_class(family)
    known: Collection[Field[Any]] | None = keys(family)
    if family.name == "relay":
        # Only commands with a sink in their configuration load the kinds of sinks.
        from lback_cli.settings.sinks import known_keys, settings_class

        url = str(values.get((section, "url"), ("", ""))[0])
        declared, known = settings_class(url) or declared, known_keys(url)
    if known is not None:
        for name, key in [place for place in values if place[0] == section]:
            if key not in {field.name for field in known}:
                source = values[name, key][1]
                error = _unknown_key(section, key, source, known)
                if not source.startswith(ENVIRONMENT_PREFIX) or _new_name(key, known) is not None:
                    raise error
                warnings.append(Problem(error.message, error.hint))
                del values[name, key]
    return declared if any(name == section for name, _ in values) else None


def _section(declared: type[Any], section: str, values: Values, sources: dict[str, str]) -> Any:
    """Build one section from *values*, and add the source of each value to *sources*."""
    chosen: dict[str, Any] = {}
    for key in fields(declared):
        name = f"{section}.{key.name}"
        raw, sources[name] = values.get((section, key.name), (None, "default"))
        if (section, key.name) in values:
            chosen[key.name] = parse(key, raw, name=name, source=sources[name])
    return declared(**chosen)


def _from_file(path: Path, *, is_named: bool) -> Values:
    known = {section.name: keys(section) for section in sections()}
    named = {family.name: keys(family) for family in families()}
    values: Values = {}
    for section, table in _read_toml(path, is_named=is_named).items():
        if section not in known and section not in named:
            unknown = (
                f"section [{section}]" if isinstance(table, dict | list) else f"key {section!r} outside any section"
            )
            hint = _choices("Sections", section, [*known, *named])
            if path.name == SHARED_NAME and not is_named:
                hint += " If the file belongs to another program, call lback's own lback.toml."
            raise ConfigurationError(f"{path}: unknown {unknown}.", hint=hint)
        if section in known:
            values |= _from_table(path, section, table, known[section])
            continue
        if not isinstance(table, dict) or not all(isinstance(inner, dict) for inner in table.values()):
            raise ConfigurationError(
                f"{path}: {section} must consist of named sections, [{section}.NAME].", hint=_EXAMPLE
            )
        for name, inner in table.items():
            if problem := _name_problem(section, name):
                raise ConfigurationError(f"{path}: [{section}.{name}]: {problem.message}", hint=problem.hint)
            # The keys of a sink are checked when its URL is known, which may be in a variable.
            known_here = None if section == "relay" else named[section]
            values |= _from_table(path, f"{section}.{name}", inner, known_here)
    return values


def _from_table(path: Path, section: str, table: Any, known: Collection[Field[Any]] | None) -> Values:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: {section} must be a section, [{section}].", hint=_EXAMPLE)
    for key in table:
        if known is not None and key not in {field.name for field in known}:
            raise _unknown_key(section, key, str(path), known)
    return {(section, key): (value, str(path)) for key, value in table.items()}


def _name_problem(family: str, name: str) -> Problem | None:
    """Return why *name* cannot be declared in *family*, or None."""
    if not _NAMES[family].fullmatch(name):
        characters = (
            "lower-case letters, digits and underscores" if family == "attributes" else "lower-case letters and digits"
        )
        return Problem(
            f"{name[:40]!r} is not a valid name.", f"A name is up to 32 {characters}, and starts with a letter."
        )
    if family == "attributes" and not is_declarable(name):
        if name in {attribute.name for attribute in BUILT_IN}:
            return Problem(
                f"{name!r} is an attribute of lback itself.", "Remove it from [attributes]; its values are kept."
            )
        return Problem(f"{name!r} has a meaning in lback already.", "Choose another name.")
    return None


def _read_toml(path: Path, *, is_named: bool) -> dict[str, Any]:
    import tomllib

    try:
        content = path.read_bytes() if is_named else read_trusted(path)
        return tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read {path}: {error.strerror or error}.",
            hint="Check --config, LBACK_CONFIG and the permissions of the file.",
        ) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{path} is not valid TOML: line {line} is not UTF-8.", hint="Save it as UTF-8."
        ) from error
    except RecursionError as error:
        raise ConfigurationError(f"{path} is not valid TOML: nested too deeply.", hint=_EXAMPLE) from error
    except ValueError as error:  # TOMLDecodeError, or int() refuses thousands of digits
        raise ConfigurationError(f"{path} is not valid TOML: {error}.", hint=_EXAMPLE) from error


def _from_environment(environment: Mapping[str, str], where: str, warnings: list[Problem]) -> Values:
    """Return the values of *environment*, and add a warning for each unknown variable."""
    declared = {
        f"{ENVIRONMENT_PREFIX}{section.name}_{key.name}".upper(): (section, key)
        for section in sections()
        for key in keys(section)
    }
    variables = {name: (section.name, key.name) for name, (section, key) in declared.items()}
    variables["LBACK_OUTPUT"] = ("output", "format")
    renamed = {
        f"{ENVIRONMENT_PREFIX}{section.name}_{key.metadata['formerly']}".upper(): name
        for name, (section, key) in declared.items()
        if "formerly" in key.metadata
    }
    values: Values = {}
    for name, value in environment.items():
        if name in variables and _SERVICE_LINK.match(value):
            warnings.append(
                Problem(
                    f"{name}{where} is ignored, because it is the address of a container platform's service.",
                    "Rename the service, or set enableServiceLinks: false in Kubernetes.",
                )
            )
        if name.startswith(ENVIRONMENT_PREFIX) and name not in variables and name not in NON_KEY_VARIABLES:
            if name in renamed:
                raise ConfigurationError(f"{name}{where} is now called {renamed[name]}.", hint="Rename the variable.")
            if (member := _of_family(name)) is None:
                names = [*variables, *NON_KEY_VARIABLES, *_family_variables(name)]
                hint = did_you_mean(name, names, likeness=KEYS_ALIKE) or None
                warnings.append(Problem(f"Unknown environment variable {name}{where}.", hint))
            else:
                values[member] = (value, f"{name}{where}")
    # In the order of the keys, so that LBACK_OUTPUT always wins over LBACK_OUTPUT_FORMAT.
    for name, key in variables.items():
        given = environment.get(name)
        if given is not None and not _SERVICE_LINK.match(given) and (given or _may_be_empty(name, declared)):
            values[key] = (given, f"{name}{where}")
    return values


def _may_be_empty(variable: str, declared: Mapping[str, tuple[Any, Field[Any]]]) -> bool:
    """Return whether an empty value means something. Otherwise it counts as unset, as Compose files leave it."""
    return variable in declared and declared[variable][1].default in (None, "", ())


def _of_family(variable: str) -> tuple[str, str] | None:
    """Return the section and key of a family that *variable* sets: LBACK_RELAY_AUDIT_URL is url in relay.audit."""
    for family in families():
        prefix = f"{ENVIRONMENT_PREFIX}{family.name}_".upper()
        if not variable.startswith(prefix) or not variable.isupper():
            continue
        member = variable.removeprefix(prefix).lower()
        if family.name == "relay":
            # The keys depend on the kind of sink; the name has no underscore.
            name, _, key = member.partition("_")
            return (f"relay.{name}", key) if key and _name_problem("relay", name) is None else None
        # A name of an attribute may have underscores.
        for key in (known.name for known in keys(family)):
            name = member.removesuffix(f"_{key}")
            if name != member and _name_problem(family.name, name) is None:
                return f"{family.name}.{name}", key
    return None


def _family_variables(variable: str) -> Iterator[str]:
    """Yield the variables of the family section that *variable* seems to name."""
    for family in families():
        prefix = f"{ENVIRONMENT_PREFIX}{family.name}_".upper()
        if variable.startswith(prefix):
            name = variable.removeprefix(prefix).partition("_")[0]
            yield from (f"{prefix}{name}_{key.name}".upper() for key in keys(family))


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


def _new_name(key: str, known: Collection[Field[Any]]) -> str | None:
    """Return the name that *key* has now, if it was renamed."""
    return next((field.name for field in known if field.metadata.get("formerly") == key), None)


def _unknown_key(section: str, key: str, source: str, known: Collection[Field[Any]]) -> ConfigurationError:
    """Return the error for a *key* that is not among the *known* ones, in the file or the variable *source*."""
    prefix = f"{ENVIRONMENT_PREFIX}{section.replace('.', '_')}_".upper()
    is_variable = source.startswith(prefix)
    new_name = _new_name(key, known)
    if is_variable and new_name is not None:
        new_name = f"{prefix}{new_name}".upper()
        return ConfigurationError(f"{source} is now called {new_name}.", hint="Rename the variable.")
    if is_variable:
        names = [f"{prefix}{field.name}".upper() for field in known]
        hint = did_you_mean(source, names, likeness=KEYS_ALIKE) or f"Variables of [{section}] are {', '.join(names)}."
        return ConfigurationError(f"Unknown environment variable {source}.", hint=hint)
    if new_name is not None:
        return ConfigurationError(
            f"{source}: the key {key!r} in [{section}] is now called {new_name!r}.", hint="Rename the key."
        )
    return ConfigurationError(
        f"{source}: unknown key {key!r} in [{section}].",
        hint=_choices(f"Keys of [{section}]", key, [field.name for field in known]),
    )


def _choices(what: str, wrong: str, right: Iterable[str]) -> str:
    right = list(right)
    suggestion = did_you_mean(wrong, right, likeness=KEYS_ALIKE)
    return f"{suggestion} {what} are {', '.join(right)}.".lstrip()
