"""The topics themselves: how they are made, what they must be like, and whether they are still the same ones."""
