"""Faults on real servers: a small installation under steady load, broken on purpose, with all its output checked.

The servers are those of `tests/servers`, the worker is the real one; nothing here depends on how the worker is implemented.
"""
