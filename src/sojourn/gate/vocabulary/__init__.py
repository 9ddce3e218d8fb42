"""Code systems and maps between them: asked, loaded, kept. About nobody, so every caller may ask."""
