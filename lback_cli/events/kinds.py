"""The names of events: terminal signals, and administrative events, which are not signals."""

from lback_cli.signals import CATALOGUE

GROUP_EVENTS = ("group_created", "group_updated", "group_deleted")
"""The events of groups."""

ADMINISTRATIVE = (
    *GROUP_EVENTS,
    *("import_started", "import_finished", "users_exported"),
    *("database_adopted", "schema_upgraded"),
    *("user_restored", "user_unlocked", "user_erased"),
)
"""Administrative events. If one records a change, it is written in the transaction of that change."""

INDEXED = (*GROUP_EVENTS, "import_started", "import_finished", "database_adopted", "schema_upgraded")
"""Events of which there are few, and which an index therefore finds in a long log."""

CREATIONS = ("user_registered", "user_restored")
"""The events that begin a user."""

DELETIONS = ("user_deleted",)
"""The events that end a user."""

FAILURE_EVENTS = tuple(name for name, signal in CATALOGUE.items() if signal.phase == "failure")
"""The signals that report a failure."""

OK = "ok"
"""The outcome that is shown for a success without a reason, and the word that selects all successes."""

FAILED = "failed"
"""The word that selects all failures."""
