"""What a representation is like: its hierarchy, its spectrum, its likeness to others, its pictures."""
