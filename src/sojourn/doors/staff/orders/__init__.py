"""Laboratory orders: the sheet, one order until its result, its requisition, the catalog."""
