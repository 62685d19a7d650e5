"""From YAML to values: nodes with line and column, shapes that read them, findings when they cannot. No conditions."""
