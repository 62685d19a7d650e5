"""The load on the installation: steady, or more than it can handle."""
