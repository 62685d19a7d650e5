"""Faulty or malicious input, and how each case must end. Add anything that ever caused trouble to the YAML files."""
