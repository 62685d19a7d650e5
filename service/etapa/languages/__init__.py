"""The languages in which a journey map can be read: a file each, and one more file is one more language."""
