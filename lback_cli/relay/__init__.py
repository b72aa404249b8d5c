"""Delivery after the commit: events to sinks, and queued mail to the mail server."""
