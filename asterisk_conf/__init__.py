"""Asterisk configuration: templates and their rendering."""
