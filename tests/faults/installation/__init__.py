"""The installation that is broken and mended: three brokers, a Redis with its replica, workers, and the network between them."""
