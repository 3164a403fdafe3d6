"""VEX: what we say of exposures as documents, and what others' documents say. Pure."""
