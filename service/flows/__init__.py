"""The acts that cross rooms; every door calls these."""
