"""The layouts of the official files: their names of tensors, and ours."""

from __future__ import annotations

from tts_hub_chatterbox.files.weights import Layout

# --- t3_turbo_v1.safetensors, t3_nano_v1.safetensors ---
T3 = Layout(
    renames=(
        (r"^cond_enc\.spkr_enc\.", "speaker_projection."),
        (r"^(text|speech)_emb\.", r"\1_embedding."),
        (r"^tfmr\.wpe\.", "backbone.position_embedding."),
        (r"^tfmr\.ln_f\.", "backbone.final_norm."),
        (r"^tfmr\.h\.", "backbone.blocks."),
        (r"\.ln_1\.", ".attention_norm."),
        (r"\.ln_2\.", ".mlp_norm."),
        (r"\.attn\.c_attn\.", ".attention.qkv."),
        (r"\.attn\.c_proj\.", ".attention.out."),
        (r"\.mlp\.c_fc\.", ".mlp.up."),
        (r"\.mlp\.c_proj\.", ".mlp.down."),
    ),
    transposed=(r"\.(qkv|out|up|down)\.weight$",),
    unused=(r"^tfmr\.wte\.", r"^text_head\."),
)

# --- ve.safetensors ---
VOICE_ENCODER = Layout(
    renames=((r"^proj\.", "project."),),
    unused=(r"^similarity_(weight|bias)$",),  # for training only
)

# --- s3gen_meanflow.safetensors ---
S3GEN = ("tokenizer.", "speaker_encoder.", "flow.", "mel2wav.")
"""The prefixes of all nets in this file."""

S3_TOKENIZER = Layout(
    prefix="tokenizer.",
    beside=S3GEN,
    renames=(
        (r"^encoder\.", ""),
        (r"^quantizer\._codebook\.project_down\.", "project."),
        (r"\.attn_ln\.", ".attention_norm."),
        (r"\.attn\.fsmn_block\.", ".attention.memory."),
        (r"\.attn\.", ".attention."),
        (r"\.mlp_ln\.", ".feed_norm."),
        (r"\.mlp\.0\.", ".feed_up."),
        (r"\.mlp\.2\.", ".feed_down."),
    ),
    unused=(r"^_mel_filters$", r"^window$"),  # computed in mels.py
)

SPEAKER_ENCODER = Layout(
    prefix="speaker_encoder.",
    beside=S3GEN,
    renames=(
        # The picture's two layers of two blocks each are one list.
        *((rf"^head\.layer{i // 2 + 1}\.{i % 2}\.", f"picture.blocks.{i}.") for i in range(4)),
        (r"(blocks\.\d\.)bn", r"\1norm"),
        (r"^head\.(conv|bn)1\.", r"picture.\1_in."),
        (r"^head\.(conv|bn)2\.", r"picture.\1_out."),
        (r"\.bn_", ".norm_"),
        # Stages and their layers are counted from one.
        *((rf"^xvector\.(?:block|transit){i + 1}\.", f"stages.{i}.") for i in range(3)),
        *((rf"\.tdnnd{i + 1}\.", f".layers.{i}.") for i in range(24)),
        (r"\.nonlinear1\.batchnorm\.", ".norm_in."),
        (r"\.linear1\.", ".bottleneck."),
        (r"\.nonlinear2\.batchnorm\.", ".norm_inner."),
        (r"\.cam_layer\.linear_local\.", ".local."),
        (r"\.cam_layer\.bottleneck\.", ".mask_down."),
        (r"\.cam_layer\.linear2\.", ".mask_up."),
        (r"^(stages\.\d)\.nonlinear\.batchnorm\.", r"\1.norm."),
        (r"^(stages\.\d)\.linear\.", r"\1.narrow."),
        (r"^xvector\.tdnn\.linear\.", "stem."),
        (r"^xvector\.tdnn\.nonlinear\.batchnorm\.", "stem_norm."),
        (r"^xvector\.out_nonlinear\.batchnorm\.", "pool_norm."),
        (r"^xvector\.dense\.linear\.", "project."),
        (r"^xvector\.dense\.nonlinear\.batchnorm\.", "project_norm."),
    ),
)

