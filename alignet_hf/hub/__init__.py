"""Artefacts on the Hub: saving, loading, pushing, cards."""
