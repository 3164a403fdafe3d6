"""What is known to be wrong: feeds, OSV records, affected ranges, groups, matching."""
