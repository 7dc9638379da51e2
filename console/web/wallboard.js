// The wallboard: finds its token, connects, draws what comes, counts the seconds in between.

import { fromSnapshot, withChanges } from "./board.js";
import { drawDay } from "./day.js";
import { byId, element, english, write } from "./dom.js";
import { drawAlerts } from "./alerts.js";
import { drawFigures, tickFigures } from "./figures.js";
import { drawGroups, tickGroups } from "./groups.js";
import { drawLines } from "./lines.js";
import { Live } from "./live.js";
import { drawSeats, fitSeats, tickSeats } from "./seats.js";
import { dropToken, keepToken, keptToken, takeToken } from "./token.js";
import { ServerClock, wallClock, wallDate } from "./time.js";

const RETRY_MS = 3_000;
const clock = new ServerClock();
let board = null;
let live = null;
let tone = "calm";
let drawing = false;

function askForToken(reason) {
  live?.end();
  live = null;
  board = null;
  dropToken();
  byId("board").hidden = true;
  byId("alerts").hidden = true;
  byId("open").hidden = true;
  byId("wall-clock").hidden = true;
  found();
  byId("refused").hidden = !reason;
  byId("refused").replaceChildren(reason ?? "");
  byId("enter").hidden = false;
  byId("token").focus();
}

byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(byId("token").value.trim());
  byId("token").value = "";
  byId("enter").hidden = true;
  start();
});

function lost() {
  const since = board ? `,数据停在 ${wallClock(clock.now(), board.head.time_zone)}` : "";
  if (byId("banner").hidden) {
    byId("banner").replaceChildren(`连接中断,正在自动重连${since} `, english("Connection lost, reconnecting"));
  }
  byId("banner").hidden = false;
  document.body.classList.add("lost");
}

function found() {
  byId("banner").hidden = true;
  document.body.classList.remove("lost");
}

function refused(code) {
  const foreign = code === 4403;
  const words = foreign ? "该令牌不属于此租户。" : "令牌无效、已过期或已被撤销。";
  askForToken(words);
}

async function start() {
  const token = keptToken();
  let answer;
  try {
    answer = await fetch("/api/v1/status", { headers: { Authorization: `Bearer ${token}` } });
    if (answer.status >= 500) throw new Error(String(answer.status));
  } catch {
    lost();
    setTimeout(start, RETRY_MS);
    return;
  }
  const status = await answer.json();
  if (!answer.ok) {
    askForToken(status.error.message_zh);
    return;
  }
  chooseTenant(status.tenants, token);
}

function chooseTenant(tenants, token) {
  const choice = byId("tenant-choice");
  const asked = new URLSearchParams(location.search).get("tenant");
  const chosen = tenants.some(({ tenant }) => tenant === asked) ? asked : tenants[0]?.tenant;
  if (!chosen) {
    askForToken("没有可显示的租户。");
    return;
  }
  choice.replaceChildren(...tenants.map(({ tenant, name }) => {
    const option = element("option", "", name);
    option.value = tenant;
    return option;
  }));
  choice.value = chosen;
  choice.hidden = tenants.length < 2;
  choice.onchange = () => {
    const query = new URLSearchParams(location.search);
    query.set("tenant", choice.value);
    history.replaceState(null, "", `${location.pathname}?${query}`);
    watch(choice.value, token);
  };
  watch(chosen, token);
}

function watch(tenant, token) {
  live?.end();
  board = null;
  live = new Live(tenant, token, { message: hear, lost, refused });
}

function hear(message) {
  clock.heard(message.at, message.type === "snapshot");
  if (message.type === "snapshot") board = fromSnapshot(message);
  if (message.type === "changes") board = withChanges(board, message);
  if (board === null) {
    live.again();
    return;
  }
  found();
  byId("board").hidden = false;
  byId("wall-clock").hidden = false;
  if (message.type !== "beat") drawSoon();
}

function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    if (board) draw();
  });
}

function draw() {
  drawFigures(board);
  drawAlerts(board);
  drawGroups(board);
  drawSeats(board);
  drawDay(board, clock.now());
  drawLines(board);
  tick();
}

function tick() {
  if (!board || document.body.classList.contains("lost")) return;
  const now = clock.now();
  const zone = board.head.time_zone;
  write(byId("clock"), wallClock(now, zone));
  write(byId("date"), wallDate(now, zone));
  tickSeats(now);
  tickGroups(board, now);
  const before = tone;
  tone = tickFigures(board, now);
  if (tone === "alarm" && before !== "alarm") {
    write(byId("announce"), "有来电等待超过一分钟 A caller has waited longer than a minute");
  }
}

function everySecond() {
  tick();
  setTimeout(everySecond, 1000 - (clock.now() % 1000) + 5);
}

new ResizeObserver(() => {
  if (!board) return;
  fitSeats();
  drawSoon();
}).observe(byId("board"));

everySecond();
if (takeToken()) start();
else askForToken();
