"""Who signs in to see this record: the client, and those who act for them."""
