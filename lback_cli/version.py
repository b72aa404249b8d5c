"""The version of lback."""

__version__ = "0.1.0"
