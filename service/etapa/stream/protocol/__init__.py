"""How one partition is processed exactly once, against ports. Nothing here knows a server, a setting or the time of day."""
