"""Touchpoints, values and comparisons in the reader's language; a language's phrases arrive as data."""
