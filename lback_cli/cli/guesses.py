"""Words that a person may guess, each with the command or option that does it. None of them deletes anything."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from lback_cli.errors import UsageError

DESTRUCTIVE = frozenset({"delete", "erase", "drop"})
"""Commands that are never proposed: a person who mistyped a word may run what is proposed."""

_ALIKE = 0.8
"""How alike a mistyped word is to one of the words below, at least."""

_SHOW_USER, _UPDATE = ("lback user show USER",), ("lback user update USER --email ADDRESS",)
_DEACTIVATE, _ACTIVATE = ("lback user update USER --deactivate",), ("lback user update USER --activate",)
_REGISTER = ("lback user register USERNAME --email ADDRESS",)
_RESET = ("lback user request-password-reset USER", "lback user reset-password USER")
_LEAVE = ("lback group remove GROUP USER", *_DEACTIVATE)
_JOIN, _MEMBERS = ("lback group add GROUP USER",), ("lback group members GROUP",)
_CREATE, _RENAME = ("lback group create GROUP",), ("lback group rename GROUP NEW",)
_EVENTS, _CONFIG = ("lback events list",), ("lback config path",)

COMMANDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "lback user": {
        **dict.fromkeys(("create", "new", "signup"), _REGISTER),
        **dict.fromkeys(("remove", "rm", "del"), _LEAVE),
        **dict.fromkeys(("lock", "block", "ban", "suspend", "deactivate"), _DEACTIVATE),
        **dict.fromkeys(("unblock", "unban", "unsuspend", "activate"), _ACTIVATE),
        **dict.fromkeys(("login", "auth", "check-password"), ("lback user authenticate USERNAME",)),
        **dict.fromkeys(("find", "search", "query"), ("lback user list --search TEXT",)),
        **dict.fromkeys(("count",), ("lback user list --fields id -o value | wc -l",)),
        **dict.fromkeys(("ls", "users"), ("lback user list",)),
        **dict.fromkeys(("describe", "get", "view", "info", "cat"), _SHOW_USER),
        **dict.fromkeys(("edit", "modify", "change", "set"), _UPDATE),
        **dict.fromkeys(("reset", "passwd", "password", "set-password", "change-password", "forgot-password"), _RESET),
        **dict.fromkeys(("verify", "confirm"), ("lback user verify-email TOKEN", "lback user update USER --verified")),
        **dict.fromkeys(("resend", "reinvite"), ("lback user resend-verification USER",)),
        **dict.fromkeys(("grant", "add-group", "join", "promote"), _JOIN),
        **dict.fromkeys(("revoke", "remove-group", "leave", "demote"), ("lback group remove GROUP USER",)),
        **dict.fromkeys(("log", "events", "audit"), ("lback user history USER",)),
        **dict.fromkeys(("undelete", "recover"), ("lback user restore USER",)),
    },
    "lback group": {
        **dict.fromkeys(("new",), _CREATE),
        **dict.fromkeys(("add-user", "add-member", "join"), _JOIN),
        **dict.fromkeys(("remove-user", "remove-member", "leave", "rm", "kick"), ("lback group remove GROUP USER",)),
        **dict.fromkeys(("users", "list-members", "list-users"), _MEMBERS),
        **dict.fromkeys(("describe", "get", "view", "info"), ("lback group show GROUP",)),
        **dict.fromkeys(("ls", "groups", "count"), ("lback group list",)),
        **dict.fromkeys(("update", "edit", "move", "mv"), _RENAME),
    },
    "lback events": {
        **dict.fromkeys(("tail", "watch", "stream"), ("lback events follow",)),
        **dict.fromkeys(("ls", "log", "search", "find", "history"), _EVENTS),
        **dict.fromkeys(("describe", "get", "view"), ("lback events show SEQ",)),
        **dict.fromkeys(("check", "validate"), ("lback events verify",)),
        **dict.fromkeys(("count", "stats", "report"), ("lback events summary",)),
        **dict.fromkeys(("send", "deliver", "publish"), ("lback events relay",)),
        **dict.fromkeys(("status",), ("lback events sinks",)),
        **dict.fromkeys(("dump",), ("lback events export",)),
    },
    "lback signals": {
        **dict.fromkeys(("describe", "get", "explain", "info"), ("lback signals show NAME",)),
        **dict.fromkeys(("ls",), ("lback signals list",)),
        **dict.fromkeys(("receivers",), ("lback signals list --receivers",)),
    },
    "lback mail": {
        **dict.fromkeys(("send", "flush", "run"), ("lback mail deliver",)),
        **dict.fromkeys(("list", "ls", "status"), ("lback mail queue list",)),
        **dict.fromkeys(("retry",), ("lback mail queue retry --dead",)),
    },
    "lback db": {
        **dict.fromkeys(("migrate", "update"), ("lback db upgrade",)),
        **dict.fromkeys(("create", "setup", "install"), ("lback db init",)),
        **dict.fromkeys(("show", "info", "version", "current"), ("lback db status",)),
        **dict.fromkeys(("check",), ("lback doctor", "lback db status")),
        **dict.fromkeys(("backup", "dump", "move", "export"), ("lback db copy --to URL",)),
    },
    "lback config": {
        **dict.fromkeys(("list", "ls", "get", "dump"), ("lback config show",)),
        **dict.fromkeys(("set", "edit", "init", "file", "where"), _CONFIG),
    },
    "lback": {
        **dict.fromkeys(("version",), ("lback --version",)),
        **dict.fromkeys(("check", "health", "diagnose", "test"), ("lback doctor",)),
        **dict.fromkeys(("log", "audit", "tail"), _EVENTS),
        **dict.fromkeys(("options",), ("lback help options",)),
        **dict.fromkeys(("members",), _MEMBERS),
    },
}
"""What to run instead, by group and word. A word that is not a command of `lback` may be one of its groups' words."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("--disable", "--deactivated", "--lock", "--block", "--suspend"), ("--deactivate", "--inactive")),
    **dict.fromkeys(("--enable", "--activated", "--unlock"), ("--activate", "--active")),
    **dict.fromkeys(("--disabled",), ("--inactive", "--deactivate")),
    **dict.fromkeys(("--enabled",), ("--active", "--activate")),
    **dict.fromkeys(("--group", "--groups", "--role", "--member-of", "--join"), ("--add-group GROUP", "--group GROUP")),
    **dict.fromkeys(("--admin",), ("--add-group admin", "--group admin")),
    **dict.fromkeys(("--name", "--rename", "--user", "--login"), ("--username NAME",)),
    **dict.fromkeys(("--mail", "--address", "--e-mail"), ("--email ADDRESS",)),
    **dict.fromkeys(("--verify", "--confirmed"), ("--verified",)),
    **dict.fromkeys(("--invited", "--invitation", "--no-password"), ("--invite",)),
    **dict.fromkeys(("--filter", "--status", "--state"), ("--where CONDITION", "--outcome WORD")),
    **dict.fromkeys(("--query", "--find", "--grep"), ("--search TEXT", "--where CONDITION")),
    **dict.fromkeys(("--all", "--no-limit"), ("--limit 0",)),
    **dict.fromkeys(("--page", "--offset", "--skip", "--next"), ("--after VALUE", "--before SEQ")),
    **dict.fromkeys(("--columns", "--column", "--cols", "--field", "--select"), ("--fields NAME,NAME",)),
    **dict.fromkeys(("--out", "--output-file", "--to-file"), ("--file PATH",)),
    **dict.fromkeys(("--dry-run", "--check", "--simulate", "--preview"), ("--plan",)),
    **dict.fromkeys(("--yes", "-y", "--force", "-f", "--no-confirm"), ("--yes", "--confirm NAME")),
    **dict.fromkeys(("--skip-existing", "--ignore-existing", "--exist-ok"), ("--if-exists skip",)),
    **dict.fromkeys(("--skip-missing", "--ignore-not-found", "--ignore-missing"), ("--if-missing skip",)),
    **dict.fromkeys(("--set-attribute", "--attribute", "--attr"), ("--set NAME=VALUE",)),
    **dict.fromkeys(("--verbose", "-v", "--trace"), ("--trace-signals",)),
    **dict.fromkeys(("--silent", "-s"), ("--quiet",)),
    **dict.fromkeys(("--db", "--database", "--url"), ("--database-url URL",)),
}
"""What to write instead of an option that does not exist: the first that the command takes."""

