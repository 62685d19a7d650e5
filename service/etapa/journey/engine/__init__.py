"""What a journey does to its customers. The rooms below handle one customer; this one handles a partition's customers and their timers.

All times are whole microseconds since 1970-01-01T00:00:00Z; all durations are whole microseconds.
"""
