"""Stock and holds, whose numbers must agree at every moment.

Whoever changes units locks first the stock rows of the products, in product order, then the holds, in hold
order. Each lock is a statement of its own: what is read after it was committed before it was granted.
"""
