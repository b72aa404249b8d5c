"""Register a user over a connection that is cut at COMMIT, and collect the effects."""

from typing import Any

from .database import Installation, record_signals
from .proxy import Cut, CuttingProxy

CUTS: tuple[Cut, ...] = ("before", "at once", "late", "after")


def register_over_cut_connection(installation: Installation, proxy: CuttingProxy, number: int) -> dict[str, Any]:
    """Register a user over *proxy*, which cuts the connection in one of four ways; return what was stored and sent."""
    name = f"person{number}"
    mails = len(installation.mails())
    client = installation.reopen(proxy.url)
    before = proxy.cuts
    proxy.arm(CUTS[number % len(CUTS)])
    with record_signals() as signals:
        user = client.register(name)
    client.close()
    found = installation.rows("SELECT id, username, email FROM users WHERE username = :name", name=name)
    assert found == [(user.id, user.username, user.email)]
    assert [group.name for group in user.groups] == ["basic_user"]
    return {
        "cuts": proxy.cuts - before,
        "users": len(found),
        "memberships": len(installation.rows("SELECT 1 FROM user_groups_association WHERE user_id = :id", id=user.id)),
        "tokens": len(installation.rows("SELECT 1 FROM lback_tokens WHERE user_id = :id", id=user.id)),
        "events": [signal for signal, subject in installation.recorded() if subject == name],
        "mails": len(installation.mails()) - mails,
        "signals": signals,
    }


EXPECTED = {
    "cuts": 1,
    "users": 1,
    "memberships": 1,
    "tokens": 1,
    "events": ["user_registered"],
    "mails": 1,
    "signals": [
        "user_registration_started",
        "user_pre_register",
        "user_email_verification_initiated",
        "user_registered",
    ],
}
