"""Networks of the user's own, from their files."""
