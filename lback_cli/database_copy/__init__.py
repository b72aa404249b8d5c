"""Copying all of lback's data into another, empty database."""
