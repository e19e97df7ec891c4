# parkour with the mujoco engine, for machines with NVIDIA GPUs and their container toolkit:
#   docker build -t parkour .
#   docker run --gpus all --ipc host -v "$PWD/logs:/work/logs" parkour train go2-teacher
# torch brings CUDA's libraries; the driver is the host's.
FROM python:3.12-slim-bookworm

# EGL draws films without a display, through the host's driver; ffmpeg comes with imageio-ffmpeg.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libegl1 libgl1 libglvnd0 \
    && rm -rf /var/lib/apt/lists/*

COPY . /opt/parkour
RUN pip install --no-cache-dir '/opt/parkour[mujoco]' \
    && rm -rf /opt/parkour

ENV MUJOCO_GL=egl \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility

RUN useradd --create-home parkour \
    && install --directory --owner parkour /work
USER parkour
WORKDIR /work
VOLUME /work/logs

ENTRYPOINT ["parkour"]
CMD ["--help"]
