"""`make soak`: calls keep coming while one part after the other is away for a minute."""
