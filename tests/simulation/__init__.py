"""The partition task in a world that a seed decides: its time, its interleaving, its faults. No real clock, no thread, no server."""
