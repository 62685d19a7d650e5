"""The compiled conditions: true now? until when? what did they see? They read what accumulators remember and move no customers."""
