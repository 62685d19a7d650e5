"""The topics themselves: creating them, what they must be like, and whether they are still the same ones."""
