"""Commands on several users: which users, the question, and the results."""
