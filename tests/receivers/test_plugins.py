"""How plugins are found, and the messages about plugins that cannot be used."""

import json
from textwrap import dedent
from typing import Any

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.receivers.loader import Receivers
from lback_cli.settings import ReceiverSettings, Settings
from lback_cli.signals import user_pre_register, user_registered

Workshop = Any  # of conftest.py

LISTENING = """
    from lback_cli.signals import user_pre_register, user_registered

    user_registered.connect(lambda sender, **arguments: print("registered"))


    @user_pre_register.connect
    def before(sender, **arguments):
        print("before")


    class Office:
        def hear(self, sender, **arguments):
            print("office")


    user_pre_register.connect(Office().hear)
"""

HINT = "Repair or remove it, or run without receivers: --no-receivers"
MODULES = "receivers.modules from LBACK_RECEIVERS_MODULES"
POINT = "entry point 'staff' of acme-receivers 1.2"


def refused(message: str, hint: str = HINT) -> tuple[int, str, str]:
    return 9, "", f"error: {message}\n       {hint}\n"


def test_no_plugins_means_no_receivers(workshop: Workshop) -> None:
    assert workshop("signals", "list", "--receivers") == (0, "", "No receivers.\n")
    assert workshop("signals", "list", "--receivers", "-o", "json") == (0, "[]\n", "")


def test_plugins_and_hooks_are_listed_in_running_order(workshop: Workshop) -> None:
    workshop.module("acme", LISTENING)
    workshop.module("configured", LISTENING)
    workshop.distribution("acme-receivers", "staff = acme")
    hook = workshop.hook("user_pre_register/10-check", "exit 0")

    listed = workshop("signals", "list", "--receivers", "-o", "json")

    assert (listed.status, listed.err) == (0, "")
    assert [tuple(row.values()) for row in listed.result] == [
        ("user_pre_register", "acme.before", POINT),
        ("user_pre_register", "acme.Office.hear", POINT),
        ("user_pre_register", "configured.before", MODULES),
        ("user_pre_register", "configured.Office.hear", MODULES),
        ("user_pre_register", "user_pre_register/10-check", str(hook)),
        ("user_registered", "acme.<lambda>", POINT),
        ("user_registered", "configured.<lambda>", MODULES),
    ]
    assert workshop("signals", "list", "--receivers", "--no-receivers", "-o", "json").result == []


def test_lambdas_and_methods_are_held_and_connected_once(workshop: Workshop) -> None:
    workshop.module("acme", LISTENING)
    workshop.distribution("acme-receivers", "staff = acme")

    registered = workshop.register()

    assert registered.status == 0
    assert registered.err.splitlines()[:3] == ["before", "office", "registered"]
    assert registered.result["username"] == "alice", "what a receiver prints is not among the results"


def test_plugin_that_imports_another_leaves_its_receivers_to_it(workshop: Workshop) -> None:
    workshop.module("outer", f"import inner\n{dedent(LISTENING)}")
    workshop.module("inner", LISTENING)

    listed = workshop("signals", "list", "--receivers", "-o", "json")

    assert listed.status == 0
    assert [row["receiver"] for row in listed.result if row["signal"] == "user_registered"] == [
        "inner.<lambda>",
        "outer.<lambda>",
    ]
    assert workshop.register().err.splitlines()[:6] == ["before", "office"] * 2 + ["registered"] * 2


def test_decorated_receiver_gets_all_its_signals(workshop: Workshop) -> None:
    workshop.module(
        "acme",
        """
        from lback_cli.signals import current_emission, receiver, user_pre_register, user_registered

        def connect():
            @receiver(user_pre_register, user_registered)
            def hear(sender, **arguments):
                emission = current_emission()
                print(emission.spec.name, emission.seq, emission.role, emission.operation)

        connect()
        """,
    )
    assert workshop.register().err.splitlines()[:2] == [
        "user_pre_register 2 progress register_user",
        "user_registered 4 success register_user",
    ]