FLOW = Layout(
    prefix="flow.",
    beside=S3GEN,
    renames=(
        (r"^input_embedding\.", "embedding."),
        (r"^spk_embed_affine_layer\.", "speaker."),
        (r"^encoder_proj\.", "projection."),
        # The encoder.
        (r"^encoder\.embed\.out\.0\.", "encoder.token_input.projection."),
        (r"^encoder\.embed\.out\.1\.", "encoder.token_input.norm."),
        (r"^encoder\.up_embed\.out\.0\.", "encoder.frame_input.projection."),
        (r"^encoder\.up_embed\.out\.1\.", "encoder.frame_input.norm."),
        (r"^encoder\.pre_lookahead_layer\.conv1\.", "encoder.lookahead.ahead."),
        (r"^encoder\.pre_lookahead_layer\.conv2\.", "encoder.lookahead.behind."),
        (r"^encoder\.up_layer\.conv\.", "encoder.upsample.smooth."),
        (r"^encoder\.after_norm\.", "encoder.norm."),
        (r"^encoder\.encoders\.", "encoder.token_layers."),
        (r"^encoder\.up_encoders\.", "encoder.frame_layers."),
        (r"\.norm_mha\.", ".attention_norm."),
        (r"\.norm_ff\.", ".feed_forward_norm."),
        (r"\.feed_forward\.w_1\.", ".expand."),
        (r"\.feed_forward\.w_2\.", ".contract."),
        (r"\.self_attn\.pos_bias_u$", ".attention.content_bias"),
        (r"\.self_attn\.pos_bias_v$", ".attention.position_bias"),
        (r"\.self_attn\.linear_q\.", ".attention.query."),
        (r"\.self_attn\.linear_k\.", ".attention.key."),
        (r"\.self_attn\.linear_v\.", ".attention.value."),
        (r"\.self_attn\.linear_pos\.", ".attention.position."),
        (r"\.self_attn\.linear_out\.", ".attention.output."),
        # The estimator. Its blocks are lists: the convolutions, the layers, the convolution behind them.
        (r"^decoder\.estimator\.", "estimator."),
        (r"\.time_mlp\.linear_1\.", ".time.expand."),
        (r"\.time_mlp\.linear_2\.", ".time.contract."),
        (r"\.time_embed_mixer\.", ".time.mix."),
        (r"\.down_blocks\.0\.2\.", ".first_conv."),
        (r"\.up_blocks\.0\.2\.", ".last_conv."),
        (r"\.down_blocks\.0\.", ".first_block."),
        (r"\.up_blocks\.0\.", ".last_block."),
        (r"(_block|_blocks\.\d+)\.0\.", r"\1."),
        (r"(_block|_blocks\.\d+)\.1\.", r"\1.layers."),
        (r"\.block(\d)\.block\.0\.", r".conv\1.conv."),
        (r"\.block(\d)\.block\.2\.", r".conv\1.norm."),
        (r"\.mlp\.1\.", ".time."),
        (r"\.res_conv\.", ".shortcut."),
        (r"\.final_block\.block\.0\.", ".output_conv.conv."),
        (r"\.final_block\.block\.2\.", ".output_conv.norm."),
        (r"\.final_proj\.", ".output."),
        (r"\.norm1\.", ".attention_norm."),
        (r"\.norm3\.", ".feed_forward_norm."),
        (r"\.attn1\.to_q\.", ".query."),
        (r"\.attn1\.to_k\.", ".key."),
        (r"\.attn1\.to_v\.", ".value."),
        (r"\.attn1\.to_out\.0\.", ".attended."),
        (r"\.ff\.net\.0\.proj\.", ".expand."),
        (r"\.ff\.net\.2\.", ".contract."),
    ),
)

VOCODER = Layout(
    prefix="mel2wav.",
    beside=S3GEN,
    renames=(
        (r"^f0_predictor\.condnet\.", "f0.layers."),
        (r"^f0_predictor\.classifier\.", "f0.output."),
        (r"^m_source\.l_linear\.", "source.mix."),
        (r"^conv_pre\.", "input_conv."),
        (r"^conv_post\.", "output_conv."),
        (r"^ups\.(\d+)\.", r"stages.\1.upsample."),
        (r"^source_downs\.(\d+)\.", r"stages.\1.source_conv."),
        (r"^source_resblocks\.(\d+)\.", r"stages.\1.source_block."),
        # One list of all blocks, three a stage.
        *((rf"^resblocks\.{n}\.", f"stages.{n // 3}.blocks.{n % 3}.") for n in range(9)),
        (r"\.convs1\.(\d)\.", r".layers.\1.wide_conv."),
        (r"\.convs2\.(\d)\.", r".layers.\1.conv."),
        (r"\.activations1\.(\d)\.alpha$", r".layers.\1.wide_snake.frequency"),
        (r"\.activations2\.(\d)\.alpha$", r".layers.\1.snake.frequency"),
    ),
)

# --- perth_net_250000.pth.tar, inside the wheel resemble-perth ---
WATERMARK = Layout(
    renames=(
        (r"^decoder\.slow_layers\.", "detectors.0.layers."),
        (r"^decoder\.normal_layers\.", "detectors.1.layers."),
        (r"^decoder\.fast_layers\.", "detectors.2.layers."),
        (r"\.conv\.", "."),
    ),
    unused=(r"^ap\.",),
)
