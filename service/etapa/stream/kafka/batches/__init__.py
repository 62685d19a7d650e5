"""Batches as brokers keep them, unpacked within a bound on memory, and their records as ours."""
