"""The exact decision procedure: translate to terms, decide by normal form, refute by a certified witness."""
