"""Completion in a shell: the scripts, and the program that they call."""
