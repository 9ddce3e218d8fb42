"""Clinical documents from outside (C-CDA): opened, labelled, compared with the chart, and taken over line by line."""
