"""The view behind the ports: Redis. It makes no decisions of the protocol."""
