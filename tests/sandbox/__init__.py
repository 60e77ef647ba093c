"""Own the tests of the sandbox platform, and the fixture that starts one for any test."""
