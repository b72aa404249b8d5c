"""Whether commands find the receivers without which they do not run."""

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.receiver_probe import probe_receivers
from lback_cli.doctor.result import CheckResult, NotChecked


def check_receivers(patient: CheckContext) -> CheckResult:
    """Load plugins and hooks as a command would, in another process; none is run.

    Raises `ConfigurationError` with what a command would say, or `NotChecked` where none are wanted.
    """
    if not patient.wants_receivers:
        raise NotChecked("--no-receivers does without them")
    connected = probe_receivers(patient.settings)
    what = {0: "There are none.", 1: "One can be connected."}
    return CheckResult("receivers", "ok", what.get(connected, f"All {connected} can be connected."))
