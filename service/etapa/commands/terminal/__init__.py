"""Shared by all commands: options, words and tables, and messages when a server or a setting fails. There are no commands here."""
