"""The journey map as one document: the team's design beside what was counted. Pure; the page only has to lay it out."""
