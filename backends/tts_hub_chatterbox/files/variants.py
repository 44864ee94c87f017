"""The models of this package: their official files with size and hash, and the size of T3.

Sizes and SHA-256 are those of the pinned revisions: a file that differs is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from tts_hub.download.folders import PublishedFile


@dataclass(frozen=True, slots=True)
class T3Size:
    """The size of T3's backbone."""

    layers: int
    width: int
    heads: int


@dataclass(frozen=True, slots=True)
class Variant:
    """One published model, with those of its files that are read here."""

    model: str
    """The model's name in a request."""
    repository: str
    """The repository on huggingface.co."""
    revision: str
    """Commit of the repository."""
    t3: PublishedFile
    t3_size: T3Size
    s3gen: PublishedFile
    voice_encoder: PublishedFile
    built_in_voice: PublishedFile
    tokenizer: tuple[PublishedFile, ...]

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """All files, the small ones first, so that a problem with the access shows at once."""
        return (*self.tokenizer, self.built_in_voice, self.voice_encoder, self.s3gen, self.t3)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


VOICE_ENCODER = PublishedFile(
    "ve.safetensors", 5_695_784, "f0921cab452fa278bc25cd23ffd59d36f816d7dc5181dd1bef9751a7fb61f63c"
)
S3GEN_MEANFLOW = PublishedFile(
    "s3gen_meanflow.safetensors",
    1_064_875_036,
    "d65cb687a2ed581ee6cc297e919ffefa63386944f42364ae13b78a594945514f",
)
TURBO_VOICE = PublishedFile(
    "conds.pt", 169_454, "b1852099306fd6a7814eb9d0bd10186caba7249596cc23868f78a0eefbfa5033"
)
GPT2_TOKENIZER = (
    PublishedFile(
        "added_tokens.json", 418, "72e4ab6acb0d9309ac3df4b526ae5fd80a2da5bc5ab7bb02d85096a374f69193"
    ),
    PublishedFile("merges.txt", 456_318, "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"),
    PublishedFile(
        "tokenizer_config.json", 3_878, "bca16a2ac1ddbd78b8d6228f0031884cc74b6ea54b967d6f6d2ebae9ccde23e6"
    ),
    PublishedFile("vocab.json", 999_186, "f6bd25a65e4e63ca31360e9fb11c7e4f9a391a78385d640acd814092dd6eee4f"),
)

TURBO = Variant(
    model="chatterbox-turbo",
    repository="ResembleAI/chatterbox-turbo",
    revision="749d1c1a46eb10492095d68fbcf55691ccf137cd",
    t3=PublishedFile(
        "t3_turbo_v1.safetensors",
        1_915_480_052,
        "fcf1f8c1d651bb7e3acd69ee5be269b4ac10c02980b7708213d598bc9f7cdf87",
    ),
    t3_size=T3Size(layers=24, width=1024, heads=16),
    s3gen=S3GEN_MEANFLOW,
    voice_encoder=VOICE_ENCODER,
    built_in_voice=TURBO_VOICE,
    tokenizer=GPT2_TOKENIZER,
)
NANO = Variant(
    model="chatterbox-nano",
    repository="ResembleAI/chatterbox-nano",
    revision="71ccd1d0081b430592cea481f4307e764e07bc64",
    t3=PublishedFile(
        "t3_nano_v1.safetensors",
        869_899_204,
        "72b110185087d945dbdf54dee4e333848e1811bdd5fd6cb16ceb8da50006f0c9",
    ),
    t3_size=T3Size(layers=12, width=768, heads=12),
    s3gen=S3GEN_MEANFLOW,
    voice_encoder=VOICE_ENCODER,
    built_in_voice=TURBO_VOICE,
    tokenizer=GPT2_TOKENIZER,
)
VARIANTS = {variant.model: variant for variant in (TURBO, NANO)}
