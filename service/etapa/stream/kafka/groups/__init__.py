"""The consumer group as the brokers tell it: its members, its protocols, and what it may ask for at most."""
