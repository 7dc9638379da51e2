// The supervisors' page: who waits and who could answer, with the hands to change both.

import { whose, words } from "./alerts.js";
import { fromSnapshot, withChanges } from "./board.js";
import { byId, element, english, write } from "./dom.js";
import { waitTone } from "./figures.js";
import { Live } from "./live.js";
import { enter, showFound, showLost } from "./entry.js";
import { mayUse } from "./pages.js";
import { say, tell, telling } from "./said.js";
import { ask, part } from "./server.js";
import { REASONS, STATES } from "./states.js";
import { keptToken } from "./token.js";
import { duration, ServerClock } from "./time.js";

const CALLERS_EVERY_MS = 2_000;
const MOST_CALLERS = 100;
const MOST_SEATS = 200;
const WORD = Object.fromEntries(STATES.map(([state, word]) => [state, word]));
const order = new Intl.Collator("zh-CN", { numeric: true });
const clock = new ServerClock();
let tenant = "";
let board = null;
let live = null;
let callers = { waiting: 0, callers: [] };
let asking = 0;

// A button's deed: told how it went, and never done twice by a nervous finger.
function act(button, path, body, done) {
  button.addEventListener("click", telling(async () => {
    button.disabled = true;
    try {
      await ask(`tenants/${part(tenant)}/${path}`, { body: body() });
      say(done);
    } finally {
      button.disabled = false;
    }
    await readCallers();
  }));
  return button;
}

function labelled(zh, en) {
  const button = element("button", "", `${zh} `);
  button.type = "button";
  button.append(english(en));
  return button;
}

const why = () => byId("why").value.trim();

// --- callers

// What he needs in words; a skill that the board doesn't know keeps its id.
const named = (needs) => needs.replace(/[a-z]{2,10}:[a-z0-9_]+/g, (skill) => board.groups.get(`skill/${skill}`)?.name ?? skill);

function callerRow(caller) {
  const row = element("tr");
  row.dataset.call = caller.call_id;
  const line = board.head.lines.find(({ id }) => id === caller.line_id);
  const queue = board.groups.get(`queue/${caller.queue_id}`);
  const state = caller.seat_id ? `振铃 ${caller.seat_id}` : caller.callback ? "待回拨" : caller.first ? "已置顶" : "等待";
  const time = element("td", "time");
  time.dataset.since = caller.queued_at;
  time.dataset.within = queue?.within_s ?? 15;
  const needs = element("td", "needs", named(caller.needs));
  needs.title = caller.needs;
  row.append(
    time,
    element("td", "line", line ? `${line.number} ${line.name}` : caller.line_id),
    element("td", "", queue?.name ?? caller.queue_id),
    needs,
    element("td", "", String(caller.priority)),
    element("td", "", state),
  );
  const acts = element("td", "acts");
  const up = labelled("置顶", "move up");
  up.disabled = caller.first;
  acts.append(act(up, `callers/${part(caller.call_id)}/move_first`, () => ({ why: why() }), `${line?.number ?? caller.line_id} 已置顶 moved up`));
  row.append(acts);
  return row;
}

function nothing(columns, zh, en) {
  const row = element("tr", "none");
  const cell = element("td", "", `${zh} `);
  cell.colSpan = columns;
  cell.append(english(en));
  row.append(cell);
  return row;
}

function drawCallers() {
  if (!board) return;
  const rows = callers.callers.map(callerRow);
  const focused = document.activeElement?.closest("#callers tr")?.dataset.call;
  byId("callers").replaceChildren(...(rows.length ? rows : [nothing(7, "无人等待", "nobody is waiting")]));
  if (focused) rows.find((row) => row.dataset.call === focused)?.querySelector("button").focus();
  write(byId("waiting"), callers.waiting);
  const rest = callers.waiting - callers.callers.length;
  byId("more-callers").hidden = rest <= 0;
  byId("more-callers").replaceChildren(`另有 ${rest} 人等待 `, english(`${rest} more`));
  tick();
}

