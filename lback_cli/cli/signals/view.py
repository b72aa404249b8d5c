"""A signal, as the results show it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lback_cli.signals import SignalSpec


def signal_view(spec: "SignalSpec") -> dict[str, Any]:
    """Return a signal as results show it."""
    return {
        "name": spec.name,
        "phase": spec.phase,
        "can_veto": spec.can_veto,
        "when": spec.when,
        "arguments": [
            {"name": a.name, "type": a.type, "optional": a.optional, "meaning": a.meaning} for a in spec.all_arguments
        ],
        "words": dict(spec.reasons),
    }
