"""Dates and local times: from instants to local time, and back.

Zone data comes from the pinned package `tzdata`, never from the machine. Local times are microseconds as if the place were at
UTC: local 1970-01-01T00:00:00 is 0.
"""
