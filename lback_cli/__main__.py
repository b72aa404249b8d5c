"""Run lback as ``python -m lback_cli``."""

from lback_cli.cli.main import main

main()
