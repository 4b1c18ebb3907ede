"""The life of our orders between intent and venue, and the comparison of our books with the venue's."""
