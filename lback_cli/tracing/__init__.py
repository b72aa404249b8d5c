"""The signal trace of `--trace-signals`."""
