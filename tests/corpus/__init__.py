"""Input that somebody may send by mistake or in bad faith, and how each case must end. Add to the YAML files what ever caused trouble."""
