"""Undoing what events did, by the ordinary operations."""
