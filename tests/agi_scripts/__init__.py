"""Tests of the stand-alone AGI scripts, run by a real Asterisk."""
