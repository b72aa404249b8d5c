"""The checks of `lback doctor`: whether everything that lback stands on is as it should be."""
