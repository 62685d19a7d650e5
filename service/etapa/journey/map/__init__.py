"""The journey map as one document: what a team has designed beside what was counted. Pure; whoever shows it only has to lay it out."""
