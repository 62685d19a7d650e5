"""The messages in and out and the stored state: types, encoding, versions. Mirrors `schemas/`.

Converts bytes to the core's data and back. Talks to no server.
"""
