"""Other people's ticket systems, kept in step: create or update by our id, comment on change, hear what they close."""
