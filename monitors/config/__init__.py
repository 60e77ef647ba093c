"""Own `standpipe.yaml`: reading it, judging it, planning what applying it would change."""
