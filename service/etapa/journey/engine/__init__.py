"""What a journey does to its customers. The rooms below know one customer; here are the many of a partition, and their timers.

All times are whole microseconds since 1970-01-01T00:00:00Z; all durations are whole microseconds.
"""
