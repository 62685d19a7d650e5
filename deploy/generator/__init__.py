"""Generates files from the catalogue of metrics: a page of the documentation, and dashboards. A test checks that they are up to date."""
