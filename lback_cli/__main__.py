"""The entry point of lback, also as ``python -m lback_cli``."""

import gc

# Imports make many objects and no garbage. Searching for it would take a tenth of the time of a short command, so it
# begins only after more objects than any short command makes.
gc.set_threshold(300_000, 50, 50)

from lback_cli.cli.main import main  # noqa: E402 - the threshold must be set before the first large import

if __name__ == "__main__":
    main()
