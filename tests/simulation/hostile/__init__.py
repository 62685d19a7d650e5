"""Batches that somebody made small in bad faith, read by our own log through aiokafka's consumer, and the memory that this takes."""
