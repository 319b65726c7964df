"""Pure: what a channel's word does to a transfer, and how a statement is compared with the book."""
