"""Sweeps: a recipe run with every combination of other values, its stages shared, its scores compared."""
