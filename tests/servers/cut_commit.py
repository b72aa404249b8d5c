"""Trials: a registration whose connection is cut at COMMIT, and what is left of it."""

from typing import Any

from .database import Place, sent
from .proxy import Cut, CuttingProxy

CUTS: tuple[Cut, ...] = ("before", "at once", "late", "after")


def trial(place: Place, proxy: CuttingProxy, number: int) -> dict[str, Any]:
    """Register somebody over *proxy*, which cuts in one of the ways; what *place* has of it then."""
    name = f"person{number}"
    mails = len(place.mails())
    client = place.elsewhere(proxy.url)
    before = proxy.cuts
    proxy.arm(CUTS[number % len(CUTS)])
    with sent() as signals:
        user = client.register(name)
    client.close()
    found = place.rows("SELECT id, username, email FROM users WHERE username = :name", name=name)
    assert found == [(user.id, user.username, user.email)]
    assert [group.name for group in user.groups] == ["basic_user"]
    return {
        "cuts": proxy.cuts - before,
        "users": len(found),
        "memberships": len(place.rows("SELECT 1 FROM user_groups_association WHERE user_id = :id", id=user.id)),
        "tokens": len(place.rows("SELECT 1 FROM lback_tokens WHERE user_id = :id", id=user.id)),
        "events": [signal for signal, subject in place.recorded() if subject == name],
        "mails": len(place.mails()) - mails,
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
