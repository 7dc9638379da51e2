"""Builds a tiny but real Vosk model of Mandarin from synthesised speech, for tests and the
demonstration; installations set the path of a published model instead."""
