"""Implementations: arrays in, arrays out. Array libraries and the standard library only."""
