"""Etapa: an event-driven customer-journey stage classifier."""

__version__ = "0.1.0"
