// What of a ticket happens outside the house: calls to its citizen with the result (回访), and other
// houses that it went to or came from.

import { element, english } from "./dom.js";
import { long, short } from "./ticket_time.js";
import { FOLLOW_UPS, RESULTS, STATES, both, zh } from "./ticket_words.js";
import { chip, heading } from "./ticket_view.js";

const TONES = { waiting: "wait", calling: "work", unsatisfied: "alarm", mixed: "warn", unreached: "warn" };
const ANSWERED = new Set(["reply_passed", "linked"]); // after these somebody is phoned
const CROSSED = new Set(["dispatched", "reassigned", "ruled"]); // by these it goes to another house

// Whether there can be anything to ask for. A department hears of both by the ticket's way.
export function wasOutside(ticket, events, role) {
  return role !== "department"
    && (ticket.origin === "peer" || events.some(({ event }) => ANSWERED.has(event) || CROSSED.has(event)));
}

const yesNo = (name, value) => (value === null ? "" : `${name} ${value ? "是" : "否"}`);

function call(one) {
  const item = element("li");
  const [name, en] = both(FOLLOW_UPS, one.state);
  const words = [
    one.attempts ? `已拨 ${one.attempts} 次` : "", one.result && `上次：${RESULTS[one.result.split(" ")[0]] ?? one.result}`,
    yesNo("解决", one.solved), yesNo("满意", one.satisfied), one.main && `告知主工单 ${one.main} 的答复`,
    one.next_at && `${short(one.next_at)} 起再拨`, one.ended_at && `${short(one.ended_at)} 结束`,
  ].filter(Boolean);
  item.append(element("b", "", `第 ${one.n} 次回访 `), chip(name, TONES[one.state] ?? "done", en), ` ${words.join(" · ")}`);
  item.title = long(one.made_at);
  return item;
}

function house(one) {
  const item = element("li");
  const [way, en] = one.way === "out" ? ["已转往", "sent to"] : ["来自", "came from"];
  const theirs = [one.their_number && `对方单号 ${one.their_number}`, one.their_state && `对方状态 ${zh(STATES, one.their_state)}`];
  item.append(element("b", "", `${way} ${one.peer} `), english(en), " ",
    chip(one.open ? "进行中" : "已结束", one.open ? "work" : "done"), ` ${theirs.filter(Boolean).join(" · ")}`);
  return item;
}

export function drawOutside(ticket, { followups = [], crossings = [] }) {
  const made = element("section", "outside");
  made.dataset.number = ticket.number;
  if (!followups.length && !crossings.length) return made;
  const list = element("ul");
  list.append(...followups.map(call), ...crossings.map(house));
  made.append(heading("回访与平台互转", "Callbacks and exchanges"), list);
  return made;
}
