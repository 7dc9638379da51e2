// The big numbers and their pictures.

import { byId, element, english, icon, variable, write } from "./dom.js";
import { duration } from "./time.js";

const PEOPLE_SHOWN = 12;
const MINUTE_S = 60;
const SCALE_END_S = 300;
const GOOD_LEVEL = 0.9;
const FAIR_LEVEL = 0.8;

function number(id, value) {
  const target = byId(id);
  write(target, value);
  target.classList.toggle("zero", value === 0 && !target.closest(".huge"));
  const whole = target.closest(".huge") ?? target;
  variable(whole, "ems", ems(String(value)) + (whole.querySelector(".unit") ? 0.55 : 0));
}

// About how wide the text is, in its own font size: so that it can be as large as fits.
function ems(text) {
  return [...text].reduce((sum, sign) => sum + (sign === ":" ? 0.32 : 0.58), 0.1);
}

export function percent(part) {
  if (part === null) return "—";
  return part === 1 ? "100%" : `${(part * 100).toFixed(1)}%`;
}

function share(id, part, whole) {
  byId(id).style.width = whole ? `${(100 * part) / whole}%` : "0";
}

export function waitTone(seconds, withinS) {
  if (seconds <= withinS) return "calm";
  return seconds <= MINUTE_S ? "warn" : "alarm";
}

// A bar in three equal parts: in time, up to a minute, up to five.
function needlePlace(seconds, withinS) {
  if (seconds <= withinS) return (seconds / withinS) * 33.3;
  if (seconds <= MINUTE_S) return 33.3 + ((seconds - withinS) / (MINUTE_S - withinS)) * 33.3;
  return Math.min(99, 66.6 + ((seconds - MINUTE_S) / (SCALE_END_S - MINUTE_S)) * 33.3);
}

function drawQueue(waiting) {
  const queue = byId("queue");
  if (queue.dataset.shown === String(waiting)) return;
  queue.dataset.shown = waiting;
  if (waiting === 0) {
    queue.replaceChildren("无人等待", english("nobody is waiting"));
    return;
  }
  const people = Array.from({ length: Math.min(waiting, PEOPLE_SHOWN) }, () => icon("person"));
  for (const person of people) person.setAttribute("viewBox", "0 0 20 24");
  if (waiting > PEOPLE_SHOWN) people.push(element("b", "", `+${waiting - PEOPLE_SHOWN}`));
  queue.replaceChildren(...people);
}

export function levelTone(ratio) {
  if (ratio === null) return "none";
  return ratio >= GOOD_LEVEL ? "calm" : ratio >= FAIR_LEVEL ? "warn" : "alarm";
}

function drawLevel(head) {
  const level = head.service_level;
  write(byId("level-name"), level.within_s === null ? "各队列限时接通率" : `${level.within_s} 秒接通率`);
  write(byId("scale-1"), `${head.calm_wait_s} 秒`);
  write(byId("level"), percent(level.ratio));
  const now = head.service_level_now;
  write(byId("level-now"), percent(now.ratio));
  write(byId("level-now-fraction"), `${now.numerator}/${now.denominator}`);
  write(byId("level-numerator"), level.numerator);
  write(byId("level-denominator"), level.denominator);
  byId("gauge").setAttribute("stroke-dasharray", `${100 * (level.ratio ?? 0)} 101`);
  byId("gauge").closest("section").dataset.tone = levelTone(level.ratio);
}

function drawOpen(open) {
  const badge = byId("open");
  badge.hidden = false;
  badge.dataset.tone = open ? "calm" : "warn";
  write(badge.querySelector("b"), open ? "人工受理中" : "非人工时段 · 语音受理");
  write(badge.querySelector("span"), open ? "Open" : "Closed, voice requests");
}

export function drawFigures({ head }) {
  document.title = `${head.name} 运行看板`;
  write(byId("tenant-name"), head.name);
  drawOpen(head.open);
  number("waiting", head.waiting);
  drawQueue(head.waiting);
  drawLevel(head);
  write(byId("callbacks-waiting"), head.callbacks_waiting);
  number("answered", head.answered);
  number("abandoned", head.abandoned);
  number("tickets", head.tickets_today);
  const connection = head.connection_rate;
  write(byId("connection"), percent(connection.ratio));
  write(byId("connection-fraction"), `${connection.numerator}/${connection.denominator}`);
  share("connection-bar", connection.numerator, connection.denominator);
  write(byId("abandoned-short"), head.abandoned_short);
  share("abandoned-bar", head.abandoned, head.offered);
  const direct = head.direct_answer_rate;
  write(byId("direct"), percent(direct.ratio));
  write(byId("direct-fraction"), `${direct.numerator}/${direct.denominator}`);
  const origins = head.tickets_by_origin;
  for (const [id, origin] of [["talk", "talk"], ["voice", "voice_request"], ["abandoned", "abandoned"]]) {
    write(byId(`origin-${id}`), origins[origin] ?? 0);
    share(`tickets-${id}`, origins[origin] ?? 0, head.tickets_today);
  }
}

// What moves by itself. Returns the tone, for the one announcement that is worth a voice.
export function tickFigures({ head }, now) {
  const since = head.longest_waiting_since ? Date.parse(head.longest_waiting_since) : null;
  const waitedMs = since === null ? 0 : Math.max(0, now - since);
  const withinS = head.calm_wait_s;
  const tone = waitTone(waitedMs / 1000, withinS);
  number("longest", duration(waitedMs));
  byId("needle").style.left = `${needlePlace(waitedMs / 1000, withinS)}%`;
  byId("waiting").closest("section").dataset.tone = tone;
  byId("longest").closest("section").dataset.tone = tone;
  return tone;
}
