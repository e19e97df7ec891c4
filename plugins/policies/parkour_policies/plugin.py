"""What this pack registers. Imports nothing but specs: torch is loaded when a policy is built."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import EncoderSpec, PolicySpec, hookimpl

PARKOUR_API = "1.1"

RMA = "Kumar et al. 2021, RMA: Rapid Motor Adaptation for Legged Robots"
EXTREME_PARKOUR = "Cheng et al. 2023, Extreme Parkour with Legged Robots"

KICKSTARTING = "Schmitt et al. 2018, Kickstarting Deep Reinforcement Learning"


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    yield EncoderSpec(
        name="scan_mlp",
        summary="height scan to latent: a multi-layer perceptron with a bounded output",
        target="parkour_policies.encoders:scan_mlp",
        params="parkour_policies.encoders:ScanMlpParams",
        encodes="scan",
        source=EXTREME_PARKOUR,
    )
    yield EncoderSpec(
        name="privileged_mlp",
        summary="privileged constants to latent: a multi-layer perceptron",
        target="parkour_policies.encoders:privileged_mlp",
        params="parkour_policies.encoders:PrivilegedMlpParams",
        encodes="privileged",
        source=RMA,
    )
    yield EncoderSpec(
        name="history_conv",
        summary="recent proprioception to latent: convolutions over time",
        target="parkour_policies.encoders:history_conv",
        params="parkour_policies.encoders:HistoryConvParams",
        encodes="history",
        source=RMA,
    )
    yield EncoderSpec(
        name="depth_cnn58x87",
        summary="depth image to latent: two convolutions, without memory; sized for 58 x 87 pixels, others fit too",
        target="parkour_policies.depth_encoders:depth_cnn",
        params="parkour_policies.depth_encoders:DepthCnnParams",
        encodes="depth",
        source=EXTREME_PARKOUR,
    )
    yield EncoderSpec(
        name="depth_gru",
        summary="depth image and proprioception to latent: the convolutions and a gated recurrent unit",
        target="parkour_policies.depth_encoders:depth_gru",
        params="parkour_policies.depth_encoders:DepthGruParams",
        encodes="depth",
        recurrent=True,
        source=EXTREME_PARKOUR,
    )
    yield EncoderSpec(
        name="depth_strided_gru",
        summary="depth image and proprioception to latent: strided convolutions and a recurrent unit; small and fast",
        target="parkour_policies.strided_encoder:depth_strided_gru",
        params="parkour_policies.strided_encoder:DepthStridedGruParams",
        encodes="depth",
        recurrent=True,
    )


@hookimpl
def register_policies() -> Iterable[PolicySpec]:
    yield PolicySpec(
        name="rma-teacher",
        summary="RMA actor with velocity estimator, privileged critic, PPO with DAgger iterations",
        target="parkour_policies.rma_teacher:rma_teacher",
        params="parkour_policies.rma_teacher:RmaTeacherParams",
        algorithm="parkour_policies.rma_teacher:RmaAlgorithmParams",
        stage="teacher",
        source=EXTREME_PARKOUR,
    )
    yield PolicySpec(
        name="rma-student",
        summary="depth encoder and depth actor, distilled from an RMA teacher by DAgger",
        target="parkour_policies.rma_student:rma_student",
        params="parkour_policies.rma_student:RmaStudentParams",
        algorithm="parkour_policies.rma_student:DistillationParams",
        stage="student",
        source=EXTREME_PARKOUR,
    )
    yield PolicySpec(
        name="rma-student-ppo",
        summary="the distilled student, trained on by PPO on its own camera while the teacher's guidance fades",
        target="parkour_policies.rma_student_ppo:rma_student_ppo",
        params="parkour_policies.rma_student:RmaStudentParams",
        algorithm="parkour_policies.rma_student_ppo:StudentPpoParams",
        stage="student",
        source=KICKSTARTING,
    )
