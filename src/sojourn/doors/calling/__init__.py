"""Short words to people outside the app: text messages by a gateway of the organization, e-mail by its mail server."""
