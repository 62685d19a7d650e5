"""The core: what a journey file says and what it does to a customer.

Pure by rule: no asyncio, no clock, no randomness, no input or output. Time arrives as an argument.
Nothing here imports another room of Etapa.
"""
