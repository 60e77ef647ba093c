"""COMMUNICATE: the project package and the top floor, the one place allowed to know everything."""
