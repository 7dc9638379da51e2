// A seat's own page: what it does, what it should know, and its talk. While it is open the seat's
// desktop lives.

import { byId, element, english, write } from "./dom.js";
import { enter, showFound, showLost } from "./entry.js";
import { mayUse } from "./pages.js";
import { say, telling } from "./said.js";
import { ask, part } from "./server.js";
import { REASONS, STATES } from "./states.js";
import { duration } from "./time.js";

const MORE_S = 60;
const WORD = Object.fromEntries(STATES.map(([state, word]) => [state, word]));
const TALKS = {
  talking: "通话中", calling: "正在呼叫", consulting: "咨询中，市民听音乐", three_way: "三方通话", seeking: "正在找口译",
  adding: "正在加入", taking: "正在接管", held: "市民保持中", handed: "正在转出",
};
const ROLES = { first: "座席", third: "第三方", listening: "监听", whispering: "耳语" };
const FAILED = { BUSY: "对方忙", NOANSWER: "无人接听", CONGESTION: "无法接通", CHANUNAVAIL: "无法接通" };
const URGENT = ["110", "119", "120", "122"];
// What may be asked of a talk: `needs` the one whom it is about.
const VERBS = [
  ["consult", "咨询", "consult", true], ["transfer", "转接", "transfer", false], ["join", "三方", "three-way", false],
  ["complete", "转交并退出", "hand over", false], ["cancel", "取消，接回市民", "back to the citizen", false],
];

let path = ""; // of this seat
let talks = "";
let talk = null;
let skew = 0; // the server's clock minus ours
let asking = null;
let targets = {};
const beat = new Worker("/web/beat.js");

// --- what is shown

function drawNotices(told) {
  const box = byId("notices");
  box.hidden = told.length === 0;
  const key = told.map(({ kind, since }) => kind + since).join();
  if (box.dataset.key === key) return; // said once, not every three seconds
  box.dataset.key = key;
  box.replaceChildren(...told.map((notice) => {
    const line = element("p", "", "");
    line.append(element("b", "", notice.message_zh), " ", english(notice.message));
    return line;
  }));
}

function drawSeat(seat) {
  const reason = seat.reason ? ` · ${REASONS[seat.reason] ?? seat.reason}` : "";
  write(byId("name"), `${seat.id} ${seat.name}`);
  write(byId("state"), `${WORD[seat.state] ?? seat.state}${reason}`);
  byId("me").dataset.state = seat.state;
  byId("since").dataset.since = seat.since;
  byId("ready").disabled = seat.state === "ready";
  byId("done").hidden = byId("more").hidden = seat.state !== "wrap_up";
}

function drawTalk(all, own) {
  talk = all.find(({ seat }) => seat === own) ?? all[0] ?? null;
  byId("none").hidden = talk !== null;
  byId("talk").hidden = talk === null;
  if (!talk) return;
  write(byId("talk-state"), TALKS[talk.state] ?? talk.state);
  byId("talk-since").dataset.since = talk.since;
  const line = targets.line?.find(([id]) => id === talk.line)?.[1] ?? "";
  write(byId("talk-line"), `${talk.line} ${line}`);
  byId("parties").replaceChildren(...talk.parties.map((one) => element("li", "", `${ROLES[one.role] ?? one.role} ${one.seat || one.number}`)));
  byId("failed").hidden = !talk.failed;
  write(byId("failed"), talk.failed ? `呼叫未成功：${FAILED[talk.failed] ?? talk.failed} ${talk.failed}` : "");
  for (const button of byId("verbs").children) button.disabled = talk.seat !== own;
}

function tick() {
  for (const time of document.querySelectorAll("time[data-since]")) {
    write(time, duration(Math.max(0, Date.now() + skew - Date.parse(time.dataset.since))));
  }
}

// --- asking

