"""What a team has designed and written down in the journey file, beside what moves customers: people, places, points, the ideal way.

Nothing here moves anybody. It is what the journey map shows, and what figures are split by.
"""
