"""Models -> an advisor: judged on later slices, chosen, told what may be removed, kept in a folder."""
