"""What a team has written down in the journey file besides the rules: people, places, points, the ideal way.

Nothing here moves customers. The journey map shows it, and figures are split by it.
"""
