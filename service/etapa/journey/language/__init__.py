"""What a journey file says: its model, durations, comparisons, and loading with file, line and column.

Knows nothing about customers; the engine judges them.
"""
