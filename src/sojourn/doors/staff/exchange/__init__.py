"""Exchange: partners and the messages that come and go, for whoever looks after them."""
