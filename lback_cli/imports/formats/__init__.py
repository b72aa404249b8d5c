"""File formats: strict readers for CSV, JSON Lines, JSON streams and text lines."""
