"""Own what the records that mail depends on must say, and the judging of what they do say."""
