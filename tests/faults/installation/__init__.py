"""The installation that is broken and repaired: three brokers, a Redis with its replica, workers, and the network between them."""
