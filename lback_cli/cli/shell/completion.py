"""`lback completion`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.shell.script_files import Shell, install_script, read_script

HINTS: dict[Shell, str] = {
    "bash": "New shells read it if the package bash-completion is there; else add to ~/.bashrc: source {path}",
    "zsh": "New shells read it if ~/.zshrc has, before compinit: fpath=({path.parent} $fpath)",
    "fish": "New shells read it.",
}


@command(
    examples={
        "Complete in this shell only": "source <(lback completion bash)",
        "Complete in every new shell": "lback completion bash --install",
        "Complete in every new zsh, as a line of ~/.zshrc after compinit": "source <(lback completion zsh)",
        "Complete in this fish only": "lback completion fish | source",
    }
)
def completion(
    ctx: typer.Context,
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="The shell.")],
    install: Annotated[
        bool,
        typer.Option("--install", help="Write it to a file that the shell reads. No start-up file is changed."),
    ] = False,
) -> None:
    """Print the script that completes lback in a shell."""
    context = cli_context(ctx)
    if not install:
        context.output.text([read_script(shell)])
        return
    path = install_script(shell)
    context.output.message(f"Wrote {path}. {HINTS[shell].format(path=path)}")
    context.output.record({"shell": shell, "path": str(path)})
