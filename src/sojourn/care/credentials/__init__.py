"""Credentials as dated data: who may sign, whose signature needs another one, and what ends when."""
