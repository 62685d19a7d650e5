"""Writes what is made from the catalogue of metrics: a page of the documentation, and dashboards. A test holds the files to it."""
