"""A program that does not end and says nothing, as one that hangs."""

import time

if __name__ == "__main__":
    time.sleep(600)
