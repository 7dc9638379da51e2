// Seats: a legend with counts, a stacked bar, and a tile for each, as large as the room allows.

import { byId, element, english, icon, nothing, variable, write } from "./dom.js";
import { REASONS, STATES } from "./states.js";
import { duration } from "./time.js";

const WORD = Object.fromEntries(STATES.map(([state, word]) => [state, word]));
// What a tile needs in its own font size, and the least size (in rem) that can be read.
const SHAPES = [
  { name: "full", wide: (digits) => Math.max(6.7, 2.8 + 0.8 * digits), high: 4.5, least: 0.86 },
  { name: "small", wide: (digits) => Math.max(4.3, 2.6 + 0.68 * digits), high: 3, least: 0.7 },
  { name: "tiny", wide: (digits) => 0.8 + 0.66 * digits, high: 1.5, least: 0 },
];
const NEARLY = 0.92; // full rows are worth slightly smaller tiles
const LARGEST_REM = 2.6;
const COLUMN_REM = 6.4; // where the page scrolls, all tiles are alike
const SCROLLS = matchMedia("(max-width: 1099px)");
const order = new Intl.Collator("zh-CN", { numeric: true });

const legend = new Map();
const bars = new Map();
const tiles = new Map();

for (const [state, word, en] of STATES) {
  const item = element("li");
  item.dataset.state = state;
  const count = element("b", "", "0");
  item.append(icon(state), word, english(en), count);
  byId("legend").append(item);
  legend.set(state, { item, count });
  const bar = element("i");
  bar.dataset.state = state;
  byId("stack").append(bar);
  bars.set(state, bar);
}

function makeTile(id) {
  const item = element("li");
  const parts = { id: element("b", "", id), name: element("span", "name"), time: element("span", "time") };
  item.append(parts.id, parts.name, parts.time);
  return { item, ...parts, seat: null, picture: null };
}

function fill(tile, seat) {
  tile.seat = seat;
  tile.since = Date.parse(seat.since);
  if (tile.item.dataset.state !== seat.state) {
    tile.item.dataset.state = seat.state;
    const picture = icon(seat.state);
    tile.picture ? tile.picture.replaceWith(picture) : tile.id.after(picture);
    tile.picture = picture;
  }
  const word = WORD[seat.state] ?? seat.state;
  const reason = seat.reason ? (REASONS[seat.reason] ?? seat.reason) : "";
  write(tile.name, reason ? `${seat.name} · ${reason}` : seat.name);
  tile.item.title = [seat.id, seat.name, word, reason].filter(Boolean).join(" ");
  tile.item.ariaLabel = tile.item.title;
}

function arrange(list, seats) {
  const ids = [...seats.keys()].sort(order.compare);
  for (const [id, tile] of tiles) {
    if (seats.has(id)) continue;
    tile.item.remove();
    tiles.delete(id);
  }
  ids.forEach((id, index) => {
    if (!tiles.has(id)) tiles.set(id, makeTile(id));
    const { item } = tiles.get(id);
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
  });
}

// Too many for a tile each: how many do what.
function summary(state, word, en, count) {
  const item = element("li", "sum");
  item.dataset.state = state;
  const name = element("span", "name", word);
  name.append(" ", english(en));
  item.append(icon(state), element("span", "time", count), name);
  return item;
}

// Who is due by the shift roster; nothing where there is none.
function drawDuty(duty) {
  byId("duty").hidden = !duty;
  if (!duty) return;
  for (const what of ["due", "present", "paused", "missing"]) write(byId(`duty-${what}`), duty[what]);
  byId("duty-absent").dataset.tone = duty.missing ? "alarm" : "none";
}

export function drawSeats({ head, seats }) {
  drawDuty(head.duty);
  for (const [state] of STATES) {
    const count = head.seats_by_state[state] ?? 0;
    write(legend.get(state).count, count);
    legend.get(state).item.classList.toggle("none", count === 0);
    bars.get(state).style.flexGrow = count;
    bars.get(state).classList.toggle("none", count === 0);
  }
  const total = Object.values(head.seats_by_state).reduce((sum, count) => sum + count, 0);
  write(byId("seats-total"), total);
  const list = byId("tiles");
  const before = tiles.size;
  list.classList.toggle("summary", total > 0 && seats.size === 0);
  if (list.classList.contains("summary")) {
    arrange(list, seats);
    list.replaceChildren(...STATES.map(([state, word, en]) => summary(state, word, en, head.seats_by_state[state] ?? 0)));
    return;
  }
  for (const left of list.querySelectorAll(".sum")) left.remove();
  list.querySelector(".nothing")?.remove();
  arrange(list, seats);
  for (const [id, seat] of seats) {
    const tile = tiles.get(id);
    if (tile.seat !== seat) fill(tile, seat);
  }
  if (seats.size === 0) {
    list.append(nothing("person", "尚无座席", "No seats set up yet", "hotline seats add"));
  }
  if (seats.size === 0) for (const name of ["columns", "rows"]) variable(list, name, 1);
  if (before !== seats.size) fitSeats();
}

// The most detailed tile that stays legible, in the columns that make it largest.
export function fitSeats() {
  const list = byId("tiles");
  const count = tiles.size;
  const room = { width: list.clientWidth, height: list.clientHeight };
  if (!count || !room.width) return;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const gap = rem * (count > 120 ? 0.25 : 0.5);
  const digits = Math.max(...[...tiles.keys()].map((id) => id.length));
  let chosen;
  for (const shape of SHAPES) {
    chosen = { ...shape, ...largest(shape.wide(digits), shape.high, count, room, gap, rem) };
    if (chosen.em >= shape.least * rem) break;
  }
  for (const { name } of SHAPES) list.classList.toggle(name, name === chosen.name);
  variable(list, "columns", chosen.columns);
  variable(list, "rows", chosen.rows);
  variable(list, "em", `${Math.min(chosen.em, rem * LARGEST_REM)}px`);
  variable(list, "gap", `${gap}px`);
}

function largest(wide, high, count, room, gap, rem) {
  if (SCROLLS.matches) {
    const columns = Math.max(1, Math.floor((room.width + gap) / (rem * COLUMN_REM + gap)));
    const em = (room.width - gap * (columns - 1)) / columns / wide;
    return { em: Math.min(em, rem), columns, rows: Math.ceil(count / columns) };
  }
  const ways = Array.from({ length: count }, (_, index) => {
    const columns = index + 1;
    const rows = Math.ceil(count / columns);
    const width = (room.width - gap * (columns - 1)) / columns / wide;
    const height = (room.height - gap * (rows - 1)) / rows / high;
    return { em: Math.min(width, height), columns, rows, empty: rows * columns - count };
  });
  const most = Math.max(...ways.map(({ em }) => em));
  const good = ways.filter(({ em }) => em >= most * NEARLY);
  return good.reduce((best, way) => (way.empty < best.empty ? way : best));
}

export function tickSeats(now) {
  const { classList } = byId("tiles");
  if (classList.contains("tiny")) return;
  const words = !classList.contains("small");
  for (const tile of tiles.values()) {
    const word = WORD[tile.seat.state] ?? tile.seat.state;
    const time = duration(now - tile.since);
    const both = words && time.length < 6 ? `${word} ${time}` : time;
    write(tile.time, tile.seat.state === "offline" ? word : both);
  }
}
