"""What Asterisk loads and what its manager interface tells: as little as the hotline needs."""

MODULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "SIP",
        (
            "res_pjproject",
            "res_sorcery_config",
            "res_sorcery_memory",
            "res_sorcery_astdb",
            "res_pjsip",
            "res_pjsip_session",
            "res_pjsip_pubsub",  # chan_pjsip doesn't load without it
            "res_pjsip_sdp_rtp",
            "res_pjsip_nat",
            "res_pjsip_authenticator_digest",
            "res_pjsip_outbound_authenticator_digest",
            "res_pjsip_outbound_registration",
            "res_pjsip_endpoint_identifier_ip",
            "res_pjsip_endpoint_identifier_user",
            "res_pjsip_registrar",
            "res_pjsip_caller_id",
            "res_pjsip_header_funcs",
            "res_pjsip_rfc3326",
            "res_pjsip_refer",  # with allow_transfer=no it declines what else stays unanswered
            "res_pjsip_dlg_options",
            "res_pjsip_empty_info",
            "res_pjsip_logger",
            "res_security_log",
            "chan_pjsip",
        ),
    ),
    (
        "media",
        (
            "res_rtp_asterisk",
            "res_timing_timerfd",
            "res_musiconhold",
            "bridge_simple",
            "bridge_native_rtp",
            "bridge_softmix",  # three in a talk
            "codec_alaw",
            "codec_ulaw",
            "codec_a_mu",
            "codec_gsm",  # Asterisk's own `beep` is .gsm
            "res_format_attr_h264",  # video is passed through as it comes, its parameters too
            "res_format_attr_vp8",
            "format_gsm",
            "format_pcm",
            "format_sln",
            "format_wav",
        ),
    ),
    (
        "dialplan",
        (
            "pbx_config",
            "res_speech",  # res_agi doesn't load without it
            "res_agi",
            "res_audiosocket",
            "app_audiosocket",  # a caller's audio through the engine: spoken requests
            "app_bridgeaddchan",
            "app_chanspy",
            "app_dial",
            "app_exec",
            "app_mixmonitor",
            "app_playtones",
            "app_senddtmf",  # PlayDTMF: how an announcement to a waiting caller is cut short
            "app_stack",
            "app_userevent",
            "app_verbose",
            "func_callerid",
            "func_channel",
            "func_cut",
            "func_logic",
            "func_pjsip_endpoint",  # who may be reached from another node: seats alone
            "func_strings",
            "func_uri",
        ),
    ),
)

AMI_READ = "system,call,dtmf"
AMI_WRITE = "system,call,reporting,originate"
AMI_EVENTS = (
    "name(FullyBooted)) =",
    "name(Hangup),header(Channel),method(starts_with)) = PJSIP/trunk-",
    "name(DialEnd),header(DialStatus),method(exact)) = ANSWER",
    "name(DTMFEnd),header(Channel),method(starts_with)) = PJSIP/trunk-",
    "name(ContactStatus)) =",
    "name(OriginateResponse)) =",
    "name(Hangup),method(contains)) = HL_MEDIA=leg",  # of legs that a talk is made of
)
# Among several nodes: a call comes from another node for a seat of this one, and its end.
NODE_EVENTS = (
    "name(Hangup),header(Channel),method(starts_with)) = PJSIP/node-",
    "name(UserEvent),header(UserEvent),method(exact)) = Leg",
)

# Nobody listens to these. Each would be built several times a call: a quarter of Asterisk's CPU.
UNHEARD_EVENTS = (
    *("Newchannel", "Newexten", "Newstate", "NewCallerid", "NewConnectedLine", "NewAccountCode"),
    *("DialBegin", "DialState", "BridgeCreate", "BridgeEnter", "BridgeLeave", "BridgeDestroy"),
    *("DeviceStateChange", "VarSet", "DTMFBegin"),
    # each wakes the thread of every manager session, only to be filtered out there
    *("MixMonitorStart", "MixMonitorStop", "MusicOnHoldStart", "MusicOnHoldStop"),
    *("HangupRequest", "SoftHangupRequest", "TestEvent"),
)
UNHEARD_MESSAGES = (
    "ast_channel_varset_type",
    "agi_exec_start_type",
    "agi_exec_end_type",
    "ast_rtp_rtcp_sent_type",
    "ast_rtp_rtcp_received_type",
)

# Asterisk reports each of these as an error when the file isn't there.
SHORT_FILES = {
    "acl.conf": "",
    "ccss.conf": "[general]\n",
    "cdr.conf": "[general]\nenable = no\n",
    "cel.conf": "[general]\nenable = no\n",
    "features.conf": "[general]\n",
    "pjproject.conf": "",
    "stasis.conf": "[declined_message_types]\n"
    + "".join(f"decline = {name}\n" for name in UNHEARD_MESSAGES),
    "udptl.conf": "[general]\n",
}
