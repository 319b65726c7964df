"""What is changed under a lock: the sponsor tree, and the placement tree."""

from fenxiao.network.store.sponsors import NewNode, Node, Source, Tree, locked

__all__ = ["NewNode", "Node", "Source", "Tree", "locked"]
