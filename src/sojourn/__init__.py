"""One record, one gate, many doors."""

__version__ = "0.1.0"
