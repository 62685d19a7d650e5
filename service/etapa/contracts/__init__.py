"""The messages in and out and the stored state: types, encoding, versions. Mirrors `schemas/`.

Turns bytes into the core's data and back. Talks to no server.
"""
