"""What each database driver needs beyond its defaults."""
