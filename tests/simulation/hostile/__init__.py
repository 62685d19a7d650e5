"""Maliciously compressed batches, read by our own log through aiokafka's consumer, and the memory that this takes."""
