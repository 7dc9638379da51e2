"""What tickets refuse (`tickets.errors.EventRefused`), as HTTP says it: status and Chinese words.

The English sentence is the core's own, since it names what was wrong; so is the Chinese one where
the id alone wouldn't say what to write instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from console.errors import ConsoleError
from tickets.errors import EventRefused

NOT_NOW, NOT_YOU, NOT_SO = 409, 403, 422


@dataclass(frozen=True, slots=True)
class Refusal:
    """The status that goes with an id, and what it says in Chinese."""

    status: int
    message_zh: str


REFUSALS: Mapping[str, Refusal] = {
    "bad-data": Refusal(NOT_SO, "填写内容有误,请更正。"),
    "children-open": Refusal(NOT_NOW, "尚有未办结的子工单。"),
    "citizen-not-contacted": Refusal(NOT_NOW, "请先登记与市民联系的情况。"),
    "extension-too-late": Refusal(NOT_NOW, "已过办结期限,不能再申请延期。"),
    "follow-up-under-way": Refusal(NOT_NOW, "正在对该市民进行电话回访。"),
    "handler-may-not-supervise": Refusal(NOT_YOU, "办督分离:承办者不得督办同一工单。"),
    "has-linked": Refusal(NOT_NOW, "该工单已有并入的工单,不能再并入其他工单。"),
    "illegal-transition": Refusal(NOT_NOW, "工单当前状态不允许此操作。"),
    "key-reused": Refusal(NOT_NOW, "此幂等键已用于另一请求,请更换。"),
    "links-itself": Refusal(NOT_SO, "工单不能并入自身。"),
    "missing-data": Refusal(NOT_SO, "缺少必填内容。"),
    "not-extendable": Refusal(NOT_NOW, "该工单不能延期。"),
    "not-long-term": Refusal(NOT_NOW, "该工单未挂账。"),
    "not-returnable": Refusal(NOT_NOW, "该工单已裁定或退单被拒,不能再退。"),
    "not-your-unit": Refusal(NOT_YOU, "该工单不属于贵单位。"),
    "part-of-parent": Refusal(NOT_NOW, "这是子工单,请在主工单上操作。"),
    "return-too-late": Refusal(NOT_NOW, "已超过退单时限。"),
    "role-not-allowed": Refusal(NOT_YOU, "该角色无权执行此操作。"),
    "script": Refusal(NOT_SO, "内容含有脚本代码,请改用文字叙述。"),
    "search-too-short": Refusal(NOT_SO, "请至少输入两个字搜索。"),
    "stale-version": Refusal(NOT_NOW, "内容已被他人修改,请重新加载。"),
    "supervisor-may-not-handle": Refusal(NOT_YOU, "办督分离:督办者不得承办同一工单。"),
    "system-event": Refusal(NOT_YOU, "此事件由系统产生,不能由外部提交。"),
    "too-long": Refusal(NOT_SO, "内容过长。"),
    "unknown-seq": Refusal(NOT_SO, "该工单没有此序号的事件。"),
    "unit-twice": Refusal(NOT_SO, "该单位已在其中。"),
    "unknown-code": Refusal(NOT_SO, "代码不在可选范围内。"),
    "unknown-event": Refusal(NOT_SO, "没有此事件。"),
    "unknown-unit": Refusal(NOT_SO, "没有此单位。"),
}
LIFE = tuple(REFUSALS)
"""Every reason for which an event may be refused."""


class RefusedByTickets(ConsoleError):
    """A ticket didn't take what it was told; `id` and the sentence are the core's."""

    def __init__(self, refused: EventRefused) -> None:
        known = REFUSALS.get(refused.id, Refusal(NOT_NOW, "操作未被接受。"))
        self.id, self.status = refused.id, known.status
        super().__init__(f"{refused.reason}.", refused.reason_zh or known.message_zh)
