"""Trying a journey before it goes live: touchpoints replayed through the core, the tests of a journey file, two versions side by side.

Pure but for reading lines that it is handed: no clock, no server, nothing printed. What is shown of it is the commands' business.
"""
