"""Brokers' statements: readers into one neutral form, and what is matched and reconciled with it."""
