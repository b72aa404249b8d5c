"""What leaves after the commit: events to sinks, and queued mail."""
