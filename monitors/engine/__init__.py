"""Own the prober: claim what is due, run it under deadlines, judge it, store it, and lose nothing."""
