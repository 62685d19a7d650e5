"""Trying a journey before it goes live: replaying touchpoints through the core, running a journey file's tests, comparing two versions.

Pure, except that it reads lines from files it is given: no clock, no server, no printing. Showing the results is up to the commands.
"""
