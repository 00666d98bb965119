"""Where an implementation keeps the coordinates of the definition: interleaved pairs, or halves."""

LAYOUTS = ("interleaved", "halves")


def order(layout: str, covered: int, dim: int, sections: int = 1) -> tuple[int, ...]:
    """order[i] is the index in the subject's array of coordinate i of the definition: x_spec[i] = x_subject[order[i]].

    `interleaved` keeps pairs at (2p, 2p + 1), as the definition does. `halves` keeps pair p at (p, p + covered/2),
    within each of the equal sections; coordinates beyond `covered` stay. Raises ValueError for an unknown layout, or
    for halves of an odd part.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    if layout == "interleaved":
        return tuple(range(dim))
    if not 0 <= covered <= dim or covered % (2 * sections):
        raise ValueError(
            f"layout: halves need a multiple of {2 * sections} and at most {dim} coordinates, got {covered}"
        )
    part = covered // sections
    moved = [a * part + c * (part // 2) + p for a in range(sections) for p in range(part // 2) for c in range(2)]
    return (*moved, *range(covered, dim))
