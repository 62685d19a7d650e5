"""Tests by kind: unit, property, simulation, integration, faults, page. `tests.servers` starts real servers for them."""
