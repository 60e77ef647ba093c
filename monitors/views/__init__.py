"""Own the console pages of the measuring floor: load with an access check, call, render."""
