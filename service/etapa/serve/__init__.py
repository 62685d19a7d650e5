"""The HTTP API: metrics, health, stage counts and single customers. It reads the view and never writes to it."""
