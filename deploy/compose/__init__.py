"""What the compose file runs beside Etapa itself."""
