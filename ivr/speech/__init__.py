"""What callers say, turned into words with times: one port, recognised here or at a vosk-server."""
