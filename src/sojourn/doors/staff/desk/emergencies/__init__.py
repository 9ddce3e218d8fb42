"""The review queue of emergency accesses."""
