"""What the console answers when it can't do what was asked: stable ids, words in two languages."""


class ConsoleError(Exception):
    """Base of this room's errors; each becomes `{"error": {"id", "message", "message_zh"}}`.

    `id` is stable and machines may rely on it; `status` is the HTTP status; `headers` go with
    the answer, `retry_after_s` as Retry-After.
    """

    id = "console"
    status = 500
    message = "The console could not do this."
    message_zh = "操作未能完成。"

    def __init__(self, message: str = "", message_zh: str = "", *, retry_after_s: int = 0) -> None:
        self.message = message or self.message
        self.message_zh = message_zh or self.message_zh
        self.headers = {"Retry-After": str(retry_after_s)} if retry_after_s else {}
        super().__init__(self.message)


class BadRequest(ConsoleError):
    """Not HTTP or JSON as we understand it."""

    id = "bad-request"
    status = 400
    message = "The request could not be understood: send UTF-8 JSON."
    message_zh = "无法解析请求,请发送 UTF-8 编码的 JSON。"


class TokenMissing(ConsoleError):
    """No `Authorization: Bearer` header."""

    id = "token-missing"
    status = 401
    message = "A token is needed: send the header Authorization: Bearer <token>."
    message_zh = "需要访问令牌:请发送请求头 Authorization: Bearer <令牌>。"


class TokenRefused(ConsoleError):
    """Malformed, unknown, wrong, expired or revoked: the peer isn't told which."""

    id = "token-refused"
    status = 401
    message = "The token is not valid, has expired or was revoked."
    message_zh = "令牌无效、已过期或已被撤销。"


class RoleRefused(ConsoleError):
    """The token's role may not do this."""

    id = "role-refused"
    status = 403
    message = "This token's role may not do this."
    message_zh = "该令牌的角色无权执行此操作。"


class TenantRefused(ConsoleError):
    """The token belongs to another tenant."""

    id = "tenant-refused"
    status = 403
    message = "This token belongs to another tenant."
    message_zh = "该令牌不属于此租户。"


class OriginRefused(ConsoleError):
    """A page of another site tried to open a WebSocket."""

    id = "origin-refused"
    status = 403
    message = "Pages of other sites may not connect here."
    message_zh = "不允许其他站点的页面连接。"


class NotFound(ConsoleError):
    """No such path."""

    id = "not-found"
    status = 404
    message = "There is nothing at this path."
    message_zh = "该路径不存在。"


class UnknownTenant(ConsoleError):
    """No such tenant on this installation."""

    id = "unknown-tenant"
    status = 404
    message = "There is no such tenant on this installation."
    message_zh = "本平台没有该租户。"


class SeatNotFound(ConsoleError):
    """No such seat in this tenant."""

    id = "unknown-seat"
    status = 404
    message = "There is no such seat in this tenant."
    message_zh = "该租户没有此座席。"


class CallerNotFound(ConsoleError):
    """No such caller waits in this tenant (any more)."""

    id = "unknown-caller"
    status = 404
    message = "No such caller waits (any more): he was answered, or left."
    message_zh = "该来电已不在排队中(已接听或已离开)。"


class AlertNotFound(ConsoleError):
    """No such alert is open in this tenant (any more)."""

    id = "unknown-alert"
    status = 404
    message = "There is no such open alert (any more)."
    message_zh = "该警示不存在或已处理。"


class TicketNotFound(ConsoleError):
    """No such ticket in this tenant."""

    id = "unknown-ticket"
    status = 404
    message = "There is no ticket of this number in this tenant."
    message_zh = "该租户没有此编号的工单。"


class UnknownLine(ConsoleError):
    """No such line in this tenant; raised by the wired hours as well."""

    id = "unknown-line"
    status = 404
    message = "There is no such line in this tenant."
    message_zh = "该租户没有此线路。"


class UnknownCallback(ConsoleError):
    """No open callback was asked for in this call; raised by the wired callbacks."""

    id = "unknown-callback"
    status = 404
    message = "There is no open callback of this call in this tenant."
    message_zh = "该租户没有此通话的待回电任务。"


class CallbackTalking(ConsoleError):
    """Citizen and seat have each other: nothing can be called off; raised by the wired ones."""

    id = "callback-talking"
    status = 409
    message = "The citizen and the seat are talking: there is nothing to call off."
    message_zh = "市民与座席正在通话,无法取消回电。"


