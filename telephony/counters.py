"""What this room counts; read at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge

REGISTRY = CollectorRegistry()

AGI_REFUSED = Counter(
    "hotline_agi_refused_connections_total",
    "FastAGI connections closed because the peer didn't speak AGI",
    ["reason"],
    registry=REGISTRY,
)
AGI_SESSIONS = Counter(
    "hotline_agi_sessions_total", "FastAGI sessions begun", ["route"], registry=REGISTRY
)
AGI_ACTIVE = Gauge("hotline_agi_active_sessions", "FastAGI sessions going on", registry=REGISTRY)
AGI_FAILED = Counter(
    "hotline_agi_failed_sessions_total",
    "Sessions that ended by an error of ours",
    ["route"],
    registry=REGISTRY,
)
PROMPTS_FAILED = Counter(
    "hotline_prompts_failed_total",
    "Prompts that Asterisk couldn't play (a file is missing)",
    registry=REGISTRY,
)
GHOST_CALLS = Counter(
    "hotline_ghost_calls_total",
    "Sessions ended because Asterisk no longer knew their channel",
    registry=REGISTRY,
)
AMI_RECONNECTS = Counter(
    "hotline_ami_connections_total",
    "Manager connections made, the first included",
    ["link"],
    registry=REGISTRY,
)
AMI_CONNECTED = Gauge(
    "hotline_ami_connected_state", "1 while the manager link is up", ["link"], registry=REGISTRY
)
AMI_BAD_MESSAGES = Counter(
    "hotline_ami_bad_messages_total",
    "Manager messages or bytes we could not take",
    ["reason"],
    registry=REGISTRY,
)
AMI_LATE_ACTIONS = Counter(
    "hotline_ami_late_actions_total", "Manager actions without an answer in time", registry=REGISTRY
)
AUDIO_REFUSED = Counter(
    "hotline_audio_refused_connections_total",
    "AudioSocket connections closed because the peer did wrong",
    ["reason"],
    registry=REGISTRY,
)
AUDIO_SESSIONS = Counter(
    "hotline_audio_sessions_total", "Calls whose audio ran through the engine", registry=REGISTRY
)
AUDIO_ACTIVE = Gauge(
    "hotline_audio_active_sessions", "Calls whose audio runs through the engine", registry=REGISTRY
)
AUDIO_FRAMES = Counter(
    "hotline_audio_frames_total",
    "Frames of 20 ms told on from callers: heard, or filled in where their network sent nothing",
    ["source"],
    registry=REGISTRY,
)
AUDIO_LATE_TICKS = Counter(
    "hotline_audio_left_out_ticks_total",
    "Frames of 20 ms that no caller was sent because the engine had stopped for longer",
    registry=REGISTRY,
)
AUDIO_AWAY = Counter(
    "hotline_audio_away_total",
    "Calls whose audio couldn't be led through the engine, or broke: served without it",
    ["reason"],
    registry=REGISTRY,
)
