"""What a journey asks of touchpoints and values, as data: what matches, what can never match, and its wording. No files, no nodes."""
