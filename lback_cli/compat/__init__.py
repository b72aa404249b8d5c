"""Bridges to other packages, imported on demand."""
