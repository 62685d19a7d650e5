"""A private broker, a private Redis and made-up shoppers, so that the demo needs nothing but Python."""
