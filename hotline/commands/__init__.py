"""One file per group of commands. Each function here is what a user types."""