class NoAudio(ConsoleError):
    """The ticket has no such audio, or the file is gone (retention)."""

    id = "no-audio"
    status = 404
    message = "There is no such audio for this ticket (never recorded, or purged)."
    message_zh = "该工单没有此录音(未录制或已按期清除)。"


class MethodRefused(ConsoleError):
    """The path exists, the method doesn't."""

    id = "method-not-allowed"
    status = 405
    message = "This method is not allowed here."
    message_zh = "此路径不支持该请求方法。"


class Conflict(ConsoleError):
    """What the installation's files say can't be used: the message names file and mistake."""

    id = "bad-configuration"
    status = 409
    message = "The configuration files hold a mistake; nothing was changed."
    message_zh = "配置文件有误,未作任何更改。"


class VersionStale(ConsoleError):
    """Somebody else has changed it since it was read."""

    id = "stale-version"
    status = 409
    message = "Somebody else has changed this meanwhile: load it again."
    message_zh = "内容已被他人修改,请重新加载。"


class VersionMissing(ConsoleError):
    """Whoever changes a ticket says which version he has read."""

    id = "version-missing"
    status = 428
    message = "Say which version you have read: header If-Match, or version in the body."
    message_zh = "请注明所读取的版本:请求头 If-Match 或请求体中的 version。"


class UnknownNotice(ConsoleError):
    """No such notice in this unit's inbox."""

    id = "unknown-notice"
    status = 404
    message = "There is no such notice in this unit's inbox."
    message_zh = "该单位没有此通知。"


class OutsideCalendar(ConsoleError):
    """A date so far off that no calendar counts to it."""

    id = "calendar-end"
    status = 422
    message = "The date lies outside the years that working days are counted in."
    message_zh = "日期超出工作日历范围。"


class BodyTooLarge(ConsoleError):
    """More than the body limit."""

    id = "body-too-large"
    status = 413
    message = "The request body is too large."
    message_zh = "请求内容过大。"


class NotJson(ConsoleError):
    """A body of another content type."""

    id = "not-json"
    status = 415
    message = "Send the body as Content-Type: application/json."
    message_zh = "请以 Content-Type: application/json 发送请求内容。"


class NotEvidence(ConsoleError):
    """A body that is neither a picture nor a PDF."""

    id = "not-evidence"
    status = 415
    message = "Only JPEG and PNG pictures and PDFs are taken (as application/octet-stream)."
    message_zh = "只接受 JPEG、PNG 图片或 PDF 文件(application/octet-stream)。"


class EvidenceMissing(ConsoleError):
    """No such file was put to this ticket, or it isn't here, or isn't what it was."""

    id = "unknown-evidence"
    status = 404
    message = "There is no such file of this ticket here (any more)."
    message_zh = "该工单没有此佐证材料(未提交或已按期清除)。"


class TooMuchEvidence(ConsoleError):
    """A ticket has so many files already."""

    id = "too-much-evidence"
    status = 409
    message = "The ticket has as many files as it may have."
    message_zh = "该工单的佐证材料已达上限。"


class BadRange(ConsoleError):
    """A byte range beyond the audio's end, or unreadable."""

    id = "bad-range"
    status = 416
    message = "The audio has no such byte range."
    message_zh = "录音没有所请求的字节范围。"

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self.headers["Content-Range"] = f"bytes */{size_bytes}"


class Invalid(ConsoleError):
    """JSON or query understood, but a value is missing, unknown or out of range."""

    id = "invalid"
    status = 422
    message = "A value is missing, unknown or out of range."
    message_zh = "参数缺失、未知或超出范围。"


class UnknownPauseReason(ConsoleError):
    """A pause reason that the tenant doesn't have."""

    id = "unknown-pause-reason"
    status = 422
    message = "The tenant has no such pause reason."
    message_zh = "该租户没有此示忙原因。"


class UnknownTalk(ConsoleError):
    """No such talk goes on in this tenant."""

    id = "unknown-talk"
    status = 404
    message = "No talk of this call goes on in this tenant."
    message_zh = "该租户没有此通话,或通话已结束。"


class TalkElsewhere(ConsoleError):
    """The call is another node's: that node's engine alone can do something with its talk
    (RFC 9110, 15.5.20)."""

    id = "talk-elsewhere"
    status = 421
    message = "The call is another node's: ask that node's engine."
    message_zh = "此通话在其他节点,请向该节点发送请求。"


class TalkNotPossible(ConsoleError):
    """The talk is in a state in which this can't be done."""

    id = "talk-busy"
    status = 409
    message = "The talk is in a state in which this can't be done."
    message_zh = "通话当前状态不允许此操作。"


