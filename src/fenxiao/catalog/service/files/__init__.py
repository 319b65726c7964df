"""Files of products and of stock: CSV and Excel, in and out.

A file is read and checked as a whole before anything is written; what it says is then applied in chunks, each of them
one transaction. Reading, deciding and writing files are work for threads.
"""
