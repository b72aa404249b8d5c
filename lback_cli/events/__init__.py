"""The event log: what happened, who did it, and proof that nobody touched the record."""