async function read(mine) {
  const [{ seat, notices }, told] = await Promise.all([ask(`${path}/heartbeat`, { body: {} }), ask(talks)]);
  if (mine !== asking) return;
  showFound();
  drawNotices(notices);
  drawSeat(seat);
  drawTalk(told.talks, seat.id);
  byId("board").hidden = false;
  tick();
}

async function again() {
  const mine = asking;
  if (mine === null || mine.busy) return;
  mine.busy = true;
  try {
    await read(mine);
  } catch (failure) {
    if (mine !== asking) return;
    if (failure.away) showLost();
    else telling(() => { throw failure; })();
  } finally {
    mine.busy = false;
  }
}
beat.onmessage = again;

// A button's deed: told how it went, and never done twice by a nervous finger.
function does(button, deed) {
  button.addEventListener("click", telling(async () => {
    button.disabled = true;
    try {
      await deed();
    } finally {
      button.disabled = false;
    }
    await again();
  }));
}

const state = (body) => ask(`${path}/state`, { body });
does(byId("ready"), () => state({ state: "ready" }));
does(byId("pause"), () => state({ state: "paused", reason: byId("reason").value }));
does(byId("done"), () => state({ state: "wrap_up_ended" }));
does(byId("more"), async () => {
  await ask(`${path}/wrap_up`, { body: { extra_s: MORE_S } });
  say("整理时间已延长（以上限为准） More time, up to the limit");
});

async function act(verb, target) {
  if (talk) await ask(`${talks}/${part(talk.call_id)}/${verb}`, { body: target ? { target } : {} });
}

function chosen(needed) {
  const name = byId("target").value.trim();
  if (name) return { [byId("kind").value]: name };
  if (!needed) return null;
  byId("target").focus();
  return undefined;
}

function verbButton(verb, zh, en, needed) {
  const button = element("button", "", `${zh} `);
  button.type = "button";
  button.dataset.verb = verb;
  button.append(english(en));
  does(button, async () => {
    const target = verb === "complete" || verb === "cancel" ? null : chosen(needed);
    if (target === undefined) {
      say("请填写对象 With whom?", true);
      return;
    }
    await act(verb, target);
    byId("target").value = "";
  });
  return button;
}

function urgentButton(number) {
  const button = element("button", "urgent", `紧急 ${number}`);
  button.type = "button";
  button.dataset.verb = "emergency";
  does(button, () => act("emergency", { number }));
  return button;
}

byId("verbs").replaceChildren(...VERBS.map((verb) => verbButton(...verb)), ...URGENT.map(urgentButton));

function drawTargets() {
  const known = targets[byId("kind").value] ?? [];
  byId("targets").replaceChildren(...known.map(([id, name]) => new Option(name, id)));
}
byId("kind").addEventListener("change", () => {
  byId("target").value = "";
  drawTargets();
});

// --- beginning

function leave() {
  asking = null;
  talk = null;
  byId("board").hidden = true;
}

setInterval(tick, 1000);
enter({
  may: (role) => mayUse("/seat", role),
  refusal: "此页面需要座席令牌。 A seat's token is needed.",
  leave,
  open: telling(async ({ tenant, pause_reasons: reasons }, status) => {
    leave();
    asking = { busy: false };
    skew = Date.parse(status.at) - Date.now();
    const city = `tenants/${part(tenant)}`;
    path = `${city}/seats/${part(status.token.seat_id)}`;
    talks = `${city}/talks`;
    byId("reason").replaceChildren(...reasons.filter((one) => one !== "missed").map((one) => new Option(REASONS[one] ?? one, one)));
    await again();
    const board = await ask(`${city}/wallboard`);
    targets = {
      seat: board.seats.map(({ id, name }) => [id, name]),
      queue: board.groups.filter(({ kind }) => kind === "queue").map(({ id, name }) => [id.replace("queue/", ""), name]),
      line: board.lines.map(({ id, name }) => [id, name]),
    };
    drawTargets();
  }),
});
