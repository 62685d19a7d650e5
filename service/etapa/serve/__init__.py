"""HTTP: metrics, health, stage counts and single customers. Reads the view; never writes it."""
