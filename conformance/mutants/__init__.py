"""Deliberately wrong subjects, and right ones that look different: what the checks are tested with."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..subject import Subject
    from .mutant import Mutant

__all__ = ["correct_variants", "mutants"]


def mutants() -> "list[Mutant]":
    """Every mutant, freshly built: one with a memory starts without it."""
    from importlib import import_module

    files = (
        "stage_faults",
        "family_faults",
        "state_faults",
        "attention_faults",
        "door_faults",
        "torch_faults",
        "scaling_faults",
        "relative_faults",
        "kernel_faults",
        "random_faults",
    )
    return [mutant for file in files for mutant in import_module(f".{file}", __name__).mutants()]


def correct_variants() -> "list[Subject]":
    """Right subjects that no check may accuse."""
    from . import correct, kernel_faults, random_faults, relative_faults, scaling_faults

    return [
        *correct.correct_variants(),
        *scaling_faults.correct_variants(),
        *relative_faults.correct_variants(),
        *kernel_faults.correct(),
        *random_faults.correct_variants(),
    ]
