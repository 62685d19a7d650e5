"""What a worker counts and measures, and how it is told to Prometheus. No customer's id is ever among it."""
