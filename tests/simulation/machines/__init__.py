"""The simulated machines: an event loop that owns time, a network, processes that die, and the ports and the group in memory."""
