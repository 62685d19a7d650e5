"""The journey map as people see it: the page that `page/` at the top is bundled into, and files that hold a map with it."""
