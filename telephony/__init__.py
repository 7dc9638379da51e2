"""The only door to Asterisk: AMI, FastAGI. The other rooms see a `Call` and a few events."""