@pytest.mark.parametrize("parameters", ["sender, username", "sender, *, email, **others", "username, email", ""])
def test_receiver_that_does_not_take_the_arguments_of_its_signal_exits_with_9(
    workshop: Workshop, parameters: str
) -> None:
    workshop.module(
        "acme",
        f"""
        from lback_cli import OperationRejected
        from lback_cli.signals import receiver, user_pre_register

        @receiver(user_pre_register)
        def veto({parameters}):
            raise OperationRejected("No.")
        """,
    )
    ended = workshop.register()
    if "**others" in parameters:
        assert ended.status == 7
        return
    assert (ended.status, ended.out, ended.error["code"]) == (9, "", "configuration_error")
    assert ended.error["message"].startswith("The receiver acme.veto cannot be sent user_pre_register: ")
    assert "Give it the parameter **arguments for what it does not name." in ended.err
    assert workshop("doctor", "-o", "json").status == 9
    assert workshop("user", "list", "-o", "json").result == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (None, "Cannot import the receivers in acme ({source}): there is no such module."),
        ("1 / 0", "Cannot import the receivers in acme ({source}): ZeroDivisionError: division by zero."),
        ("raise SystemExit(0)", "Cannot import the receivers in acme ({source}): SystemExit: 0."),
        ("raise Exception", "Cannot import the receivers in acme ({source}): Exception."),
        (
            "import acme_dependency",
            (
                "Cannot import the receivers in acme ({source}): it needs the module acme_dependency, which is not "
                "installed."
            ),
        ),
        (
            "raise ValueError('\\x1b[31mred')",
            "Cannot import the receivers in acme ({source}): ValueError: \\x1b[31mred.",
        ),
        (
            "def broken(:",
            "Cannot import the receivers in acme ({source}): SyntaxError: invalid syntax (acme.py, line 1).",
        ),
        (
            "from lback_cli.signals import receiver\n@receiver\ndef hear(sender): ...",
            (
                "Cannot import the receivers in acme ({source}): TypeError: receiver() takes one or more signals: "
                "@receiver(user_registered)."
            ),
        ),
    ],
    ids=["missing", "raises", "exits", "without words", "dependency", "control characters", "syntax", "misused"],
)
@pytest.mark.parametrize("source", [MODULES, POINT], ids=["configured", "installed"])
def test_module_that_cannot_be_imported_exits_with_9(
    workshop: Workshop, code: str | None, message: str, source: str
) -> None:
    workshop.module("acme", code or "")
    if code is None:
        (workshop.modules_directory / "acme.py").unlink()
    if source == POINT:
        workshop.modules = ()
        workshop.distribution("acme-receivers", "staff = acme")

    ended = workshop("user", "delete", "id:1", "--yes")

    assert ended == refused(message.format(source=source))


def test_listing_receivers_fails_if_a_plugin_is_broken(workshop: Workshop) -> None:
    workshop.module("acme", "1 / 0")
    assert workshop("signals", "list", "--receivers") == refused(
        f"Cannot import the receivers in acme ({MODULES}): ZeroDivisionError: division by zero."
    )


def test_module_without_receivers_exits_with_9(workshop: Workshop) -> None:
    workshop.module("acme", "from lback_cli.signals import user_registered")
    assert workshop.register()[0::2] == (
        9,
        json.dumps(
            {
                "error": {
                    "code": "configuration_error",
                    "message": f"The module acme ({MODULES}) connects no receiver when it is imported.",
                    "hint": f"See docs/receivers.md. {HINT}",
                }
            }
        )
        + "\n",
    )


@pytest.mark.parametrize("value", ["acme:hear", "no module at all", "acme [extra]"])
def test_entry_point_that_names_no_module_exits_with_9(workshop: Workshop, value: str) -> None:
    workshop.module("acme", LISTENING)
    workshop.modules = ()
    workshop.distribution("acme-receivers", f"staff = {value}")
    assert workshop("user", "delete", "id:1", "--yes") == refused(
        f"The {POINT} names {value!r}, which is not a module.",
        f"It must name a module that connects its receivers when it is imported. {HINT}",
    )


def test_commands_without_operations_load_no_plugins(workshop: Workshop) -> None:
    workshop.module("acme", "raise SystemExit(0)")
    for command in ("user list", "group list", "config show", "signals list", "events list"):
        assert workshop(*command.split()).status == 0, command


@pytest.mark.parametrize("value", ["acme;rm", "acme..b", "a-b", "1"])
def test_impossible_module_name_exits_with_9(workshop: Workshop, value: str) -> None:
    assert workshop("user", "list", LBACK_RECEIVERS_MODULES=value) == (
        9,
        "",
        (
            f"error: receivers.modules (LBACK_RECEIVERS_MODULES): {value!r} is not a list of modules such as "
            "company.accounts.\n"
        ),
    )


def test_configuration_file_lists_modules(workshop: Workshop) -> None:
    workshop.module("acme", LISTENING)
    workshop.modules = ()
    config = workshop.lback.directory / "config.toml"
    config.write_text('[receivers]\nmodules = ["acme"]\n')

    listed = workshop("signals", "list", "--receivers", "-o", "json")

    assert {row["source"] for row in listed.result} == {"receivers.modules from config.toml"}
    shown = {row["key"]: row["value"] for row in workshop("config", "show", "-o", "json").result}
    assert shown["receivers.modules"] == ["acme"]
    assert (shown["receivers.hooks_directory"], shown["receivers.time_budget"]) == (None, 5.0)


def test_failed_import_disconnects_its_receivers(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.module("half_connected", f"{LISTENING}\n    1 / 0")
    monkeypatch.syspath_prepend(workshop.modules_directory)
    monkeypatch.setattr("sys.dont_write_bytecode", True)

    with pytest.raises(ConfigurationError, match="ZeroDivisionError"):
        Receivers(Settings(receivers=ReceiverSettings(modules=("half_connected",)))).connect()

    assert not user_registered.receivers
    assert not user_pre_register.receivers
