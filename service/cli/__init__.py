"""The command `muster`: thin. Exit codes: 0 done, 1 a gate said no, 2 bad input or usage, 3 cannot be reached."""
