"""Levels of care: moving a client on within the organization, and discharging them."""
