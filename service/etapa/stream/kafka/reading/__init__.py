"""Reading what lies in topics, outside any group: a stretch, a whole topic, the state, the changes."""
