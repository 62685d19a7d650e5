"""How requests are handed to connections."""
