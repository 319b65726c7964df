"""Work that uses several contexts: the retail import, the demo, the verification.

Gets the contexts' apis handed in and sees nothing else of them.
"""
