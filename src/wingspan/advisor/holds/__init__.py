"""Event log -> episodes: what happened to held jobs, and at which moments advice is asked for."""
