"""The embedded default: 92 photographs, 16 people, two small encoders."""
