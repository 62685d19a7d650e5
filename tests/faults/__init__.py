"""Faults on real servers: a small installation under steady load, broken on purpose, with everything that comes out of it checked.

The servers are those of `tests/servers`, the worker is the real one; nothing in here knows how the worker does its work.
"""
