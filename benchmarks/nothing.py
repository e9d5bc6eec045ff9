"""A step that does nothing, in a module of its own: what it costs is Wingspan's."""


def nothing(n: int) -> int:
    """Do nothing."""
    return n
