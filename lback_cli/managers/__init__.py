"""The operations: the only code that changes a user or a group."""
