"""Short words to people outside the app: text messages by a gateway, e-mail by a mail server."""
