"""Own the template tags of the product."""
