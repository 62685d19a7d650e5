"""Finds out what is wrong with the brokers or the topics, for messages and for `etapa doctor`."""
