"""What a journey file does: the compiled program, a customer's state, one step of classification, and a partition's timers.

All times are whole microseconds since 1970-01-01T00:00:00Z; all durations are whole microseconds.
"""
