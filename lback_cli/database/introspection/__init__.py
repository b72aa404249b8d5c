"""What is looked at in a database that is there, and never changed: for adoption, and for `lback doctor`."""
