"""Shared by the commands for both topics of dead letters: selecting them, showing them, and sending them back."""
