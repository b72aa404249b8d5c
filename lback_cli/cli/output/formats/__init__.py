"""The built-in output formats, one a module."""
