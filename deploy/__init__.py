"""What is needed to run Etapa: its image, and its monitoring."""
