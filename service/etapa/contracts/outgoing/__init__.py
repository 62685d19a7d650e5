"""What is published: stage changes, campaign triggers, explanations, and dead letters of either kind."""
