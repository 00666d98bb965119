"""One deliberately wrong subject: what is wrong with it, where the fault was seen, and which checks must notice."""

from dataclasses import dataclass

from ..subject import Subject


@dataclass(frozen=True)
class Mutant:
    """A wrong subject; at least one of the checks named in `caught_by` has to fail on it.

    `fault_class` is the kind of fault as public trackers show it; `reference` one place where it happened
    (repository#number, or a note), "constructed" if none is known to us, "cheating" for a subject that only pretends.
    """

    name: str
    subject: Subject
    fault_class: str
    reference: str
    caught_by: tuple[str, ...]
