"""Reading SBOMs: bytes in, a typed `Document` out. Pure; fast readers of our own."""
