// The words of tickets in both languages: states, events, the fields of events and their choices.

export const KINDS = {
  consultation: ["咨询", "question"], complaint: ["投诉", "complaint"], help: ["求助", "help"],
  suggestion: ["建议", "suggestion"], report: ["举报", "report"], praise: ["表扬", "praise"],
};

// States in groups, as a list offers them.
export const GROUPS = [
  ["受理 intake", ["DRAFT", "PENDING_REVIEW", "PENDING_INFO", "ANSWERED", "REOPENED"]],
  ["办理 in hand", ["DISPATCHED", "IN_PROGRESS", "STATUTORY", "JOINT_REVIEW", "MERGED"]],
  ["审核 under review", ["RETURN_REVIEW", "EXTENSION_REVIEW", "REPLY_REVIEW", "CALLBACK", "MANUAL_REVIEW"]],
  ["结束 ended", ["ARCHIVED", "NOT_ACCEPTED", "TRANSFERRED", "VOID", "WITHDRAWN"]],
];
export const STATES = {
  DRAFT: ["草稿", "draft"], ANSWERED: ["直接答复", "answered"], NOT_ACCEPTED: ["不予受理", "not accepted"],
  TRANSFERRED: ["紧急转接", "transferred"], VOID: ["作废", "void"], PENDING_REVIEW: ["待审核", "to review"],
  PENDING_INFO: ["待补充", "more asked"], MERGED: ["已并单", "merged"], DISPATCHED: ["已派单", "dispatched"],
  RETURN_REVIEW: ["退单审核", "return asked"], JOINT_REVIEW: ["联席会议", "joint review"],
  IN_PROGRESS: ["办理中", "in progress"], EXTENSION_REVIEW: ["延期审核", "extension asked"],
  STATUTORY: ["法定程序", "by statute"], REPLY_REVIEW: ["反馈审核", "reply to review"],
  CALLBACK: ["回访", "callback"], MANUAL_REVIEW: ["人工复核", "a person decides"],
  ARCHIVED: ["已归档", "archived"], REOPENED: ["重新受理", "reopened"], WITHDRAWN: ["已撤回", "withdrawn"],
};
export const TONES = {
  PENDING_REVIEW: "wait", PENDING_INFO: "wait", RETURN_REVIEW: "wait", EXTENSION_REVIEW: "wait",
  REPLY_REVIEW: "wait", MANUAL_REVIEW: "wait", REOPENED: "wait", DRAFT: "wait", DISPATCHED: "work",
  IN_PROGRESS: "work", STATUTORY: "work", JOINT_REVIEW: "work", CALLBACK: "work", MERGED: "work",
};

export const EVENTS = {
  created: ["建单", "made"], merged: ["通话补充", "a further fact of the call"],
  part_made: ["生成子单", "made as a part"], answered: ["直接答复", "answer at once"],
  refused: ["不予受理", "don't accept"], submitted: ["提交审核", "submit for review"],
  transferred: ["转紧急热线", "transfer to emergency"], handed_back: ["转接退回", "handed back"],
  voided: ["作废", "make void"], restored: ["恢复", "restore"], info_asked: ["要求补充", "ask for more"],
  info_given: ["补充内容", "more was told"], info_expired: ["补充超时", "nothing more came"],
  linked: ["并单", "merge"], unlinked: ["撤销并单", "unmerge"], dispatched: ["派单", "dispatch"],
  reassigned: ["改派", "reassign"], signed: ["签收", "sign"], return_asked: ["申请退单", "ask to return"],
  return_granted: ["同意退单", "grant the return"], return_refused: ["驳回退单", "refuse the return"],
  ruled: ["裁定", "rule"], handed_down: ["转办下级", "hand parts down"], units_added: ["增加协办", "add co-units"],
  extension_asked: ["申请延期", "ask for more time"], extension_granted: ["同意延期", "grant the extension"],
  extension_refused: ["驳回延期", "refuse the extension"], case_filed: ["立案(法定程序)", "case filed"],
  replied: ["提交答复", "reply"], reply_passed: ["答复通过", "pass the reply"],
  reply_sent_back: ["答复退回", "send the reply back"], satisfied: ["市民满意", "citizen satisfied"],
  unsatisfied: ["市民不满意", "citizen not satisfied"], mixed: ["部分满意", "mixed"],
  unreachable: ["未联系上", "not reached"], main_archived: ["主单归档", "the main one is archived"],
  archived: ["归档", "archive"], closed: ["办结", "close"], appealed: ["申请重新受理", "appeal"],
  reviewed: ["复核通过", "reviewed"], withdrawn: ["撤回", "withdraw"], urged: ["催办", "urge"],
  reminded: ["提醒", "remind"], supervised: ["督办", "supervise"], yellow_card: ["黄牌", "yellow card"],
  red_card: ["红牌", "red card"], overdue_told: ["超期督办通知", "told overdue"], circulated: ["通报", "circular"],
  instructed: ["批示", "instruct"], long_term_set: ["挂账", "long-term matter"],
  long_term_ended: ["销账", "end long-term"], confided: ["保密", "make confidential"],
  contacted: ["联系市民", "citizen contacted"], noted: ["备注", "note"], joined: ["并入一单", "another was merged"],
  left: ["移出一单", "another was unmerged"], child_ended: ["子单办结", "a part has ended"],
};

