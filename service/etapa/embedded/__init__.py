"""A private broker, a private Redis and simulated shoppers, so that the demo needs nothing but Python."""
