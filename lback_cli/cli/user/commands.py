"""`lback user`: the operations on users."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.completion import complete_group, complete_user
from lback_cli.cli.global_options import runtime
from lback_cli.cli.output.prompts import confirm
from lback_cli.cli.password_input import STDIN, AskPassword, FromFile, FromStdin, Generated, PasswordSource, read_token
from lback_cli.cli.serializers import user_view
from lback_cli.cli.user import export as user_export
from lback_cli.cli.user import hashes as user_hashes
from lback_cli.cli.user import import_ as user_import
from lback_cli.cli.user import queries as user_queries
from lback_cli.cli.user import trail as user_trail
from lback_cli.cli.user.queries import UserArgument
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.models import User

app = CommandGroup("user", "Register, authenticate, verify, update and delete users, and reset their passwords.")

Username = Annotated[str, typer.Argument(metavar="USERNAME", help="User name.")]
Token = Annotated[str, typer.Argument(metavar="TOKEN", help="The token in the mailed link; - reads it from stdin.")]


class IfExists(StrEnum):
    """What to do when the user name is taken."""

    FAIL = "fail"
    SKIP = "skip"


@app.command(
    "register",
    examples=(
        "lback user register alice --email alice@example.org",
        "lback user register bob --email bob@example.org --generate-password",
        "pass eve | lback user register eve --email eve@example.org --password-stdin",
        "lback user register eve --email eve@example.org --group staff --if-exists skip",
    ),
)
def register(
    ctx: typer.Context,
    username: Username,
    email: Annotated[str, typer.Option("--email", help="E-mail address.", metavar="ADDRESS")],
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group", help="Join this group too; repeatable.", metavar="GROUP", autocompletion=complete_group
        ),
    ] = None,
    verified: Annotated[bool, typer.Option("--verified", help="Vouch for the address; no mail is sent.")] = False,
    inactive: Annotated[bool, typer.Option("--inactive", help="The user may not log in yet.")] = False,
    if_exists: Annotated[
        IfExists, typer.Option("--if-exists", help="When the user name is taken: fail with exit 6, or skip with 0.")
    ] = IfExists.FAIL,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    generate_password: Generated = False,
) -> None:
    """Create a user and mail a link that verifies the address."""
    run = runtime(ctx)
    password = PasswordSource(run, password_stdin, password_file, generate_password)
    if if_exists is IfExists.FAIL:
        password.prefetch()
    user, created = run.provisioning.register(
        username,
        email,
        password.read,
        groups=group or (),
        verified=verified,
        active=not inactive,
        skip_existing=if_exists is IfExists.SKIP,
    )
    run.output.message(_registration_message(user, run.mailed, created=created))
    run.output.record(user_view(user, **password.extra))


@app.command(
    "authenticate",
    examples=(
        "lback user authenticate alice",
        "lback user authenticate alice --password-stdin < secret && echo welcome",
    ),
)
def authenticate(
    ctx: typer.Context,
    username: Username,
    allow_unverified: Annotated[
        bool, typer.Option("--allow-unverified", help="Accept an address that was never verified.")
    ] = False,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
) -> None:
    """Check a password: exit 0 if it opens the account, 4 if not."""
    run = runtime(ctx)
    password = PasswordSource(run, password_stdin, password_file, confirm=False)
    user = run.users.authenticate_user(username, password.read(), allow_unverified=allow_unverified)
    run.output.message(f"{user.username} is authenticated.")
    run.output.record(user_view(user))


@app.command("verify-email", examples=("lback user verify-email 3q2-7wW0...", "lback user verify-email - < token"))
def verify_email(ctx: typer.Context, token: Token) -> None:
    """Mark the address as verified to which the token was mailed."""
    run = runtime(ctx)
    user = run.users.verify_user_email(read_token(token))
    run.output.message(f"{user.email} is verified.")
    run.output.record(user_view(user))


@app.command("resend-verification", examples=("lback user resend-verification alice",))
def resend_verification(ctx: typer.Context, user: UserArgument) -> None:
    """Mail a fresh verification link; older ones die."""
    run = runtime(ctx)
    found = run.users.resend_verification(run.directory.resolve_id(user))
    run.output.message(
        f"{found.email} is verified already." if found.is_email_verified else f"{run.mailed} a link to {found.email}."
    )
    run.output.record(user_view(found))


@app.command(
    "update",
    examples=(
        "lback user update alice --email alice@example.net",
        "lback user update alice --add-group staff --remove-group guests",
        "lback user update id:7 --deactivate",
        "lback user update alice --password-stdin < secret",
    ),
)
def update(
    ctx: typer.Context,
    user: UserArgument,
    username: Annotated[str | None, typer.Option("--username", help="New user name.", metavar="NAME")] = None,
    email: Annotated[
        str | None, typer.Option("--email", help="New address, to be verified again.", metavar="ADDRESS")
    ] = None,
    active: Annotated[
        bool | None, typer.Option("--activate/--deactivate", help="Allow or forbid the user to log in.")
    ] = None,
    verified: Annotated[
        bool | None, typer.Option("--verified/--unverified", help="Vouch for the address, or doubt it.")
    ] = None,
    add_group: Annotated[
        list[str] | None,
        typer.Option("--add-group", help="Join; repeatable.", metavar="GROUP", autocompletion=complete_group),
    ] = None,
    remove_group: Annotated[
        list[str] | None,
        typer.Option("--remove-group", help="Leave; repeatable.", metavar="GROUP", autocompletion=complete_group),
    ] = None,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    generate_password: Generated = False,
    ask_password: AskPassword = False,
) -> None:
    """Change a user; what no option names stays as it is."""
    run = runtime(ctx)
    password = PasswordSource.optional(run, password_stdin, password_file, generate_password, ask_password)
    wanted = {
        "username": username,
        "email": email,
        "is_active": active,
        "is_email_verified": verified,
        "add_groups": add_group or None,
        "remove_groups": remove_group or None,
    }
    update_data: dict[str, object] = {name: value for name, value in wanted.items() if value is not None}
    if password is not None:
        update_data["password"] = password.read()
    if not update_data:
        raise UsageError("There is nothing to change.", hint="lback user update --help shows what can be.")
    updated = run.users.update_user(run.directory.resolve_id(user), update_data)
    run.output.message(f"Updated {updated.username}.")
    run.output.record(user_view(updated, **(password.extra if password else {})))


@app.command("delete", examples=("lback user delete alice", "lback user delete id:7 --yes"))
def delete(
    ctx: typer.Context,
    user: UserArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a user, with memberships and tokens, for good."""
    run = runtime(ctx)
    user_id = run.directory.resolve_id(user)
    confirm(f"Delete user {user}?", yes=yes)
    run.users.delete_user(user_id)
    run.output.message(f"Deleted {user}.")
    run.output.record({"id": user_id, "deleted": True})


