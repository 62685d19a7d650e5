"""What a process of Etapa stands on: the event loop, the clock, the frame that Faust gives. Nothing here knows what the process does."""
