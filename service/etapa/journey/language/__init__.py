"""What a journey file says: its model, durations, comparisons, and loading with file, line and column.

Knows nothing of customers; judging is the engine's.
"""
