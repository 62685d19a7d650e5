"""What commands share: options, words and tables, and how they reach files and servers. No command stands here, and none imports another."""
