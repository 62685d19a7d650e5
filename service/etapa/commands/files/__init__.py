"""Files that commands are given: journeys, sources and events, plain or packed, in order of time."""
