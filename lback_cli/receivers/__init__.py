"""Find and connect receivers: plugins, which are Python modules, and hooks, which are executables."""
