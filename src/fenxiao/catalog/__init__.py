"""商品与库存 — products, categories, tags, batches, stock movements, holds on stock.

Owns what can be sold and how much of it lies where. Never knows who bought: to it an order is an id
that a hold carries.
"""
