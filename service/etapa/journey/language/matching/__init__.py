"""What a journey asks of touchpoints and values, as data: what it matches, what can never match, and how it is said. No files, no nodes."""
