"""Results, messages, progress bars and prompts."""
