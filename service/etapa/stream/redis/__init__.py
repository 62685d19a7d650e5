"""The view behind the ports: Redis. What the protocol decides is not decided here."""
