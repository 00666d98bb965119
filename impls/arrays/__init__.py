"""NumPy and CuPy (and any standard array library): encodings and attention forms, namespace taken from the inputs."""

from ..philox import Seeded
from .adaptive import dape_attention
from .attention import Bound, bind
from .biases import alibi, fire, kerple, sandwich, t5, t5_buckets
from .conv_spe import conv_noise, conv_spe
from .cosformer import cosformer
from .dape import dape, dape_v2
from .dense import dense_attention, scores
from .fastrpb import fastrpb, fastrpb_attention, fastrpb_extended, sikf, sikf_attention
from .favor import favor, favor_projection, feature_attention
from .flt import flt_features, flt_frequencies, flt_grid, flt_ratios
from .flt_attention import flt_exp, flt_extended, flt_mask, khatri_rao
from .gates import gate_noise
from .linear import Carry, linear_attention
from .lrpe import lrpe
from .mixed import m_rope, rope_mixed
from .noise import normals, uniforms
from .nope import nope
from .nprf import nprf
from .permuteformer import permuteformer
from .retention import Retained, retention, retnet
from .rope import rope, rope_table
from .sine_spe import sine_noise, sine_spe, sine_spe_exact
from .sinusoidal import sinusoidal
from .toeplitz import block_toeplitz, toeplitz
from .toeplitz_mask import toeplitz_mask_attention
from .xpos import xpos

__all__ = [
    "Bound",
    "Carry",
    "Retained",
    "Seeded",
    "alibi",
    "bind",
    "block_toeplitz",
    "conv_noise",
    "conv_spe",
    "cosformer",
    "dape",
    "dape_attention",
    "dape_v2",
    "dense_attention",
    "fastrpb",
    "fastrpb_attention",
    "fastrpb_extended",
    "favor",
    "favor_projection",
    "feature_attention",
    "fire",
    "flt_exp",
    "flt_extended",
    "flt_features",
    "flt_frequencies",
    "flt_grid",
    "flt_mask",
    "flt_ratios",
    "gate_noise",
    "kerple",
    "khatri_rao",
    "linear_attention",
    "lrpe",
    "m_rope",
    "nope",
    "normals",
    "nprf",
    "permuteformer",
    "retention",
    "retnet",
    "rope",
    "rope_mixed",
    "rope_table",
    "sandwich",
    "scores",
    "sikf",
    "sikf_attention",
    "sine_noise",
    "sine_spe",
    "sine_spe_exact",
    "sinusoidal",
    "t5",
    "t5_buckets",
    "toeplitz",
    "toeplitz_mask_attention",
    "uniforms",
    "xpos",
]
