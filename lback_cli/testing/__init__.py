"""For the tests of those who write receivers: all of lback in memory, and a record of what it announced.

``pytest_plugins = ["lback_cli.testing.fixtures"]`` makes the fixture ``sandbox`` known; docs/receivers.md shows a test.
"""

from lback_cli.testing.recorder import SignalRecorder
from lback_cli.testing.sandbox import Sandbox

__all__ = ["Sandbox", "SignalRecorder"]
