"""``docs/signals.md``: the contract of the signals for those who write receivers, made from the catalogue."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lback_cli.signals.catalogue import CATALOGUE, Argument, SignalSpec

_INTRODUCTION = """
# Signals

`UserManager` says what it does through {count} [blinker](https://blinker.readthedocs.io) signals. A receiver hears of
an operation while it runs, and can write in the same transaction, tell another system, or call the whole thing off.

```python
from lback_cli import OperationRejected
from lback_cli.signals import receiver, user_pre_register, user_registered


@receiver(user_registered)
def give_a_mailbox(sender, user, session, **extra):
    session.add(Mailbox(owner_id=user.id))


@receiver(user_pre_register)
def only_our_domain(sender, email, **extra):
    if not email.endswith("@example.org"):
        raise OperationRejected("Only addresses at example.org may register.")
```

`lback signals list` and `lback signals show NAME` tell the same as this page; `--trace-signals` shows each signal as it
is sent. [receivers.md](receivers.md) says how lback finds receivers, and how a shell script becomes one.

## What you can rely on

- **Sender and arguments.** The sender is the `UserManager` that runs the operation. All arguments are passed by name,
  always, and no others; one whose type ends in `| None` is `None` where there is nothing to say. Take `**extra` as
  well, so that an argument added later does not break your receiver.
- **One beginning, one end.** An operation sends its first signal, if it has one, before it looks at anything, and ends
  with exactly one success or failure signal. That holds whatever goes wrong: a rule, the mail server, the database, a
  receiver, Ctrl-C.
- **Success is told before the commit**, so that what a receiver writes through `session` is committed with the rest or
  not at all. If a receiver of the success signal or the commit itself then fails, the failure signal follows. It is the
  last word.
- **A failed operation changes nothing** in the database. A mail that has left by then cannot be called back.
- **A veto.** A receiver that raises `OperationRejected` calls the operation off, with the word `rejected_by_receiver`.
  It can at every signal but those of a failure, where what a receiver raises is logged; of several vetoes the first
  counts.
- **Order.** Receivers of a signal run in the order in which they were connected, and all run, even if one raises.
- **A crash.** Any exception but a veto stops the operation if the signal carries the `session`, as half of what the
  receiver meant to write may be written; else it is logged under `lback_cli.signals` and the operation goes on.
- **Secrets stay out.** No signal carries a password or a hash; in `update_data` a password is an object that shows as
  `********`. Of a token the first 10 characters are told, which leaves far more unknown than anybody can guess.
- **Objects are for the moment.** Use `user` and `session` inside the receiver; keep ids, not objects. Changing a `dict`
  that was passed changes nothing else.
- **References.** Blinker holds receivers weakly: keep a reference to a lambda or a bound method, or connect with
  `weak=False`, which `@receiver(...)` does. A receiver is an ordinary function; an `async def` is refused as a crash.
"""


@dataclass(frozen=True, slots=True)
class OperationSteps:
    """What an operation does, step by step; a step that names a signal in backticks sends it."""

    operation: str
    steps: Sequence[str]
    failed: str


_OR_VOUCHED_FOR = "or an administrator vouched for the address: `user_email_verification_successful`"

COURSES = (
    OperationSteps(
        "register_user",
        (
            "`user_registration_started`",
            "name, address and password are checked, and the password is hashed",
            "`user_pre_register`",
            "the user is inserted, and joins the default group and those asked for",
            f"a token is stored and mailed: `user_email_verification_initiated`; {_OR_VOUCHED_FOR}",
            "`user_registered`",
            "commit",
        ),
        failed="user_registration_failed",
    ),
    OperationSteps(
        "authenticate_user",
        (
            "`user_authentication_started`",
            "the user is looked up and the password checked; a hash of an older scheme is replaced",
            "`user_authenticated`",
            "commit",
        ),
        failed="user_authentication_failed",
    ),
    OperationSteps(
        "verify_user_email",
        (
            "the token is checked and spent, and the address marked as verified",
            "`user_email_verification_successful`",
            "commit",
        ),
        failed="user_email_verification_failed",
    ),
    OperationSteps(
        "resend_verification",
        (
            "a fresh token is stored and mailed",
            "`user_email_verification_initiated`; or, for a user who is verified, `user_email_verification_successful`",
            "commit",
        ),
        failed="user_email_verification_failed",
    ),
    OperationSteps(
        "update_user",
        (
            "`user_update_started`",
            "the changes are checked, a new password is hashed, and all is written",
            "after a change of password or address, notices are mailed",
            f"a new address is mailed a link: `user_email_verification_initiated`; {_OR_VOUCHED_FOR}",
            "`user_updated`",
            "commit",
        ),
        failed="user_update_failed",
    ),
    OperationSteps(
        "delete_user",
        (
            "`user_deletion_started`",
            "the user is deleted, with memberships and tokens",
            "`user_deleted`",
            "commit",
        ),
        failed="user_deletion_failed",
    ),
    OperationSteps(
        "reset_password_request",
        (
            "`password_reset_request_started`",
            "the user is looked up, and a token is stored and mailed",
            "`password_reset_request_processed`",
            "commit",
        ),
        failed="password_reset_request_failed",
    ),
    OperationSteps(
        "reset_password",
        (
            "`password_reset_started`",
            "the token is checked, or made on the spot for an administrator; the password is checked and hashed",
            "the token is spent, the password written, and a notice mailed",
            "`password_reset_successful`",
            "commit",
        ),
        failed="password_reset_failed",
    ),
)
"""Every operation, in the order of the document."""


def render() -> str:
    """The text of ``docs/signals.md``."""
    parts = [_INTRODUCTION.replace("{count}", str(len(CATALOGUE))).strip(), "## The operations"]
    parts += map(_course, COURSES)
    parts.append("## The signals")
    parts += map(_signal, CATALOGUE.values())
    return "\n\n".join(parts) + "\n"


def _course(course: OperationSteps) -> str:
    steps = [f"{number}. {step}" for number, step in enumerate(course.steps, 1)]
    return "\n".join(
        (f"### {course.operation}", "", *map(_linked, steps), "", _linked(f"Failure, at any step: `{course.failed}`."))
    )


def _linked(text: str) -> str:
    """*text* with a link from each signal to its section."""
    for name in CATALOGUE:
        text = text.replace(f"`{name}`", f"[`{name}`](#{name})")
    return text


def _signal(spec: SignalSpec) -> str:
    lines = [f"### {spec.name}", "", spec.when if spec.can_veto else f"{spec.when} It cannot be vetoed.", ""]
    lines += _table(("argument", "type", "meaning"), map(_row, spec.all_arguments))
    if spec.words:
        lines += ["", f"`{spec.word_argument}` is one of these:", ""]
        lines += _table(("word", "meaning"), ((f"`{word}`", meaning) for word, meaning in spec.words.items()))
    return "\n".join(lines)


def _row(argument: Argument) -> tuple[str, str, str]:
    return f"`{argument.name}`", f"`{argument.annotation}`".replace("|", "\\|"), argument.meaning


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
