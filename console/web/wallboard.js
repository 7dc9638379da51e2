// The wallboard: finds its token, connects, draws what comes, counts the seconds in between.

import { fromSnapshot, withChanges } from "./board.js";
import { drawDay } from "./day.js";
import { byId, write } from "./dom.js";
import { enter, showFound, showLost } from "./entry.js";
import { drawAlerts } from "./alerts.js";
import { drawFigures, tickFigures } from "./figures.js";
import { drawGroups, tickGroups } from "./groups.js";
import { drawLines } from "./lines.js";
import { Live } from "./live.js";
import { mayUse } from "./pages.js";
import { drawSeats, fitSeats, tickSeats } from "./seats.js";
import { keptToken } from "./token.js";
import { ServerClock, wallClock, wallDate } from "./time.js";

const clock = new ServerClock();
let board = null;
let live = null;
let tone = "calm";
let drawing = false;

function leave() {
  live?.end();
  live = board = null;
  for (const id of ["board", "alerts", "open", "wall-clock"]) byId(id).hidden = true;
}

function lost() {
  showLost(board ? `，数据停在 ${wallClock(clock.now(), board.head.time_zone)}` : "");
}

function watch({ tenant }) {
  live?.end();
  board = null;
  live = new Live(tenant, keptToken(), { message: hear, lost, refused: refusedLive });
}

function refusedLive(code) {
  refused(code === 4403
    ? "该令牌不属于此租户。 The token is another tenant's."
    : "令牌无效、已过期或已被撤销。 The token isn't good any more.");
}

function hear(message) {
  clock.heard(message.at, message.type === "snapshot");
  if (message.type === "snapshot") board = fromSnapshot(message);
  if (message.type === "changes") board = withChanges(board, message);
  if (board === null) {
    live.again();
    return;
  }
  showFound();
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
const { refused } = enter({
  may: (role) => mayUse("/wallboard", role),
  refusal: "此令牌不能查看运行看板。 This token may not see the wallboard.",
  open: watch, leave, lost,
});