async function readCallers() {
  clearTimeout(asking);
  const asked = tenant;
  try {
    const told = await ask(`tenants/${part(asked)}/callers?limit=${MOST_CALLERS}`);
    if (asked === tenant) {
      callers = told;
      drawCallers();
    }
  } catch (failure) {
    if (asked === tenant && live) tell(failure);
  }
  clearTimeout(asking);
  if (live) asking = setTimeout(readCallers, CALLERS_EVERY_MS);
}

// --- seats

const seatRows = new Map();
const VERBS = [["listen", "监听 listen"], ["whisper", "耳语 whisper"], ["barge", "强插 barge"], ["take_over", "接管 take over"]];

// What a supervisor may do with the talk of a seat; the telephone that rings for it is his own.
function supervising(id) {
  const choice = element("select", "supervise");
  choice.setAttribute("aria-label", `座席 ${id} 通话 Talk of seat ${id}`);
  choice.append(new Option("监督", ""), ...VERBS.map(([verb, words]) => new Option(words, verb)));
  choice.addEventListener("change", telling(async () => {
    const [verb, words] = [choice.value, choice.selectedOptions[0].text];
    choice.value = "";
    const mine = byId("mine").value.trim();
    if (!mine) {
      byId("mine").focus();
      say("请先填写您自己的座席号 Your own seat first: its telephone rings", true);
      return;
    }
    const { talks } = await ask(`tenants/${part(tenant)}/talks`);
    const talk = talks.find(({ seat }) => seat === id);
    if (!talk) {
      say(`座席 ${id} 没有通话 no talk`, true);
      return;
    }
    await ask(`tenants/${part(tenant)}/talks/${part(talk.call_id)}/${verb}`, { body: { target: { seat: mine } } });
    say(`座席 ${id} ${words}：座席 ${mine} 的话机振铃 rings`);
  }));
  return choice;
}

function seatRow(id) {
  const row = element("tr");
  row.dataset.seat = id;
  const name = element("td", "who");
  const state = element("span", "state");
  const cell = element("td");
  cell.append(state, " ", supervising(id));
  const since = element("td", "time");
  const acts = element("td", "acts");
  for (const [wish, zh, en] of [["ready", "置闲", "ready"], ["paused", "示忙", "pause"], ["offline", "离线", "offline"]]) {
    const button = labelled(zh, en);
    button.dataset.wish = wish;
    const body = () => ({ state: wish, why: why(), ...(wish === "paused" && { reason: byId("reason").value }) });
    acts.append(act(button, `seats/${part(id)}/force`, body, `座席 ${id} ${zh} ${en}`));
  }
  row.append(name, cell, since, acts);
  return { row, name, state, since, seat: null };
}

function fillSeat(kept, seat) {
  kept.seat = seat;
  write(kept.name, `${seat.id} ${seat.name}`);
  kept.name.title = seat.name;
  const reason = seat.reason ? ` · ${REASONS[seat.reason] ?? seat.reason}` : "";
  write(kept.state, `${WORD[seat.state] ?? seat.state}${reason}`);
  kept.row.dataset.state = seat.state;
  kept.since.dataset.since = seat.since;
}

