// A ticket's way as a timeline: what happened, by whom, and where it led.

import { element, english } from "./dom.js";
import { ROLES } from "./pages.js";
import { long, short } from "./ticket_time.js";
import { CHOICES, EVENTS, FIELDS, ORIGINS, STATES, TONES, both, zh } from "./ticket_words.js";
import { areaName, className, unitName } from "./units.js";

// Shown elsewhere in the ticket, or of no use to people.
const LEFT_OUT = new Set(["facts", "spoken", "state", "recording", "of", "marked", "key"]);
const UNITS = new Set(["lead", "co_units", "units", "unit", "suggested"]);
const MOST = 200;
// Somebody without a name: his token's id says nothing to people, it is there when pointed at.
const TOKEN = /^[0-9a-f]{12}$/;

function worded(name, value) {
  if (name === "evidence" && Array.isArray(value)) return `${value.length} 份`;
  if (Array.isArray(value)) return value.map((one) => worded(name, one)).join("、");
  if (value === true) return "是";
  if (value === false) return "否";
  const text = String(value);
  if (UNITS.has(name)) return unitName(text);
  if (name === "class_code") return className(text);
  if (name === "place_code") return areaName(text);
  if (name === "state") return zh(STATES, text);
  if (name === "origin") return zh(ORIGINS, text);
  return CHOICES[text] ?? text;
}

// `shown`: the ticket's words, which stand above as they are.
function details(data, shown) {
  const list = element("dl", "told");
  for (const [name, value] of Object.entries(data)) {
    const plain = value === null || typeof value !== "object" || Array.isArray(value);
    if (LEFT_OUT.has(name) || !plain || value === shown[name] || value === "" || value === null || (Array.isArray(value) && !value.length)) continue;
    const words = worded(name, value);
    const told = element("dd", "", words.length > MOST ? `${words.slice(0, MOST)}…` : words);
    if (words.length > MOST) told.title = words;
    list.append(element("dt", "", zh(FIELDS, name)), told);
  }
  return list;
}

function who(event) {
  const role = ROLES[event.role] ?? event.role;
  if (event.role === "system") return role;
  const of = event.unit ? unitName(event.unit) : "";
  return [of || role, TOKEN.test(event.by) ? "" : event.by].filter(Boolean).join(" · ");
}

// Shows the ticket as it was after the event.
function backTo(event, go) {
  const [name, en] = both(EVENTS, event.event);
  const made = element("button", "link to-then", "当时");
  made.type = "button";
  made.title = `${name}之后的工单 The ticket after: ${en}`;
  made.setAttribute("aria-label", made.title);
  made.addEventListener("click", () => go(event));
  return made;
}

function step(event, before, shown, listen, go) {
  const item = element("li");
  item.dataset.event = event.event;
  const head = element("p", "step");
  const [name, en] = both(EVENTS, event.event);
  const time = element("time", "", short(event.at));
  time.dateTime = event.at;
  time.title = long(event.at);
  const by = element("span", "by", who(event));
  by.title = event.by;
  head.append(element("b", "", name), " ", english(en), by, time);
  item.append(head);
  if (event.state !== before) {
    const led = element("span", "chip state", `→ ${zh(STATES, event.state)}`);
    led.dataset.tone = TONES[event.state] ?? "done";
    by.before(led);
  }
  const told = details(event.data, shown);
  if (told.children.length) item.append(told);
  if (go) head.append(backTo(event, go));
  if (event.data.recording && listen) item.append(listen(event));
  return item;
}

// `listen` makes a player of an event's recording, where the role may hear it; `go` shows the ticket as
// it was after one of the events before the last.
export function drawWay(events, { content, kind }, listen, go) {
  const made = element("section", "way");
  const title = element("h3", "", "办理过程 ");
  title.append(english("What happened"), " ", element("b", "count", String(events.length)));
  const list = element("ol", "timeline");
  const shown = { ...content, kind };
  events.forEach((event, index) => {
    list.prepend(step(event, events[index - 1]?.state, shown, listen, index < events.length - 1 && go));
  });
  made.append(title, list);
  return made;
}
