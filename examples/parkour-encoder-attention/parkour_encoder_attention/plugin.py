"""What this plugin registers. Every command imports this module, so it imports nothing but specs."""

from collections.abc import Iterable

from parkour import EncoderSpec, TaskSpec, hookimpl

PARKOUR_API = "1.1"


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    yield EncoderSpec(
        name="scan_attention",
        summary="height scan to latent: attention among the rows of the grid",
        target="parkour_encoder_attention.encoder:scan_attention",
        params="parkour_encoder_attention.encoder:ScanAttentionParams",
        encodes="scan",
        source="Vaswani et al. 2017, Attention Is All You Need",
    )


@hookimpl
def register_tasks() -> Iterable[TaskSpec]:
    yield TaskSpec(
        name="go2-teacher-attention",
        summary="go2-teacher with an attention encoder of the height scan",
        target="parkour_encoder_attention:go2_teacher_attention.toml",
    )
