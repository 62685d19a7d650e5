"""What must be true of a finished run, what must have happened in the runs between them, and proof that the checks can fail."""
