"""Tests mirror the rooms; tests/e2e adds a real Asterisk."""
