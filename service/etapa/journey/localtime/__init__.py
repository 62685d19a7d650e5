"""Dates and local times: what a wall clock shows somewhere at an instant, and at which instant it shows something.

Zone data comes from the pinned package `tzdata`, as code does, and never from the machine. Local times are microseconds as if the
place were at UTC: 1970-01-01T00:00:00 on the wall is 0.
"""
