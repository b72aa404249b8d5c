"""Adjustments to the defaults of database drivers."""
