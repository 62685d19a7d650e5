"""Trials of one thing each, on their own servers: overload, poison, missing rights, a transaction that hangs."""
