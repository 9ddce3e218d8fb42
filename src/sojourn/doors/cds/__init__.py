"""The door of CDS Hooks: other systems ask for cards beside a chart."""