function drawSeats() {
  const wanted = byId("find").value.trim().toLowerCase();
  const total = Object.values(board.head.seats_by_state).reduce((sum, count) => sum + count, 0);
  write(byId("seats-total"), total);
  const found = [...board.seats.values()]
    .filter(({ id, name }) => !wanted || id.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted))
    .sort((a, b) => order.compare(a.id, b.id));
  const shown = found.slice(0, MOST_SEATS);
  // Of a city with thousands of seats the board has none: the one asked for is acted on by number.
  const typed = !board.seats.size && total && wanted ? byId("find").value.trim() : "";
  for (const id of seatRows.keys()) if (!board.seats.has(id) && id !== typed) seatRows.delete(id);
  const rows = shown.map((seat) => {
    if (!seatRows.has(seat.id)) seatRows.set(seat.id, seatRow(seat.id));
    const kept = seatRows.get(seat.id);
    if (kept.seat !== seat) fillSeat(kept, seat);
    return kept.row;
  });
  if (typed) {
    if (!seatRows.has(typed)) seatRows.set(typed, seatRow(typed));
    write(seatRows.get(typed).name, typed);
    rows.push(seatRows.get(typed).row);
  }
  if (!rows.length) rows.push(total && !board.seats.size ? nothing(4, "座席较多,请输入座席号", "many seats: type a number") : nothing(4, "没有座席", "no seats"));
  const list = byId("seats");
  if (list.children.length !== rows.length || rows.some((row, index) => list.children[index] !== row)) list.replaceChildren(...rows);
  const rest = found.length - shown.length;
  byId("more-seats").hidden = rest <= 0;
  byId("more-seats").replaceChildren(`另有 ${rest} 个座席,请查找 `, english(`${rest} more: use find`));
}

byId("find").addEventListener("input", () => {
  if (!board) return;
  drawSeats();
  tick();
});

function drawStates() {
  byId("states").replaceChildren(...STATES.map(([state, word]) => {
    const item = element("li", "", `${word} ${board.head.seats_by_state[state] ?? 0}`);
    item.dataset.state = state;
    return item;
  }));
}

// --- alerts

function drawAlerts() {
  const { alerts, alerts_open: open } = board.head;
  byId("alerts").hidden = open === 0;
  const lines = alerts.map((alert) => {
    const [zh, en] = words(alert.kind);
    const line = element("p", alert.seen ? "seen" : "");
    line.append(element("b", "", whose(alert)), `${zh}${alert.times > 1 ? ` ×${alert.times}` : ""}`, english(en));
    const seen = labelled(alert.seen ? "已知悉" : "知悉", "seen");
    seen.disabled = alert.seen;
    line.append(act(seen, `alerts/${alert.id}/acknowledge`, () => ({}), "警示已知悉 acknowledged"));
    return line;
  });
  if (open > alerts.length) lines.push(element("p", "", `另 ${open - alerts.length} 项`));
  byId("alerts").replaceChildren(...lines);
}

// --- the board

function hear(message) {
  clock.heard(message.at, message.type === "snapshot");
  const before = board?.head.alerts;
  if (message.type === "snapshot") board = fromSnapshot(message);
  if (message.type === "changes") board = withChanges(board, message);
  if (board === null) {
    live.again();
    return;
  }
  showFound();
  byId("board").hidden = false;
  write(byId("tenant-name"), board.head.name);
  if (board.head.alerts !== before) drawAlerts();
  drawStates();
  drawSeats();
  if (message.type === "snapshot") readCallers();
  tick();
}

function tick() {
  for (const cell of document.querySelectorAll("td.time[data-since]")) {
    const waitedMs = Math.max(0, clock.now() - Date.parse(cell.dataset.since));
    write(cell, duration(waitedMs));
    if (cell.dataset.within) cell.dataset.tone = waitTone(waitedMs / 1000, Number(cell.dataset.within));
  }
}

// --- beginning

function leave() {
  live?.end();
  live = board = null;
  clearTimeout(asking);
  byId("board").hidden = true;
}

function open({ tenant: chosen, pause_reasons: reasons }) {
  leave();
  seatRows.clear();
  tenant = chosen;
  byId("reason").replaceChildren(...reasons.map((reason) => new Option(REASONS[reason] ?? reason, reason)));
  live = new Live(tenant, keptToken(), {
    message: hear, lost: () => showLost(),
    refused: () => refused("令牌无效、已过期或已被撤销。 The token isn't good any more."),
  });
}

setInterval(tick, 1000);
const { refused } = enter({
  may: (role) => mayUse("/queues", role),
  refusal: "此页面需要班长（督办员）或管理员令牌。 A supervisor's token is needed.",
  open, leave,
});
