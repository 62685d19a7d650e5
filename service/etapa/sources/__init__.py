"""Turns other systems' records into touchpoints with mapping files, which are declarative and bounded, and never code."""
