"""The basis of every Etapa process: the event loop, the clock, the log, Faust's frame. Nothing here knows what the process does."""
