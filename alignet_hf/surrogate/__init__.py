"""From human judgments to a teacher that answers like a person."""
