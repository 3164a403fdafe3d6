"""Work that happens without being asked: the schedule and the table of jobs."""
