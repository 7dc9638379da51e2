"""Naming, checking, retention and purge of audio; the audio lies under the installation's home."""
