"""Reading the files that commands are given: journeys, sources and events, plain or compressed, in order of time."""
