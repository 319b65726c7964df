"""Stock and holds, whose numbers must agree at every moment.

Whoever changes units locks first the stock rows of the products, in product order, then the holds, in hold
order. A stock count, or a product whose threshold changes, is locked before the stock rows. Each lock is a
statement of its own: what is read after it was committed before it was granted.
"""
