"""Code systems and maps between them: what is installed, asked and kept. About nobody, so every caller may ask."""
