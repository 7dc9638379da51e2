"""End to end: `hotline run` as a person starts it, real Asterisk, real calls."""
