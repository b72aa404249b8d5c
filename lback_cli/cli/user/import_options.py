"""The options of `lback user import`, and the words that they take."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_FILES, _RERUN, _PLANS = "Files that tell what became of it", "An import that was interrupted", "Plans"


class Form(StrEnum):
    """Forms of lback's own."""

    CSV = "csv"
    JSONL = "jsonl"


class Program(StrEnum):
    """Programs whose files can be read."""

    DJANGO = "django"
    KEYCLOAK = "keycloak"
    KRATOS = "kratos"
    HTPASSWD = "htpasswd"
    SHADOW = "shadow"
    LDIF = "ldif"
    LBACK = "lback"


class IfExists(StrEnum):
    """What to do when a user name is taken."""

    FAIL = "fail"
    SKIP = "skip"
    UPDATE = "update"


class OnError(StrEnum):
    """What to do when a row fails."""

    CONTINUE = "continue"
    STOP = "stop"


class MailTo(StrEnum):
    """What users are mailed."""

    NONE = "none"
    VERIFY = "verify"
    INVITE = "invite"


File = Annotated[
    str | None, typer.Argument(metavar="FILE", help="CSV or JSON Lines, by its name; - is standard input.")
]
Format = Annotated[Form | None, typer.Option("--format", help="Form of the file, if its name does not tell.")]
From = Annotated[Program | None, typer.Option("--from", help="Read a file that another program wrote.")]
Companion = Annotated[
    Path | None, typer.Option("--companion", help="The second file to --from shadow: passwd.", metavar="PATH")
]
EmailDomain = Annotated[
    str | None,
    typer.Option("--email-domain", help="Where addresses are missing: alice is alice@DOMAIN.", metavar="DOMAIN"),
]
WhenTaken = Annotated[
    IfExists,
    typer.Option("--if-exists", help="When a user name is taken: refuse the row, skip it, or update the user."),
]
OverwritePasswords = Annotated[bool, typer.Option("--overwrite-passwords", help="An update may replace passwords too.")]
WhenRefused = Annotated[
    OnError, typer.Option("--on-error", help="When a row is refused: go on with the next, or stop.")
]
Atomic = Annotated[bool, typer.Option("--atomic", help="Import all rows or, if one is refused, none.")]
Mailing = Annotated[
    MailTo,
    typer.Option(
        "--mail",
        help="invite: a link that sets a password, to those without one; verify: also a link that verifies the "
        "address, to the others; none.",
    ),
]
GeneratePasswords = Annotated[
    Path | None,
    typer.Option(
        "--generate-passwords",
        help="Make up passwords where there are none, and write them to this new file.",
        metavar="PATH",
        rich_help_panel=_FILES,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report", help="Write what became of each row, as JSON Lines.", metavar="PATH", rich_help_panel=_FILES
    ),
]
Rejects = Annotated[
    Path | None,
    typer.Option(
        "--rejects",
        help="Write the refused rows, each with its error, to be mended and imported.",
        metavar="PATH",
        rich_help_panel=_FILES,
    ),
]
CanaryUser = Annotated[
    str | None,
    typer.Option(
        "--canary",
        help="Ask for the password of this user, and import nothing unless the hash in the file is one of it.",
        metavar="USER",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where it was interrupted.", rich_help_panel=_RERUN)]
Restart = Annotated[
    bool, typer.Option("--restart", help="Forget it, and begin with the first row.", rich_help_panel=_RERUN)
]
ShowPlan = Annotated[
    bool, typer.Option("--plan", help="Show what would be done, and do nothing.", rich_help_panel=_PLANS)
]
PlanFile = Annotated[
    Path | None,
    typer.Option("--plan-file", help="Write the plan to this file too.", metavar="PATH", rich_help_panel=_PLANS),
]
ApplyPlan = Annotated[
    Path | None,
    typer.Option(
        "--apply",
        help="Do exactly what that plan says, or nothing if anything has changed since.",
        metavar="PLAN",
        rich_help_panel=_PLANS,
    ),
]
