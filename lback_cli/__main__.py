"""The entry point of lback, also as ``python -m lback_cli``."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # With -m, the first place is the current directory, where a file such as typing.py would take a module's place.
    del sys.path[0]

import gc
import os
import signal

# Imports make many objects and no garbage. Searching for it would take a tenth of the time of a short command, so it
# begins only after more objects than any short command makes.
gc.set_threshold(300_000, 50, 50)


def _end(_number: int, _frame: object) -> None:
    """End at once on Ctrl-C, while modules are imported and there is nothing to undo."""
    if "_LBACK_COMPLETE" not in os.environ:  # it would garble the line that is completed
        os.write(2, b"Interrupted.\n")
    os._exit(130)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)

from lback_cli.cli.main import main  # noqa: E402 - the lines above must run before the first large import

if __name__ == "__main__":
    main()
