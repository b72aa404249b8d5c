"""The event log: what happened, who did it, and whether the log was altered."""
