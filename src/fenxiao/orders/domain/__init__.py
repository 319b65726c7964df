"""Pure rules of orders: what follows what, what a line costs, what a refund takes."""
