"""Speaker encoder: from a clip to the x-vector, which gives the flow its speaker.

B batch, F feature frames, M bands, C channels, D width of the x-vector

CAM++: residual convolutions over the time-frequency picture, then densely connected dilated convolutions over
time, each masked by its context, then mean and deviation over time. From "CAM++: A Fast and
Efficient Network for Speaker Verification Using Context-Aware Masking" (Wang et al., 2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.mels import fbank


@dataclass(frozen=True, slots=True)
class DenseStageConfig:
    """One stage of densely connected layers."""

    layers: int
    dilation: int


@dataclass(frozen=True, slots=True)
class SpeakerEncoderConfig:
    """Sizes of the published net."""

    bands: int = 80
    """Bands of the features; a multiple of 8."""
    picture_channels: int = 32
    """Channels of the two-dimensional convolutions."""
    channels: int = 128
    """Channels before the first stage."""
    growth: int = 32
    """Channels that each dense layer adds."""
    bottleneck: int = 128
    """Channels inside a dense layer."""
    kernel: int = 3
    """Kernel of the dense layers."""
    stages: tuple[DenseStageConfig, ...] = (
        DenseStageConfig(layers=12, dilation=1),
        DenseStageConfig(layers=24, dilation=2),
        DenseStageConfig(layers=16, dilation=2),
    )
    segment: int = 100
    """Frames of a segment, whose mean is the nearer context: 2 s."""
    embedding: int = 192


class SpeakerEncoder(nn.Module):
    """Kaldi features to x-vectors."""

    def __init__(self, config: SpeakerEncoderConfig) -> None:
        super().__init__()
        self.picture = PictureNet(config)
        flat = config.picture_channels * config.bands // 8
        self.stem = nn.Conv1d(flat, config.channels, kernel_size=5, stride=2, padding=2, bias=False)
        self.stem_norm = nn.BatchNorm1d(config.channels)
        self.stages = nn.ModuleList()
        channels = config.channels
        for stage in config.stages:
            self.stages.append(DenseStage(config, stage, channels))
            channels = (channels + stage.layers * config.growth) // 2
        self.pool_norm = nn.BatchNorm1d(channels)
        self.project = nn.Conv1d(2 * channels, config.embedding, kernel_size=1, bias=False)
        self.project_norm = nn.BatchNorm1d(config.embedding, affine=False)

    def embed(self, samples: Tensor) -> Tensor:
        """One clip (N,) at 16 kHz to its x-vector (1, D)."""
        features = fbank(samples)
        xvector: Tensor = self((features - features.mean(dim=0))[None])  # (F, M) to (1, F, M)
        return xvector

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, F, M) without their mean, all rows of one length, to x-vectors (B, D)."""
        x = self.picture(features.to(self.stem.weight).transpose(1, 2))  # (B, C * M / 8, F)
        x = F.relu(self.stem_norm(self.stem(x)))  # (B, C, F / 2)
        for stage in self.stages:
            x = stage(x)
        x = F.relu(self.pool_norm(x))
        x = torch.cat((x.mean(dim=-1), x.std(dim=-1)), dim=1)  # (B, C, F / 2) to (B, 2 C)
        xvector: Tensor = self.project_norm(self.project(x[..., None]))[..., 0]  # (B, D, 1) to (B, D)
        return xvector.float()


class PictureNet(nn.Module):
    """Two-dimensional convolutions over the features as a picture; an eighth of the bands remains."""

    def __init__(self, config: SpeakerEncoderConfig) -> None:
        super().__init__()
        channels = config.picture_channels
        self.conv_in = nn.Conv2d(1, channels, kernel_size=3, padding=1, bias=False)
        self.norm_in = nn.BatchNorm2d(channels)
        self.blocks = nn.ModuleList(ResidualBlock(channels, stride) for stride in (2, 1, 2, 1))
        self.conv_out = nn.Conv2d(channels, channels, kernel_size=3, stride=(2, 1), padding=1, bias=False)
        self.norm_out = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, M, F) to (B, C * M / 8, F)."""
        x = F.relu(self.norm_in(self.conv_in(features[:, None])))  # (B, 1, M, F) to (B, C, M, F)
        for block in self.blocks:
            x = block(x)
        x = F.relu(self.norm_out(self.conv_out(x)))
        return x.flatten(1, 2)  # (B, C, M / 8, F) to (B, C * M / 8, F)


class ResidualBlock(nn.Module):
    """Two convolutions around a residual path; the stride is over the bands only."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, stride=(stride, 1), padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.Conv2d(channels, channels, 1, stride=(stride, 1), bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, M, F) to (B, C, M / stride, F)."""
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class DenseStage(nn.Module):
    """Layers that each see the outputs of all before them, then half of the channels."""

    def __init__(self, config: SpeakerEncoderConfig, stage: DenseStageConfig, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DenseLayer(config, channels + i * config.growth, stage.dilation) for i in range(stage.layers)
        )
        channels += stage.layers * config.growth
        self.norm = nn.BatchNorm1d(channels)
        self.narrow = nn.Conv1d(channels, channels // 2, kernel_size=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F) to (B, (C + layers * growth) / 2, F)."""
        for layer in self.layers:
            x = torch.cat((x, layer(x)), dim=1)  # (B, C + growth, F)
        return self.narrow(F.relu(self.norm(x)))  # type: ignore[no-any-return]


class DenseLayer(nn.Module):
    """A dilated convolution over time after a bottleneck, masked by the means of the clip and the segment."""

    def __init__(self, config: SpeakerEncoderConfig, channels: int, dilation: int) -> None:
        super().__init__()
        inner = config.bottleneck
        self.segment = config.segment
        self.norm_in = nn.BatchNorm1d(channels)
        self.bottleneck = nn.Conv1d(channels, inner, kernel_size=1, bias=False)
        self.norm_inner = nn.BatchNorm1d(inner)
        padding = config.kernel // 2 * dilation
        self.local = nn.Conv1d(
            inner, config.growth, config.kernel, padding=padding, dilation=dilation, bias=False
        )
        self.mask_down = nn.Conv1d(inner, inner // 2, kernel_size=1)
        self.mask_up = nn.Conv1d(inner // 2, config.growth, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F) to (B, growth, F)."""
        x = F.relu(self.norm_inner(self.bottleneck(F.relu(self.norm_in(x)))))
        context = x.mean(dim=-1, keepdim=True) + self._segment_means(x)
        mask = torch.sigmoid(self.mask_up(F.relu(self.mask_down(context))))
        return self.local(x) * mask  # type: ignore[no-any-return]

    def _segment_means(self, x: Tensor) -> Tensor:
        """(B, C, F): at each frame the mean of its segment; the last segment may be shorter."""
        means = F.avg_pool1d(x, self.segment, stride=self.segment, ceil_mode=True)  # (B, C, ceil(F / 100))
        return means.repeat_interleave(self.segment, dim=-1)[..., : x.shape[-1]]
