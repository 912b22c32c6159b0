"""Unit labels of Alicat instruments, as engineering units of a control system."""

_SPECIAL = {"`C": "degC", "`F": "degF", "C": "degC", "F": "degF", "`K": "K", "K": "K"}


def egu(label: str) -> str:
    """ "`C" -> "degC", "SCCM" -> "sccm", "kPaA" -> "kPaA"; what the instrument does not tell is empty."""
    label = label.strip()
    if set(label) <= {"-"} or label == "na":
        return ""
    return _SPECIAL.get(label) or (label.lower() if label.isupper() else label)
