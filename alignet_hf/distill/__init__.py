"""From triplets to a student."""
