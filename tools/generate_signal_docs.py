"""Write ``docs/signals.md`` from the operations and the signal catalogue: ``python tools/generate_signal_docs.py``."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lback_cli.operations.kinds import OPERATIONS, OperationKind
from lback_cli.signals.catalogue import CATALOGUE, Argument, SignalSpec

FILE = Path(__file__).parents[1] / "docs" / "signals.md"

_INTRODUCTION = """
# Signals

`UserManager` announces what it does through {count} [blinker](https://blinker.readthedocs.io) signals. A receiver is a
function that is called when a signal is sent, while the operation runs. It can write in the same transaction, notify
another system, or veto the operation.

```python
from lback_cli import OperationRejected
from lback_cli.signals import receiver, user_pre_register, user_registered


@receiver(user_registered)
def create_mailbox(sender, user, session, **extra):
    session.add(Mailbox(owner_id=user.id))


@receiver(user_pre_register)
def accept_only_our_domain(sender, email, **extra):
    if not email.endswith("@example.org"):
        raise OperationRejected("Only addresses at example.org may register.")
```

`lback signals list` and `lback signals show NAME` show the contents of this page. `--trace-signals` shows each signal
when it is sent. [Receivers](receivers.md) describes how lback finds receivers, and how to write one as a shell script.
[The requirements](requirements.md) are the contract that this page explains.

## Guarantees

- **Sender and arguments.** The sender is the `UserManager` that runs the operation. Every documented argument is passed
  by name, and no other argument is. An argument whose type ends in `| None` is `None` if it has no value. Accept
  `**extra` too, so that an argument added later does not break your receiver.
- **One start, one end.** An operation sends its start signal, if it has one, before it checks anything. It ends with
  exactly one success or failure signal, whatever fails: validation, the mail server, the database, a receiver, Ctrl-C.
  There are two exceptions, because the success signal is sent before the commit. If the commit, or a receiver of the
  success signal, fails, the failure signal follows and is the last signal. If the transaction is
  [retried](databases.md#retries) and a receiver had written into it, the success signal is sent again. A command
  that names a user as `id:N` sends both signals even if the database cannot be reached. With a user name it sends none,
  because it must look up the id first.
- **Session.** What a receiver writes through `session` is committed with the operation, or not at all.
- **Failure.** A failed operation changes no user. Mail that was already sent cannot be recalled.
- **Veto.** If a receiver raises `OperationRejected`, the operation fails with the reason `rejected_by_receiver`. If
  several receivers do so, the first veto counts. Failure signals cannot be vetoed: exceptions from their receivers are
  logged.
- **Order.** Receivers of a signal run in the order in which they were connected. All of them run, even if one raises.
- **Errors in receivers.** If the signal has the argument `session`, any exception other than a veto also stops the
  operation, because the receiver's changes may be incomplete. If it has not, the exception is logged under
  `lback_cli.signals`, and the operation continues.
- **Secrets.** No signal carries a password or a hash. In `update_data` a password is an object that is displayed as
  `********`. Signals carry only the first 10 characters of a token; the rest cannot be guessed.
- **Objects.** Use `user` and `session` only inside the receiver, and keep ids instead of objects. Changes to a `dict`
  argument have no effect outside the receiver.
- **References.** Blinker holds receivers weakly, so a lambda or a bound method without another reference is dropped.
  Connect it with `weak=False` to keep it; `@receiver(...)` does so. A receiver must be an ordinary function: an
  `async def` counts as a receiver that raises an error.
"""

_OPERATIONS = """
## The operations

In these steps, *mailed* means accepted for delivery or [queued](relay.md#mail-that-survives-a-crash), and `mail` is the
argument of that name.
"""


def render() -> str:
    """Return the text of ``docs/signals.md``."""
    parts = [_INTRODUCTION.replace("{count}", str(len(CATALOGUE))).strip(), _OPERATIONS.strip()]
    parts += map(_operation, OPERATIONS)
    parts.append("## The signals")
    parts += map(_signal, CATALOGUE.values())
    return "\n\n".join(parts) + "\n"


def _operation(operation: OperationKind) -> str:
    started = () if operation.started is None else (f"`{operation.started.name}`",)
    succeeded = f"`{operation.succeeded.name}`"
    if operation.alternative:
        succeeded += f", or {operation.alternative}"
    steps = (*started, *operation.steps, succeeded, "Commit.")
    numbered = [_linked(f"{number}. {step}") for number, step in enumerate(steps, 1)]
    failure = _linked(f"Failure at any step: `{operation.failed.name}`.")
    return "\n".join((f"### {operation.name}", "", *numbered, "", failure))


def _linked(text: str) -> str:
    """Link each signal in *text* to its section."""
    for name in CATALOGUE:
        text = text.replace(f"`{name}`", f"[`{name}`](#{name})")
    return text


def _signal(spec: SignalSpec) -> str:
    lines = [f"### {spec.name}", "", spec.when if spec.can_veto else f"{spec.when} It cannot be vetoed.", ""]
    lines += _table(("argument", "type", "meaning"), map(_row, spec.all_arguments))
    if spec.reasons:
        lines += ["", f"`{spec.reason_argument}` is one of these:", ""]
        lines += _table(("value", "meaning"), ((f"`{reason}`", meaning) for reason, meaning in spec.reasons.items()))
    return "\n".join(lines)


def _row(argument: Argument) -> tuple[str, str, str]:
    return f"`{argument.name}`", f"`{argument.annotation}`".replace("|", "\\|"), argument.meaning


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    FILE.write_text(render(), "utf-8")
