"""Own the way to PostgreSQL: Django's backend, and the embedded server where no other is named."""