@app.command(
    "request-password-reset",
    examples=("lback user request-password-reset alice", "lback user request-password-reset alice@example.org"),
)
def request_password_reset(ctx: typer.Context, user: UserArgument) -> None:
    """Mail a user a link that resets the password; older links die."""
    run = runtime(ctx)
    email = run.directory.resolve_email(user)
    run.users.reset_password_request(email)
    run.output.message(f"{run.mailed} a reset link to {email}.")
    run.output.record({"email": email, "requested": True})


@app.command(
    "reset-password",
    examples=(
        "lback user reset-password alice --generate-password",
        "lback user reset-password --token - --password-file new < token",
    ),
)
def reset_password(
    ctx: typer.Context,
    user: Annotated[
        str | None,
        typer.Argument(metavar="USER", help="User name, e-mail address or id:N.", autocompletion=complete_user),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", help="Use the token of a mailed link instead; - reads it from stdin.", metavar="TOKEN"),
    ] = None,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    generate_password: Generated = False,
) -> None:
    """Set a new password, with a token issued and spent at once, or with one that was mailed."""
    run = runtime(ctx)
    if (user is None) == (token is None):
        raise UsageError("Name either a USER or a --token.")
    if token == STDIN and password_stdin:
        raise UsageError("Token and password cannot both come from standard input.", hint="Use --password-file.")
    password = PasswordSource(run, password_stdin, password_file, generate_password)
    password.prefetch()
    if token is not None:
        changed = run.users.reset_password(read_token(token), password.read())
    else:
        changed = run.users.reset_user_password(run.directory.resolve_id(str(user)), password.read())
    run.output.message(f"{changed.username} has a new password.")
    run.output.record(user_view(changed, **password.extra))


def _registration_message(user: "User", mailed: str, *, created: bool) -> str:
    if not created:
        return f"{user.username} exists already: skipped."
    if user.is_email_verified:
        return f"Registered {user.username}."
    return f"Registered {user.username}; {mailed.lower()} a verification link to {user.email}."


app.add_typer(user_queries.app)
app.add_typer(user_hashes.app)
app.add_typer(user_trail.app)
app.add_typer(user_import.app)
app.add_typer(user_export.app)
