"""How fast the product is, measured against the limit of what it stands on. Never asserted."""
