// Waiting per line: those with callers first; as many lines as there is room for.

import { byId, element, english, nothing, variable } from "./dom.js";

const SCROLLS = matchMedia("(max-width: 1099px)");

function cell(line) {
  const item = element("li", line.waiting ? "busy" : "");
  item.title = [line.number, line.name, line.name_en].filter(Boolean).join(" ");
  item.append(
    element("span", "number", line.number),
    element("span", "name", line.name),
    element("b", "count", String(line.waiting)),
  );
  return item;
}

function room(list, count) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const columns = Math.max(2, Math.min(Math.floor(list.clientWidth / (rem * 11)), Math.max(2, Math.ceil(count / 3))));
  const most = SCROLLS.matches ? Math.ceil(18 / columns) : Math.floor(list.clientHeight / (rem * 3.6));
  const rows = Math.max(1, Math.min(most, Math.ceil(count / columns)));
  return { columns, rows };
}

export function drawLines({ head }) {
  const list = byId("lines");
  if (!list.clientWidth) return;
  const lines = [...head.lines].sort((a, b) => b.waiting - a.waiting);
  if (lines.length === 0) {
    for (const name of ["columns", "rows"]) variable(list, name, 1);
    list.replaceChildren(nothing("talking", "尚无线路", "No lines set up yet"));
    return;
  }
  const { columns, rows } = room(list, lines.length);
  variable(list, "columns", columns);
  variable(list, "rows", rows);
  const places = columns * rows;
  const shown = lines.length > places ? lines.slice(0, places - 1) : lines;
  const cells = shown.map(cell);
  if (shown.length < lines.length) cells.push(rest(lines.slice(shown.length)));
  list.replaceChildren(...cells);
}

function rest(lines) {
  const waiting = lines.reduce((sum, line) => sum + line.waiting, 0);
  const item = element("li", waiting ? "rest busy" : "rest");
  item.append(`另 ${lines.length} 条线路 ${waiting} 人`, english(`${lines.length} more lines`));
  return item;
}
