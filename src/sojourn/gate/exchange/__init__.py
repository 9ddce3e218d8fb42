"""Exchange with others: partners, the messages that come and go, and under whose name they are done."""
