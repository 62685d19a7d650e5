"""What all commands share: options, words and tables, and what they say when a server or a setting fails. No command stands here."""
