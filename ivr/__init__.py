"""One caller's conversation: which line, which hours, what is asked, where it leads."""
