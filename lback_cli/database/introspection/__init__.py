"""Read-only inspection of a database, for adoption and for `lback doctor`."""
