"""Names, lengths, retention of recorded audio. The audio itself lies under the home."""
