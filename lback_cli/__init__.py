"""lback: administer an application's users."""

__version__ = "0.1.0"
