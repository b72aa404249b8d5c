"""The only queries. A repository reads and writes one kind of row in the session it is given, and decides nothing."""
