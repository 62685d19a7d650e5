"""Real servers to measure on, empty or with customers in them."""
