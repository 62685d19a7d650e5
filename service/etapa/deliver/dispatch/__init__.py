"""The way of a trigger to its target: a queue for each target, the requests, and dead letters for what cannot be delivered."""
