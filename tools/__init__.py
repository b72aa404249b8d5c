"""Programs that generate files of this repository."""
