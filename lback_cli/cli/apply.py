"""`lback apply`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.prompts import Yes
from lback_cli.cli.sets.options import MaxShare
from lback_cli.errors import UsageError


@command(
    examples={
        "See what would change": "lback apply team.yaml --plan",
        "Change it": "lback apply team.yaml",
        "Let a pipeline change it, and delete who is no longer in the file": "lback apply team.yaml --prune --yes",
        "Exit 8 if something was changed by hand": "lback apply team.yaml --drift",
        "Let an editor check files": "lback apply --schema > schema.json",
    },
)
def apply(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", help="YAML, TOML or JSON files; - is YAML from standard input."),
    ] = None,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan",
            help="Show what would change, change nothing, and exit as the run would. Receivers, which may refuse, "
            "do not run.",
        ),
    ] = False,
    drift: Annotated[
        bool, typer.Option("--drift", help="Show what differs, change nothing, and exit 8 if something does.")
    ] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Also delete the users and groups that the owner of the file created and no longer names."
        ),
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the files.")] = False,
    yes: Yes = False,
    max_share: MaxShare = None,
) -> None:
    """Make users and groups match files.

    Only what differs is changed, each user in an operation of its own; exit 8 if some fail. What a file does not
    mention stays as it is. Users who are new are mailed an invitation.
    """
    from lback_cli.apply.json_schema import schema_text
    from lback_cli.cli.sets.differences import apply_differences, show_drift, show_plan

    context = cli_context(ctx)
    if schema:
        context.output.text([schema_text(context.attributes)])
        return
    if not files:
        raise UsageError("No file is named.", hint="lback apply --help shows the usage.")
    if plan and drift:
        raise UsageError("Use either --plan or --drift.")
    differences = context.declarations.differences(files, prune=prune)
    if drift:
        show_drift(context, differences)
        return
    context.declarations.check_share(differences, max_share=max_share)
    if plan:
        show_plan(context, differences, context.declarations.rehearse(differences))
    else:
        apply_differences(context, differences, yes=yes)