OTHERS: Mapping[str, Mapping[str, str]] = {
    "lback user list": {"--count": "lback user list --fields id -o value | wc -l"},
    "lback group members": {"--count": "lback group show GROUP"},
    "lback events list": {"--count": "lback events summary"},
    "lback user export": dict.fromkeys(
        ("--fields", "--columns", "--column", "--cols", "--select"),
        "lback user list --fields username,email,groups -o csv > users.csv",
    ),
    "lback report access": {"--file": "lback report access --format html > access.html"},
    "lback report activity": {"--file": "lback report activity --format html > activity.html"},
}
"""The command lines that do what an option would do that a command does not have, by command and option."""

_FORMATS = ("--json", "--jsonl", "--csv", "--yaml", "--table")
_COMPLETION = ("--install-completion", "--show-completion", "--completion")


def unknown_command(path: str, group: Any, word: str) -> UsageError:
    """Return the error that *group*, which *path* calls, has no command *word*, with what may be meant."""
    message, usage = f"No such command {word!r}.", f"{path} --help shows the usage."
    calls = _calls(path, group, word)
    near = get_close_matches(word, [*group.commands, *group.aliases])
    if not DESTRUCTIVE.isdisjoint(near[:1]):
        near = []  # the others are not better
    elif not (calls or near):
        guesses = COMMANDS.get(path, {})
        calls = next((guesses[guess] for guess in get_close_matches(word, guesses, 1, _ALIKE)), ())
    if calls:
        return UsageError(message, hint=f"Try: {', or: '.join(calls)}")
    names = ", ".join(repr(name) for name in near if name not in DESTRUCTIVE)
    return UsageError(f"{message} Did you mean {names}?" if names else message, hint=usage)


