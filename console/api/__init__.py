"""One file per noun; each has `ROUTES`."""
