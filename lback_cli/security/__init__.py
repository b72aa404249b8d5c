"""Passwords and tokens: hashing, policy and generation."""
