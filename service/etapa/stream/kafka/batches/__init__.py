"""Batches as brokers store them, decompressed within a memory limit and converted to our records."""
