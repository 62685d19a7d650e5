"""Reads topics outside any group: a stretch of a partition, a whole topic, the states, the changes."""
