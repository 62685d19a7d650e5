"""A first journey for somebody who has none: a few answers, or a look at the touchpoints that there are, made into a file with tests.

Pure: touchpoints and answers come in, text goes out.
"""
