"""The other languages, as codecs: bytes in, segments out, and back. Pure."""
