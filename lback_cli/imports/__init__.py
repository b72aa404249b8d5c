"""Import many users from files, and export them to files."""
