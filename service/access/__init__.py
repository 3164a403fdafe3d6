"""Who may, who did: teams, API keys with roles, audit."""
