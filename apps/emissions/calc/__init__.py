"""The calculation: pure functions over frozen values, no Django, no clock, no network."""
