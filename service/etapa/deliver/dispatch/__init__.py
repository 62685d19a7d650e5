"""From a trigger to its target: a queue for each target, requests, and dead letters for what cannot be delivered."""
