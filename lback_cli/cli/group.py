"""`lback group`: sets of users."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.completion import complete_group
from lback_cli.cli.global_options import runtime
from lback_cli.cli.output.prompts import confirm
from lback_cli.cli.serializers import GROUP_COLUMNS, GROUP_TABLE, group_view

app = CommandGroup("group", "List, create and delete groups; `lback user update` changes who is in them.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the group.")]
Existing = Annotated[str, typer.Argument(metavar="NAME", help="Name of the group.", autocompletion=complete_group)]


@app.command("list", examples=("lback group list", "lback group list -o json"))
def list_groups(ctx: typer.Context) -> None:
    """List all groups with the number of their members."""
    run = runtime(ctx)
    views = (group_view(group, members) for group, members in run.groups.list_groups())
    run.output.records(views, GROUP_COLUMNS, table=GROUP_TABLE)


@app.command("show", examples=("lback group show staff",))
def show(ctx: typer.Context, name: Existing) -> None:
    """Show one group; `lback user list --group NAME` lists its members."""
    run = runtime(ctx)
    run.output.record(group_view(*run.groups.find_group(name)))


@app.command("create", examples=("lback group create staff --description 'Everybody on the payroll'",))
def create(
    ctx: typer.Context,
    name: Name,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.", metavar="TEXT")] = None,
) -> None:
    """Create a group."""
    run = runtime(ctx)
    group = run.groups.create_group(name, description=description)
    run.output.message(f"Created the group {group.name}.")
    run.output.record(group_view(group, 0))


@app.command("delete", examples=("lback group delete guests --yes",))
def delete(
    ctx: typer.Context,
    name: Existing,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a group; its members lose the membership and nothing else."""
    run = runtime(ctx)
    group, members = run.groups.find_group(name)
    confirm(f"Delete the group {group.name} with its {members} memberships?", yes=yes)
    run.groups.delete_group(group.name)
    run.output.message(f"Deleted the group {group.name}.")
    run.output.record({"id": group.id, "name": group.name, "deleted": True})
