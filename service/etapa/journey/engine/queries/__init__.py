"""What conditions ask: spans of what accumulators remember, values compared, and the zone in which a customer is. It decides nothing."""
