"""Own the writing of the measuring floor: one module a noun, state, news and hint in one transaction."""
