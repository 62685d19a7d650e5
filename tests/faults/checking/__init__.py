"""Compares what came out with what should have, and measures how long it took."""