class SeatBusy(ConsoleError):
    """The seat to be rung isn't free."""

    id = "seat-busy"
    status = 409
    message = "The seat is not free to be rung."
    message_zh = "目标座席忙或离线。"


class SeatNotWrappingUp(ConsoleError):
    """There is no after-call work to be extended."""

    id = "not-wrapping-up"
    status = 409
    message = "The seat isn't in wrap-up: there is nothing to extend."
    message_zh = "该座席不在话后整理中，无法延长。"


class TargetNotAllowed(ConsoleError):
    """No such seat, queue or line, or no outbound rule allows the number."""

    id = "target-refused"
    status = 422
    message = "There is no such target, or no outbound rule allows the number."
    message_zh = "目标不存在,或外呼规则不允许该号码。"


class SwitchUnavailable(ConsoleError):
    """Asterisk didn't do it; the talk is as before."""

    id = "switch-away"
    status = 503
    message = "The switchboard did not do this; the talk is as before. Try again."
    message_zh = "交换机未能执行,通话保持原状,请重试。"


class TooManyFailures(ConsoleError):
    """Too many refused tokens from one peer."""

    id = "too-many-failures"
    status = 429
    message = "Too many refused tokens from your address: wait and try again."
    message_zh = "令牌错误次数过多,请稍后再试。"


class Internal(ConsoleError):
    """We did wrong; the log has it under the same request id."""

    id = "internal"
    status = 500
    message = "Something went wrong on our side; the log knows it by the X-Request-Id."
    message_zh = "系统内部错误,请凭 X-Request-Id 查询日志。"


class RulesUnusable(ConsoleError):
    """The files of the understanding have a mistake; the log tells where."""

    id = "rules-unusable"
    status = 503
    message = "The rules of the understanding cannot be used; the log tells why."
    message_zh = "智能理解规则文件有误,原因见日志。"


class PeerAway(ConsoleError):
    """The house that has the audio doesn't answer, or doesn't let us have it now."""

    id = "peer-away"
    status = 503
    message = "The other house doesn't hand it out right now: try again."
    message_zh = "对方平台暂时无法提供录音,请稍后重试。"


class StoreUnavailable(ConsoleError):
    """The database doesn't answer right now."""

    id = "store-away"
    status = 503
    message = "The database does not answer right now; calls are still served. Try again."
    message_zh = "数据库暂时无响应,来电仍正常受理,请稍后重试。"


class TooManyClients(ConsoleError):
    """All places for live connections are taken."""

    id = "too-many-clients"
    status = 503
    message = "All live connections are in use: try again later."
    message_zh = "实时连接数已满,请稍后再试。"


class TimedOut(ConsoleError):
    """The answer, or the peer's own body, took too long."""

    id = "timed-out"
    status = 503
    message = "The request was not completed in time: try again."
    message_zh = "请求超时,请重试。"


class UnknownPeer(ConsoleError):
    """This tenant exchanges tickets with nobody."""

    id = "unknown-peer"
    status = 404
    message = "This tenant exchanges tickets with nobody."
    message_zh = "该租户未与其他平台交换工单。"


class UnknownMessage(ConsoleError):
    """No message of this id was given up in this tenant."""

    id = "unknown-message"
    status = 404
    message = "There is no given-up message of this id in this tenant."
    message_zh = "该租户没有此条待重发的消息。"


class UnknownWebhook(ConsoleError):
    """No such webhook in this tenant."""

    id = "unknown-webhook"
    status = 404
    message = "There is no such webhook in this tenant."
    message_zh = "该租户没有此推送订阅。"


class TooManyWebhooks(ConsoleError):
    """The tenant has as many as it may have."""

    id = "too-many-webhooks"
    status = 409
    message = "This tenant has as many webhooks as it may have: end one first."
    message_zh = "推送订阅数量已达上限,请先取消一个。"


class AddressRefused(ConsoleError):
    """A webhook may not lead there."""

    id = "address-refused"
    status = 422
    message = "Webhooks may not lead to this address."
    message_zh = "推送地址不被允许。"


class TooManyRequests(ConsoleError):
    """An address comes in more often than it may."""

    id = "too-many-requests"
    status = 429
    message = "Too many requests: wait and try again."
    message_zh = "请求过于频繁,请稍后再试。"


BY_STATUS: dict[int, type[ConsoleError]] = {
    400: BadRequest,
    404: NotFound,
    405: MethodRefused,
    413: BodyTooLarge,
    415: NotJson,
}
