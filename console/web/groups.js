// Queues and skills: who waits, how well it goes, and who could answer; those with callers first.

import { byId, element, english, write } from "./dom.js";
import { levelTone, percent, waitTone } from "./figures.js";
import { duration } from "./time.js";

const HEAD = [["", ""], ["等待", "waiting"], ["最长", "longest"], ["半小时", "now"], ["今日", "today"], ["空闲/在岗", "ready"]];
const ROW_REM = 2.3;
const SCROLLS = matchMedia("(max-width: 1099px)");
const MOST_WHERE_IT_SCROLLS = 12;

const rows = new Map();

function makeRow(id) {
  const line = element("div", "row");
  line.setAttribute("role", "row");
  const cells = ["g-what", "g-count", "g-since", "g-now", "g-level", "g-able"].map((kind) => {
    const cell = element("span", kind);
    cell.setAttribute("role", "cell");
    line.append(cell);
    return cell;
  });
  return { id, line, cells };
}

function header() {
  const line = element("div", "row head");
  line.setAttribute("role", "row");
  for (const [zh, en] of HEAD) {
    const cell = element("span", "", zh);
    cell.setAttribute("role", "columnheader");
    if (en) cell.append(english(en));
    line.append(cell);
  }
  return line;
}

// Never cut: 12万 is read from afar, 123456 is not.
const count = (number) => (number < 100_000 ? String(number) : `${Math.floor(number / 10_000)}万`);

function level(cell, { ratio, numerator, denominator }) {
  write(cell, percent(ratio));
  cell.dataset.tone = levelTone(ratio);
  cell.title = `${numerator}/${denominator}`;
}

function fill(row, group) {
  row.group = group;
  const [name, waiting, , now, today, able] = row.cells;
  write(name, group.name);
  name.title = [group.name, group.name_en].filter(Boolean).join(" ");
  write(waiting, count(group.waiting));
  waiting.title = `待回拨 ${group.callbacks}`;
  row.line.classList.toggle("busy", group.waiting > 0);
  level(now, group.level_now);
  level(today, group.level);
  const onDuty = group.able.ready + group.able.busy;
  write(able, `${group.able.ready}/${onDuty}`);
  able.dataset.tone = onDuty ? "calm" : group.waiting ? "alarm" : "none";
  able.title = `空闲 ${group.able.ready} · 忙 ${group.able.busy} · 示忙 ${group.able.paused} · 离线 ${group.able.offline}`;
}

function room(table) {
  if (SCROLLS.matches) return MOST_WHERE_IT_SCROLLS;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Math.max(1, Math.floor(table.clientHeight / (rem * ROW_REM)) - 1);
}

// Those who wait, then those with calls today, then those with seats; else as the rules have them.
const rank = (group) => (group.waiting ? 0 : group.offered ? 1 : group.able.ready + group.able.busy ? 2 : 3);

function drawTable(table, groups) {
  const places = room(table);
  const sorted = [...groups].sort((a, b) => rank(a) - rank(b));
  const shown = sorted.length > places ? sorted.slice(0, places - 1) : sorted;
  const lines = shown.map((group) => {
    if (!rows.has(group.id)) rows.set(group.id, makeRow(group.id));
    const row = rows.get(group.id);
    if (row.group !== group) fill(row, group);
    return row.line;
  });
  if (shown.length < sorted.length) {
    const rest = sorted.slice(shown.length);
    const waiting = rest.reduce((sum, group) => sum + group.waiting, 0);
    const more = element("div", "row more", `另 ${rest.length} 项 · 等待 ${waiting}`);
    more.append(english(`${rest.length} more, ${waiting} waiting`));
    lines.push(more);
  }
  if (!lines.length) {
    const none = element("div", "row more", "暂无");
    none.append(english("none yet"));
    lines.push(none);
  }
  table.style.setProperty("--rows", Math.max(lines.length, Math.min(places, 6)));
  table.replaceChildren(header(), ...lines);
}

export function drawGroups({ groups }) {
  for (const id of rows.keys()) if (!groups.has(id)) rows.delete(id);
  for (const kind of ["queue", "skill"]) {
    drawTable(byId(`${kind}s`), [...groups.values()].filter((group) => group.kind === kind));
  }
}

export function tickGroups({ groups }, now) {
  for (const group of groups.values()) {
    const row = rows.get(group.id);
    if (!row) continue;
    const waitedMs = group.since ? Math.max(0, now - Date.parse(group.since)) : null;
    const cell = row.cells[2];
    write(cell, waitedMs === null ? "—" : duration(waitedMs));
    cell.dataset.tone = waitedMs === null ? "none" : waitTone(waitedMs / 1000, group.within_s);
  }
}
