"""The checks of `lback doctor`."""
