"""From match to proof: opening, owners, clocks, lifecycle."""
