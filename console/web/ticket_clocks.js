// A ticket's clocks as pictures: a bar from its beginning to its due date, what of it has passed,
// where it rested, its cards and today. Each thing has a sign and words beside its colour.

import { element, english } from "./dom.js";
import { hours, now, short, span, standing } from "./ticket_time.js";
import { CLOCKS, DESKS, MARKS, both, zh } from "./ticket_words.js";
import { unitName } from "./units.js";

const ROOM = 0.04; // of the axis, right of the last thing on it

function place(node, from, to, axis) {
  const at = (ms) => ((ms - axis.first) / (axis.last - axis.first)) * 100;
  const [left, right] = [at(from), at(to)].map((share) => Math.min(100, Math.max(0, share)));
  node.style.left = `${left}%`;
  if (to !== from) node.style.width = `${Math.max(0, right - left)}%`;
  return node;
}

function axisOf(clock, until) {
  const first = Date.parse(clock.began);
  const marks = clock.marks.map(({ at }) => Date.parse(at)).filter((at) => at <= Math.max(until, Date.parse(clock.due)));
  const last = Math.max(Date.parse(clock.due), until, first + 60_000, ...marks);
  return { first, last: last + (last - first) * ROOM };
}

function bar(clock) {
  const due = Date.parse(clock.due);
  const until = clock.ended ? Date.parse(clock.ended) : now();
  const axis = axisOf(clock, until);
  const track = element("div", "track");
  track.append(place(element("i", "limit"), axis.first, due, axis));
  track.append(place(element("i", "passed"), axis.first, Math.min(until, due), axis));
  if (until > due) track.append(place(element("i", "over"), due, until, axis));
  for (const { since, until: end } of clock.rests) {
    const rest = element("i", "rest");
    rest.title = `暂停 ${short(since)}–${end ? short(end) : "现在"}`;
    track.append(place(rest, Date.parse(since), end ? Date.parse(end) : until, axis));
  }
  for (const { mark, at } of clock.marks) {
    if (Date.parse(at) > axis.last || mark === "red_card" || mark === "timeout") continue;
    const sign = place(element("i", `mark ${mark}`), Date.parse(at), Date.parse(at), axis);
    sign.title = `${zh(MARKS, mark)} ${short(at)}`;
    track.append(sign);
  }
  const end = place(element("i", "mark due"), due, due, axis);
  end.title = `到期 ${short(clock.due)}`;
  track.append(end);
  if (!clock.ended) {
    const today = place(element("b", "now"), until, until, axis);
    today.title = `现在 ${short(until)}`;
    track.append(today);
  }
  track.setAttribute("role", "img");
  track.setAttribute("aria-label", sentence(clock));
  return track;
}

function sentence(clock) {
  const name = zh(CLOCKS, clock.clock);
  if (clock.ended) return `${name}:${short(clock.ended)} 结束，${clock.in_time ? "按时" : "超期"}`;
  return `${name}:${short(clock.began)} 开始，${short(clock.due)} 到期，${clock.paused ? "暂停中" : standing(clock.due).zh}`;
}

function legend(clock) {
  const list = element("ul", "legend");
  const add = (sign, words, tone = "") => {
    const item = element("li", tone);
    item.append(element("i", `sign ${sign}`), words);
    list.append(item);
  };
  add("begin", `开始 ${short(clock.began)}`);
  for (const { mark, at } of clock.marks) {
    if (mark === "red_card" || mark === "timeout" || Date.parse(at) > Math.max(Date.parse(clock.due), now())) continue;
    add(mark, `${zh(MARKS, mark)} ${short(at)}`);
  }
  const red = clock.marks.some(({ mark }) => mark === "red_card");
  const due = `${short(clock.due)}${clock.provisional ? " 暂定" : ""}`;
  add("due", clock.paused ? `原到期 ${due}，恢复后顺延` : `到期${red ? "(红牌)" : ""} ${due}`);
  for (const { since, until } of clock.rests.slice(-2)) add("rest", `暂停 ${short(since)}–${until ? short(until) : "现在"}`);
  return list;
}

function head(clock) {
  const line = element("p", "clock-head");
  const [name, en] = both(CLOCKS, clock.clock);
  const title = element("b", "", clock.clock === "desk" ? `${name} · ${zh(DESKS, clock.state)}` : name);
  const whose = [clock.unit && unitName(clock.unit), clock.round > 1 && `第${clock.round}轮`].filter(Boolean).join(" · ");
  line.append(title, " ", english(en), element("span", "whose", whose));
  const stands = element("span", "stands");
  if (clock.paused) stands.append("‖ 暂停中 ", english("resting"));
  else {
    const how = standing(clock.due);
    stands.dataset.tone = how.tone;
    stands.append(`${how.sign} ${how.zh} `, english(how.en));
  }
  line.append(stands);
  return line;
}

function why(clock) {
  const more = element("details", "why-due");
  const used = clock.total_s ? `已用 ${hours(clock.elapsed_s)} / ${hours(clock.total_s)} 小时` : "期限怎么算的";
  more.append(element("summary", "", used));
  const list = element("ul");
  for (const reason of [...clock.reasons_zh, ...clock.days_zh]) list.append(element("li", "", reason));
  more.append(list);
  return more;
}

function running(clock) {
  const made = element("div", "clock");
  made.dataset.clock = clock.clock;
  made.append(head(clock), bar(clock), legend(clock), why(clock));
  return made;
}

function ended(clocks) {
  const more = element("details", "ended");
  const late = clocks.filter(({ in_time: good }) => !good).length;
  more.append(element("summary", "", `已结束的时限 ${clocks.length}${late ? `，其中超期 ${late}` : "，均按时"}`));
  const list = element("ul");
  for (const clock of clocks) {
    const item = element("li");
    item.dataset.tone = clock.in_time ? "calm" : "alarm";
    const name = clock.clock === "desk" ? `平台处理(${zh(DESKS, clock.state)})` : zh(CLOCKS, clock.clock);
    item.append(element("b", "", clock.in_time ? "✓ 按时" : "✗ 超期"), ` ${name}${clock.unit ? ` · ${unitName(clock.unit)}` : ""}`,
      element("span", "soft", ` ${short(clock.began)} → ${short(clock.ended)}，限 ${short(clock.due)}`));
    if (!clock.in_time) item.title = `超 ${span(Date.parse(clock.ended) - Date.parse(clock.due))}`;
    list.append(item);
  }
  more.append(list);
  return more;
}

export function drawClocks(clocks) {
  const made = element("section", "clocks");
  const title = element("h3", "", "时限 ");
  title.append(english("Limits"));
  made.append(title);
  const order = ["finish", "sign", "contact", "desk"];
  const now = clocks.filter((one) => !one.ended).sort((a, b) => order.indexOf(a.clock) - order.indexOf(b.clock));
  const past = clocks.filter((one) => one.ended);
  made.append(...now.map(running));
  if (!now.length) made.append(element("p", "soft", "没有正在计时的时限 No limit is running"));
  if (past.length) made.append(ended(past));
  return made;
}

