"""The trace behind `--trace-signals`: what it shows, and how each format looks."""
