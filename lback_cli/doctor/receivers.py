"""Whether commands find the receivers without which they do not run."""

from lback_cli.doctor.context import Patient
from lback_cli.doctor.receiver_probe import rehearse
from lback_cli.doctor.result import Finding, NotChecked


def check_receivers(patient: Patient) -> Finding:
    """Load plugins and hooks as a command would, in another process; none is run.

    Raises `ConfigurationError` with what a command would say, or `NotChecked` where none are wanted.
    """
    if not patient.wants_receivers:
        raise NotChecked("--no-receivers does without them")
    connected = rehearse(patient.settings)
    what = {0: "There are none.", 1: "One can be connected."}
    return Finding("receivers", "ok", what.get(connected, f"All {connected} can be connected."))
