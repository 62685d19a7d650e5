"""Trials of one thing each, on servers of their own: overload, poison, missing rights, a transaction that hangs."""
