// What supervisors have to know of, in one line; as many as there is room for.

import { byId, element, english } from "./dom.js";

const KINDS = {
  seat_misses: ["连续未接,已示忙", "paused after missed calls"],
  two_phones: ["两部话机同时登录", "two phones at once"],
  unsteady: ["话机频繁上下线", "phone comes and goes"],
  no_report: ["振铃无结果,已收回", "offer taken back"],
  late_answer: ["迟接", "late answer"],
  not_come: ["当班未到岗", "due and missing"],
  messages_given_up: ["有消息未送达,请重发", "not delivered: send again"],
};
const MOST = 3;

export const words = (kind) => KINDS[kind] ?? [kind, kind];
export const whose = (alert) => (alert.seat ? `座席 ${alert.seat}` : "对外推送");

function item(alert) {
  const [zh, en] = words(alert.kind);
  const made = element("span", alert.seen ? "alert seen" : "alert");
  made.append(element("b", "", whose(alert)), ` ${zh}`);
  if (alert.times > 1) made.append(` ×${alert.times}`);
  made.append(english(en));
  return made;
}

export function drawAlerts({ head }) {
  const strip = byId("alerts");
  strip.hidden = head.alerts_open === 0;
  if (strip.hidden) return;
  const open = [...head.alerts].sort((a, b) => a.seen - b.seen || b.id - a.id);
  const title = element("strong", "", `警示 ${head.alerts_open}`);
  title.append(english("Alerts"));
  const shown = open.slice(0, MOST).map(item);
  if (head.alerts_open > shown.length) shown.push(element("span", "more", `另 ${head.alerts_open - shown.length} 项`));
  strip.replaceChildren(title, ...shown);
}
