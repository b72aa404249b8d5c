"""`lback run`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context


@command(
    examples={
        "Run the commands in a file": "lback run provision.lback",
        "Go on after lines that fail": "lback run provision.lback --keep-going -q",
        "Let another program send commands and read answers": "./program | lback run - -o jsonl",
    },
)
def run(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A file with one command on each line; - is standard input.")
    ],
    keep_going: Annotated[
        bool,
        typer.Option(
            "--keep-going",
            "-k",
            help="Go on after a line that fails, and exit 8 at the end. So it does if you type the lines.",
        ),
    ] = False,
) -> None:
    """Run a script: many commands in one process.

    A line has the words of a command, quoted as in a shell. Nothing is expanded; blank lines and comments are skipped.
    Each line is a transaction of its own, and its answer is written before the next line is read. What a line did is
    one message. With -o jsonl each answer is one line, an object with the fields line, exit, and result or error.
    """
    from lback_cli.cli.output.prompts import announce_input, has_terminal
    from lback_cli.cli.script.lines import read_lines
    from lback_cli.cli.script.runner import ScriptRunner
    from lback_cli.cli.script.standard_input import open_script

    context = cli_context(ctx)
    if types := file == "-" and has_terminal():
        announce_input(context.output, "a command on each line, such as 'user show alice'")
    with open_script(file) as script:
        status = ScriptRunner(context, path=file, keep_going=keep_going or types).run(read_lines(script))
    raise typer.Exit(status)
