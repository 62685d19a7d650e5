"""What must be true of a finished run, what must have happened across all runs, and proof that the checks can fail."""
