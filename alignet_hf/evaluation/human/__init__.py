"""How much a representation agrees with people."""
