"""Scripts: many commands in one process."""
