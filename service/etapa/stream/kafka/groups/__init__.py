"""The consumer group as the brokers report it: its members, its protocols, and the brokers' limits."""
