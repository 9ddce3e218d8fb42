"""Ground floor: no health words here, and no imports of ours."""
