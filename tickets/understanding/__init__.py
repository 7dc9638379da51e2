"""What a sentence says: kind, place, class, numbers and danger, by rules and data, no model."""
