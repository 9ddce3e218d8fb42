"""Cards that services of partners answer beside a chart (CDS Hooks), and what becomes of them."""
