"""Scores: on people, on vision tests, of representations."""
