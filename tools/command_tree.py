"""The pages of all commands, for the manual pages and the documentation site."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import typer

from lback_cli.cli.app import app
from lback_cli.cli.global_options import global_parameters
from lback_cli.cli.help_page import GLOBAL_OPTIONS, Page, help_page, option_entries


def pages() -> Iterator[Page]:
    """Return a page for `lback` and for every command, a group before its commands.

    The options that every command takes are on the page of `lback`.
    """
    root = typer.main.get_command(app)
    context = root.make_context("lback", [], resilient_parsing=True)
    first, *others = _pages(root, context)
    yield replace(first, options={**first.options, GLOBAL_OPTIONS: option_entries(global_parameters(), context)})
    yield from others


def _pages(command: Any, context: Any) -> Iterator[Page]:
    yield help_page(command, context)
    for name in getattr(command, "commands", {}):
        child = command.get_command(context, name)
        yield from _pages(child, child.make_context(name, [], parent=context, resilient_parsing=True))
