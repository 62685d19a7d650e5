"""Clients that reach the brokers: where they are, who we are to them, and consumers as Etapa needs them."""
