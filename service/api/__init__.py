"""The REST API under ``/v1``: one file per noun, thin. Who may call what is said beside each route."""
