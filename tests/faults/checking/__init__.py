"""The books: what came out, held against what should have, and how long it took."""