def option_instead(path: str, option: str, accepted: Collection[str]) -> str | None:
    """Return what to do instead of *option*, for the command *path*, which takes the options *accepted*."""
    if line := OTHERS.get(path, {}).get(option):
        return f"Try: {line}"
    instead = _option_instead(option, accepted)
    return None if instead is None else f"Use {instead}."


def argument_instead(argument: str, accepted: Collection[str]) -> str | None:
    """Return what to do instead of *argument*, for a command that takes no such argument but the options *accepted*."""
    from lback_cli.managers.user_conditions import FLAGS, LOCKED

    if argument.startswith("-"):
        return None
    if "--where" in accepted and argument in {*FLAGS, LOCKED}:
        return f"Use --where {argument}."
    is_path = "." in argument and "@" not in argument
    options = [*(["--file"] if is_path else []), "--search", *(["--email"] if "@" in argument else [])]
    return next((f"Use {option} {argument}." for option in options if option in accepted), None)


def _option_instead(option: str, accepted: Collection[str]) -> str | None:
    if option in _FORMATS:
        return f"-o {option.removeprefix('--')}"
    if option in _COMPLETION:
        return "lback completion --help"
    return next((instead for instead in OPTIONS.get(option, ()) if instead.split()[0] in accepted), None)


def _calls(path: str, group: Any, word: str) -> tuple[str, ...]:
    """Return what to run for *word*, which is not a command of *group*."""
    calls = COMMANDS.get(path, {}).get(word, ())
    if calls or path != "lback" or word in DESTRUCTIVE:
        return calls
    return tuple(dict.fromkeys(_below(group, word)))


def _below(root: Any, word: str) -> Iterator[str]:
    """Yield what to run for *word* if it is a command of the groups below `lback`, or else one of their guesses."""
    groups = {name: group for name, group in root.commands.items() if hasattr(group, "commands")}
    having = [name for name, group in groups.items() if word in {*group.commands, *group.aliases}]
    yield from (f"lback {name} {word}" for name in having)
    for name in groups if not having else ():
        yield from COMMANDS.get(f"lback {name}", {}).get(word, ())
