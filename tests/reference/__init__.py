"""A second opinion: what a journey means, worked out slowly and straight from the definitions."""
