"""Many users from and to files."""
