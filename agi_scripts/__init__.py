"""Stand-alone scripts that Asterisk runs by itself when no engine answers."""
