"""The front door: commands, settings, wiring, supervision. Only it knows every room."""
