"""Receivers that come with lback."""
