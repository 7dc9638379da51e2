// The day's calls per quarter of an hour, as stacked bars drawn to the pixel.

import { byId, svg } from "./dom.js";
import { minuteOfDay } from "./time.js";

const QUARTERS = 96;
const SHOWN = [7 * 4, 19 * 4]; // working hours; more when something happened outside

function span(quarters, nowQuarter) {
  let [first, last] = SHOWN;
  quarters.forEach(([offered], index) => {
    if (offered === 0) return;
    first = Math.min(first, index - (index % 4));
    last = Math.max(last, index + 4 - (index % 4));
  });
  first = Math.min(first, nowQuarter - (nowQuarter % 4));
  last = Math.max(last, Math.min(QUARTERS, nowQuarter + 4 - (nowQuarter % 4)));
  return [first, last];
}

// The top of the scale, a number people count in: 4, 10, 20, 40, 100…
function niceTop(most) {
  for (let ten = 1; ; ten *= 10) {
    for (const step of [4, 10, 20]) if (most <= step * ten) return step * ten;
  }
}

export function drawDay({ head }, now) {
  const holder = byId("day");
  const { clientWidth: width, clientHeight: height } = holder;
  if (!width || !height) return;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const quarters = head.quarters.length ? head.quarters : Array(QUARTERS).fill([0, 0, 0]);
  const minute = minuteOfDay(now, head.time_zone);
  const [first, last] = span(quarters, Math.floor(minute / 15));
  const top = niceTop(Math.max(1, ...quarters.map(([offered]) => offered)));
  const area = { left: rem * (1.1 + 0.62 * String(top).length), right: width - rem * 1.3, top: rem * 0.7, bottom: height - rem * 1.8 };
  const x = (quarter) => area.left + ((quarter - first) / (last - first)) * (area.right - area.left);
  const y = (count) => area.bottom - (count / top) * (area.bottom - area.top);
  const picture = svg("svg", { role: "img", "aria-label": `今日来电 ${head.offered}` });
  scales(picture, { area, x, y, top, first, last, rem });
  const thick = Math.max(1, x(first + 1) - x(first) - Math.max(1, rem * 0.14));
  for (let index = first; index < last; index += 1) {
    const [offered, answered, abandoned] = quarters[index];
    const other = Math.max(0, offered - answered - abandoned);
    let below = 0;
    for (const [kind, count] of [["answered", answered], ["abandoned", abandoned], ["other", other]]) {
      if (!count) continue;
      const high = y(below) - y(below + count);
      picture.append(svg("rect", { class: kind, x: x(index) + 0.5, y: y(below + count), width: thick, height: high }));
      below += count;
    }
  }
  const here = x(minute / 15);
  picture.append(svg("line", { class: "now", x1: here, x2: here, y1: area.top, y2: area.bottom }));
  if (head.offered === 0) {
    const middle = { x: (area.left + area.right) / 2, y: (area.top + area.bottom) / 2, "text-anchor": "middle", class: "empty" };
    picture.append(svg("text", middle, "今日尚无来电 No calls yet today"));
  }
  holder.replaceChildren(picture);
}

function scales(picture, { area, x, y, top, first, last, rem }) {
  for (const part of [0, 0.5, 1]) {
    const line = { x1: area.left, x2: area.right, y1: y(top * part), y2: y(top * part) };
    picture.append(svg("line", { ...line, class: part ? "grid" : "axis" }));
    const label = { x: area.left - rem * 0.5, y: y(top * part) + rem * 0.36, "text-anchor": "end" };
    picture.append(svg("text", label, top * part));
  }
  const hours = (last - first) / 4;
  const room = Math.floor((area.right - area.left) / (rem * 3.2));
  const every = [1, 2, 3, 4, 6].find((step) => hours / step <= room) ?? 12;
  for (let quarter = first; quarter <= last; quarter += 4) {
    const hour = quarter / 4;
    if (hour % every) continue;
    const at = { x: x(quarter), y: area.bottom + rem * 1.4, "text-anchor": "middle" };
    picture.append(svg("text", at, `${hour}时`));
    picture.append(svg("line", { class: "axis", x1: x(quarter), x2: x(quarter), y1: area.bottom, y2: area.bottom + rem * 0.3 }));
  }
}
