"""Is it the same network? The parity ladder, and frameworks beside each other."""
