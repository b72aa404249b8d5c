"""Mail to users: what is written, how it becomes a message, and how it leaves."""
