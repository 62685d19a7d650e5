"""The worlds: what a seed decides, the workers in it, and the kinds of trouble that each world is made for."""
