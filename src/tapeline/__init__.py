"""Tapeline: from tape to tax."""
