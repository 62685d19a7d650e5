"""What runs Etapa: its image, and what watches it."""
