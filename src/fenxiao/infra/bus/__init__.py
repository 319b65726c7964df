"""Events on their way: the relay that empties an outbox, the buses it hands them to, the consumers at the end."""
