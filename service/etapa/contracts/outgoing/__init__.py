"""What is published: stage changes, campaign triggers, explanations, and both kinds of dead letters."""
