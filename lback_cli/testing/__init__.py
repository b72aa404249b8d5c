"""For tests of receivers: all of lback in memory, and a record of the signals that it sent.

``pytest_plugins = ["lback_cli.testing.fixtures"]`` provides the fixture ``sandbox``. docs/receivers.md shows a test.
"""

from lback_cli.testing.recorder import SignalRecorder
from lback_cli.testing.sandbox import Sandbox

__all__ = ["Sandbox", "SignalRecorder"]
