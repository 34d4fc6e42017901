"""Series: rows with a time, as windows of the past that are to tell the steps after them."""
