"""What a source file says: its model, and loading it with file, line and column."""
