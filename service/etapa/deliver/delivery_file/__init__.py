"""The delivery file: where triggers go, and how it is read without ever repeating a secret."""
