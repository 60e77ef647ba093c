"""Own the template tags of the measuring floor."""
