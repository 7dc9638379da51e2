"""Tests of Asterisk's configuration, on a real Asterisk."""
