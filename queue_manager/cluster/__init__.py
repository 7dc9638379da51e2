"""Many engines, one matcher: who leads, what engines tell each other, the queue at a distance."""
