"""Files that say which users and groups there should be, and what it takes to get there."""
