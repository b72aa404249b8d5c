"""How an operation runs: signals, transaction, event and retries. Nothing here depends on what an operation does."""
