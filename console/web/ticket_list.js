// The list: which tickets, in pages, and a row for each.

import { byId, element, english } from "./dom.js";
import { ask } from "./server.js";
import { chip, flags, ownerWords, stateChip } from "./ticket_view.js";
import { now, short, standing, told } from "./ticket_time.js";
import { GROUPS, KINDS, STATES, both, zh } from "./ticket_words.js";
import { areaOptions, classOptions, unitName, unitOptions } from "./units.js";

const PAGE = 30;
const DAY_MS = 24 * 3_600_000;
const CHOICES = ["q", "state", "due", "card", "unit", "part", "class", "area"];

let before = []; // cursors of the pages before this one
let here = "";
let next = null;
let asked = 0;
let ours = null;
let show = () => {};

// `own` is the unit of this token: a department has no other, another role finds it first.
export function beginList({ path, role, own, choose }) {
  ours = path;
  show = choose;
  before = [];
  here = "";
  const states = byId("state");
  states.replaceChildren(new Option("全部状态 state", ""), ...GROUPS.map(([name, ids]) => {
    const group = element("optgroup");
    group.label = name;
    group.append(...ids.map((id) => new Option(both(STATES, id).join(" "), id)));
    return group;
  }));
  byId("due").replaceChildren(
    new Option("全部期限 due", ""), new Option("■ 已超期 (红牌) overdue", "overdue"),
    new Option("▲ 24小时内到期 in a day", "1"), new Option("三天内到期 in 3 days", "3"),
    new Option("七天内到期 in 7 days", "7"));
  const units = byId("unit");
  if (role === "department") units.replaceChildren(new Option(unitName(own), own));
  else {
    units.replaceChildren(...unitOptions("全部单位 unit"));
    if (own) units.options[0].after(new Option(`★ 我的单位 ${unitName(own)}`, own));
  }
  units.disabled = role === "department";
  byId("class").replaceChildren(...classOptions("全部分类 class", true));
  byId("area").replaceChildren(...areaOptions("全部区域 area"));
  const wanted = new URLSearchParams(location.search);
  for (const id of CHOICES) if (id !== "unit" || !units.disabled) byId(id).value = wanted.get(id) ?? "";
  fits();
}

// What can't be asked together isn't offered together.
function fits() {
  byId("part").disabled = !byId("unit").value;
}

function query() {
  const value = (id) => byId(id).value.trim();
  const asks = { limit: PAGE, q: value("q"), state: value("state"), unit: value("unit"), class: value("class"), area: value("area"), card: value("card") };
  const due = value("due");
  if (due === "overdue") asks.overdue = "true";
  else if (due) asks.due_before = new Date(now() + Number(due) * DAY_MS).toISOString();
  if (value("part") && asks.unit) asks.helping = "true";
  if (here) asks.cursor = here;
  return new URLSearchParams(Object.entries(asks).filter(([, given]) => given !== ""));
}

// In the address, so that a reload and a link show the same.
function keepChoices() {
  const kept = new URLSearchParams(location.search);
  for (const id of CHOICES) {
    if (byId(id).value && !byId(id).disabled) kept.set(id, byId(id).value);
    else kept.delete(id);
  }
  history.replaceState(null, "", `${location.pathname}?${kept}`);
}

// Whether there was anything to show. An answer that came too late is left out.
export async function readList() {
  const mine = ++asked;
  const told = await ask(`${ours("tickets")}?${query()}`);
  if (mine !== asked) return;
  next = told.next_cursor;
  draw(told.tickets);
}

export async function readFirst() {
  before = [];
  here = "";
  fits();
  keepChoices();
  await readList();
}

export async function turn(forward) {
  if (forward && next) {
    before.push(here);
    here = next;
  } else if (!forward && before.length) here = before.pop();
  await readList();
  byId("rows").scrollTop = 0;
}

function row(ticket) {
  const item = element("li");
  const button = element("button", "row");
  button.type = "button";
  button.dataset.number = ticket.number;
  const first = element("span", "first");
  first.append(element("b", "", ticket.title || zh(KINDS, ticket.kind ?? "") || "(无标题)"), stateChip(ticket.state));
  const second = element("span", "second");
  second.append(element("span", "number", ticket.number),
    element("span", "", [zh(KINDS, ticket.kind ?? ""), ticket.lead ? unitName(ticket.lead) : ticket.owner && ownerWords(ticket.owner)].filter(Boolean).join(" · ")),
    element("time", "", short(ticket.created_at)));
  button.append(first, second);
  const marks = [...flags(ticket)];
  if (ticket.due && ticket.resting) marks.unshift(chip("‖ 暂停计时", "", "resting"));
  else if (ticket.due) {
    const how = standing(ticket.due);
    const due = chip("", how.tone);
    due.classList.add("due");
    due.append(...told(how));
    due.title = `到期 ${short(ticket.due)}`;
    marks.unshift(due);
  }
  if (marks.length) {
    const third = element("span", "third");
    third.append(...marks);
    button.append(third);
  }
  button.addEventListener("click", () => show(ticket.number));
  item.append(button);
  return item;
}

function draw(tickets) {
  const rows = byId("rows");
  const focused = document.activeElement?.closest("#rows button")?.dataset.number;
  const current = rows.querySelector('[aria-current="true"]')?.dataset.number;
  rows.replaceChildren(...tickets.map(row));
  if (!tickets.length) {
    const none = element("li", "none", here ? "没有更多工单 " : "没有符合条件的工单 ");
    none.append(english(here ? "no more" : "no such tickets"));
    rows.append(none);
  }
  byId("page").textContent = `第 ${before.length + 1} 页 · ${tickets.length} 条`;
  byId("previous").disabled = !before.length;
  byId("next").disabled = !next;
  markRow(current);
  if (focused) rows.querySelector(`[data-number="${focused}"]`)?.focus();
}

export function markRow(number) {
  for (const one of byId("rows").querySelectorAll(".row")) {
    one.setAttribute("aria-current", String(one.dataset.number === number));
  }
}

// Arrow keys walk through the rows, as people expect of a list.
byId("rows").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const rows = [...byId("rows").querySelectorAll(".row")];
  const at = rows.indexOf(document.activeElement);
  if (!step || at < 0) return;
  event.preventDefault();
  rows[at + step]?.focus();
});
