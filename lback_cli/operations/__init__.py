"""How an operation runs: signals, transaction, event and retries, without a word about users."""
