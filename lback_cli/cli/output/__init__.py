"""How results look: formats, tables, findings, progress bars and prompts."""
