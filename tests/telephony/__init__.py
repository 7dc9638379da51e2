"""Tests of the door to Asterisk: on real sockets, and on a real Asterisk."""