export const FIELDS = {
  answer: ["答复内容", "answer"], title: ["标题", "title"], text: ["内容", "text"], place: ["地点", "place"],
  place_code: ["区域", "area"], requester: ["诉求人", "requester"], channel: ["渠道", "channel"],
  kind: ["诉求类型", "kind"], urgency: ["紧急程度", "urgency"], complexity: ["复杂程度", "complexity"],
  always: ["全天计时", "round the clock"], class_code: ["分类", "class"], code: ["原因", "reason"],
  reason: ["理由", "reason"], basis: ["依据", "basis"], to: ["转至", "to"], question: ["需补充什么", "what is missing"],
  main: ["主工单号", "main ticket"], lead: ["主办单位", "lead unit"], co_units: ["协办单位", "co-units"],
  units: ["单位", "units"], suggested: ["建议承办单位", "suggested unit"], days: ["工作日数", "working days"],
  due_on: ["法定期限", "due by law"], reply: ["办理答复", "reply"], public_reply: ["公开答复", "public reply"],
  evidence: ["佐证材料", "evidence"], solved: ["问题是否解决", "solved?"], satisfied: ["是否满意", "satisfied?"],
  recording: ["录音", "recording"], review_on: ["复查日期", "review on"], how: ["联系方式", "how"],
  result: ["联系结果", "result"], note: ["内部备注", "internal note"], unit: ["单位", "unit"], number: ["工单号", "ticket"],
  origin: ["来源", "origin"], state: ["状态", "state"], seat_id: ["座席", "seat"], parent: ["主单", "whole"],
};

export const CHOICES = {
  ...Object.fromEntries(Object.entries(KINDS).map(([id, [zh, en]]) => [id, `${zh} ${en}`])),
  normal: "一般 normal", urgent: "急 urgent", critical: "特急 critical", general: "一般 general",
  complex: "复杂 complex", special: "特别复杂 special", danger: "危险 danger", utilities: "水电气 utilities",
  empty: "空单 empty", technical: "技术故障 technical", test: "测试 test", wrong_number: "拨错 wrong number",
  110: "110 公安", 119: "119 消防", 120: "120 急救", 122: "122 交通事故", 12395: "12395 水上搜救",
};
export const URGENCIES = { urgent: ["急", "urgent"], critical: ["特急", "critical"] };
export const ORIGINS = {
  talk: ["人工来电", "talk"], voice_request: ["语音留言", "spoken request"], abandoned: ["放弃来电", "abandoned call"],
  callback: ["回拨", "callback"], part: ["子单", "part"], peer: ["其他平台", "other house"], web: ["非来电", "not by call"],
  handed_over: ["110移交", "handed over"], connected: ["转接企业", "connected on"],
};
export const CLOCKS = {
  desk: ["平台处理", "desk"], sign: ["签收", "sign"], contact: ["首次联系", "contact"], finish: ["办结", "finish"],
};
// What the desk's clock measures: a state, or until when a long-term matter is looked at again.
export const DESKS = { ...STATES, LONG_TERM: ["挂账复查", "long-term matter"] };
export const MARKS = {
  reminder: ["提醒", "reminder"], yellow_card: ["黄牌", "yellow"], red_card: ["红牌", "red"],
  notice: ["督办通知", "notice"], circular: ["通报", "circular"], timeout: ["超时", "time-out"],
};
export const FOLLOW_UPS = {
  waiting: ["待拨打", "to be called"], calling: ["拨打中", "being called"], satisfied: ["满意", "satisfied"],
  unsatisfied: ["不满意", "not satisfied"], mixed: ["转人工", "to a person"],
  unreached: ["未接通", "not reached"], superseded: ["已不需要", "superseded"],
};
export const RESULTS = {
  answered: "已接听", busy: "占线", no_answer: "无人接听", failed: "无法接通", hung_up: "中途挂断",
  no_key: "无按键应答", no_number: "没有号码", no_rule: "号码不允许外呼", lost: "通话中断", called_off: "人工接手",
};
export const ALIKE = {
  words: "用词相近", place: "同一地点", area: "同一区域", class: "同一分类", group: "同类", caller: "同一来电人",
};

// Both names of something; what nobody has named here is shown as it is.
export const both = (names, id) => names[id] ?? [id, ""];
export const zh = (names, id) => both(names, id)[0];
