"""The catalogue: one file per encoding. `get("rope")`, `get("lrpe[core=unitary,p=dft]")`, `names()`."""

from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module

from ..encoding import Encoding, EncodingError

FILES = {
    "absolute": "absolute",
    "alibi": "alibi",
    "comrope": "comrope",
    "cosformer": "cosformer",
    "dape": "dape",
    "dape-v2": "dape_v2",
    "deberta": "deberta",
    "fastrpb": "fastrpb",
    "fire": "fire",
    "flt-gaussian-mixture": "flt_gaussian_mixture",
    "flt-local": "flt_local",
    "flt-shift-invariant": "flt_shift_invariant",
    "fox": "fox",
    "kerple": "kerple",
    "lie-re": "liere",
    "lrpe": "lrpe",
    "m-rope": "m_rope",
    "nope": "nope",
    "nprf": "nprf",
    "permuteformer": "permuteformer",
    "retnet": "retnet",
    "rope": "rope",
    "rope-mixed": "rope_mixed",
    "sandwich": "sandwich",
    "selective-rope": "selective_rope",
    "shaw": "shaw",
    "sinusoidal": "sinusoidal",
    "spe-conv": "spe_conv",
    "spe-sine": "spe_sine",
    "string": "string",
    "t5": "t5",
    "tnn": "tnn",
    "toeplitz-mask": "toeplitz_mask",
    "transformer-xl": "transformer_xl",
    "xpos": "xpos",
}  # fmt: skip


def names() -> list[str]:
    """The entries, sorted; a family counts once."""
    return sorted(FILES)


def members(name: str) -> list[str]:
    """The variants of an entry that are proved and run by default, in full notation; else the entry itself."""
    module = _module(name)
    return list(getattr(module, "MEMBERS", (name,)))


@lru_cache(maxsize=256)
def get(notation: str) -> Encoding:
    """The record for `name` or `name[key=value,…]`. Raises EncodingError with the nearest known name or option."""
    name, _, rest = notation.partition("[")
    if rest and not rest.endswith("]"):
        raise EncodingError(f"encoding {notation!r}: wanted name or name[key=value,…]")
    options: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in rest[:-1].split(","))):
        option, equals, value = item.partition("=")
        if not equals:
            raise EncodingError(f"encoding {notation!r}: option {item!r} must be key=value")
        options[option.strip()] = value.strip()
    return _build(name.strip(), options)


def _module(name: str):  # type: ignore[no-untyped-def]
    if name not in FILES:
        near = get_close_matches(name, FILES, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(names())}"
        raise EncodingError(f"unknown encoding {name!r}{hint}")
    return import_module(f".{FILES[name]}", __name__)


def _build(name: str, options: dict[str, str]) -> Encoding:
    module = _module(name)
    known = getattr(module, "OPTIONS", {})
    for option, value in options.items():
        if option not in known:
            near = get_close_matches(option, known, n=1)
            wanted = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
            raise EncodingError(f"{name}: unknown option {option!r}; {wanted}")
        allowed = known[option]
        if callable(allowed):
            continue
        if value not in allowed:
            raise EncodingError(f"{name}: {option} must be one of {', '.join(allowed)}, got {value!r}")
    built = module.encoding(**options)
    assert isinstance(built, Encoding)
    return built
