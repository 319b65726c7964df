"""The rig: the parts that every benchmark is built from. It knows no context of the system."""
