"""What a worker counts and measures, and how Prometheus gets it. It never includes a customer's id."""
