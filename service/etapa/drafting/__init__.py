"""A first journey for somebody who has none yet: a file with tests, made from a few answers or from a sample of touchpoints.

Pure: touchpoints and answers come in, text goes out.
"""
