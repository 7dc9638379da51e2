"""Citizens and seats that really call (SIPp, RTP): demonstration, load, benchmark."""
