// The page of those who handle tickets: the list, one ticket, and what this role may do with it.

import { byId, element, english, write } from "./dom.js";
import { enter, showFound, showLost } from "./entry.js";
import { beginInbox, endInbox } from "./inbox.js";
import { ROLES, mayUse } from "./pages.js";
import { say, telling } from "./said.js";
import { ask, part } from "./server.js";
import { drawClocks } from "./ticket_clocks.js";
import { drawActions, drawForm } from "./ticket_forms.js";
import { drawOutside, wasOutside } from "./ticket_outside.js";
import { beginList, markRow, readFirst, readList, turn } from "./ticket_list.js";
import { drawNew } from "./ticket_new.js";
import { drawSteps, drawThen } from "./ticket_then.js";
import { setTime } from "./ticket_time.js";
import {
  drawHead, drawMatter, drawRelated, drawReplies, drawSounds, dropSounds, mayHearWords, mayReadSpoken, ownerWords, player,
} from "./ticket_view.js";
import { drawWay } from "./ticket_way.js";
import { EVENTS, zh } from "./ticket_words.js";
import { readChoices } from "./units.js";

const AGAIN_MS = 30_000;
const MOST_LINKED = 10; // of those merged into it so many callers are told at once
const TAKERS = new Set(["seat", "reviewer"]);
const COMPARERS = new Set(["seat", "reviewer", "supervisor"]);

let tenant = "";
let me = null;
let open = null; // the ticket shown, as it was read
let showing = 0;
let session = 0; // one more with each city and each token

const ours = (path) => `tenants/${part(tenant)}/${path}`;

// --- one ticket

async function show(number) {
  const turnOf = ++showing;
  const [{ ticket }, way, allowed] = await Promise.all([
    ask(ours(`tickets/${number}`)), ask(ours(`tickets/${number}/history`)), ask(ours(`tickets/${number}/allowed`)),
  ]);
  if (turnOf !== showing) return;
  open = { ticket, events: way.events, possible: allowed.events };
  const wanted = new URLSearchParams(location.search);
  wanted.set("ticket", number);
  history.replaceState(null, "", `${location.pathname}?${wanted}`);
  draw();
  markRow(number);
  await Promise.all([drawBeside(turnOf), telling(outside)(turnOf), telling(related)(turnOf)]);
}

function draw() {
  const { ticket, events } = open;
  const one = byId("one");
  const same = one.dataset.number === ticket.number;
  const at = same ? one.querySelector(".scroll")?.scrollTop ?? 0 : 0;
  dropSounds(one);
  one.dataset.number = ticket.number;
  const listen = mayHearWords(me.role)
    ? (event) => player("录音", `/api/v1/${ours(`tickets/${ticket.number}/events/${event.seq}/audio`)}`) : null;
  const body = element("div", "scroll");
  body.tabIndex = 0;
  body.setAttribute("aria-label", "工单内容 The ticket");
  body.setAttribute("role", "region");
  body.append(
    drawMatter(ticket), drawClocks(ticket.clocks),
    drawReplies(ticket, proofs(ticket)), drawSounds(ticket, me.role, null),
    drawOutside(ticket, {}), drawRelated(ticket, {}, telling(show)), drawWay(events, ticket, listen, telling(showThen)));
  one.replaceChildren(drawHead(ticket), body);
  body.scrollTop = at;
  document.title = `${ticket.number} ${ticket.title} · 12345 工单`;
  byId("nothing").hidden = true;
  one.hidden = byId("deeds").hidden = false;
  drawActs();
}

const proofs = (ticket) => `/api/v1/${ours(`tickets/${ticket.number}/evidence`)}`;

// As it was after an event; the ticket of now stays open behind it.
async function showThen(event) {
  const turnOf = ++showing;
  const { ticket, events } = open;
  const then = await ask(ours(`tickets/${ticket.number}/at?seq=${event.seq}`));
  if (turnOf !== showing) return;
  const turned = document.activeElement.classList.contains("later") ? "later" : "earlier";
  const go = telling(showThen);
  const now = telling(async () => {
    await show(ticket.number);
    byId("one").querySelector(".scroll").focus();
  });
  dropSounds(byId("one"));
  byId("one").replaceChildren(...drawThen(open, event, then, proofs(ticket), go));
  byId("acts").replaceChildren(drawSteps(events, event, go, now));
  (byId("acts").querySelector(`.${turned}:enabled`) ?? byId("acts").querySelector(".to-now")).focus();
}

// What is asked after the ticket is there: a spoken request's words.
const drawBeside = telling(async (turnOf) => {
  const { ticket } = open;
  if (ticket.origin !== "voice_request" || !mayReadSpoken(me.role)) return;
  let spoken;
  try {
    spoken = (await ask(ours(`spoken/${ticket.number}`))).request;
  } catch (failure) {
    if (failure.status === 404) return; // recorded without a conversation: there is no transcript
    throw failure;
  }
  if (turnOf === showing) replace(".sounds", drawSounds(ticket, me.role, spoken));
});

// Calls to its citizen with the result, and other houses it went to or came from.
async function outside(turnOf) {
  const { ticket, events } = open;
  if (!wasOutside(ticket, events, me.role)) return;
  const [{ followups }, { crossings }] = await Promise.all([
    ask(ours(`followups?ticket=${ticket.number}`)), ask(ours(`tickets/${ticket.number}/crossings`)),
  ]);
  if (turnOf === showing) replace(".outside", drawOutside(ticket, { followups, crossings }));
}

// A ticket, or null for one that isn't this unit's: a merged one has no unit of its own.
async function ifOurs(number) {
  try {
    return (await ask(ours(`tickets/${number}`))).ticket;
  } catch (failure) {
    if (failure.id !== "not-your-unit") throw failure;
    return null;
  }
}

// Who else asked for the same: those merged into it, and open tickets that are likely the same.
async function related(turnOf) {
  const { ticket } = open;
  const compares = COMPARERS.has(me.role) && ticket.life.owner;
  const linked = ticket.linked.slice(0, MOST_LINKED);
  const [alike, ...merged] = await Promise.all([
    compares ? ask(ours(`tickets/${ticket.number}/duplicates`)) : { duplicates: [] },
    ...linked.map(ifOurs),
  ]);
  if (turnOf !== showing) return;
  const known = Object.fromEntries(merged.filter(Boolean).map((one) => [one.number, one]));
  replace(".related", drawRelated(ticket, { merged: known, alike: alike.duplicates }, telling(show)));
}

function replace(selector, made) {
  const old = byId("one").querySelector(selector);
  dropSounds(old);
  old.replaceWith(made);
}

// --- what can be done

function actsHead() {
  const made = element("div", "acts-head");
  const title = element("h2", "", "办理 ");
  title.append(english("Actions"));
  const owner = element("p", "owner");
  owner.append(element("span", "soft", "当前责任方 "), element("b", "", ownerWords(open.ticket.life.owner)));
  made.append(title, owner);
  return made;
}

function drawActs() {
  byId("acts").replaceChildren(actsHead(), drawActions(open.possible, telling(choose)));
}

async function choose(possible) {
  const { ticket } = open;
  const turnOf = showing;
  const form = await drawForm(possible, ticket, {
    ours, role: me.role, back: telling(async () => {
      drawActs();
      byId("acts").querySelector(`[data-event="${possible.event}"]`)?.focus();
    }),
    send: (data, key) => send(ticket, possible, data, key),
  });
  if (turnOf !== showing) return;
  byId("acts").replaceChildren(actsHead(), form);
  (form.querySelector(".fields :is(input, textarea, select)") ?? form.querySelector(".submit")).focus();
}

async function send(ticket, possible, data, key) {
  try {
    await ask(ours(`tickets/${ticket.number}/events`), {
      body: { event: possible.event, data, version: open.ticket.version, key },
    });
  } catch (failure) {
    if (failure.id === "stale-version") await again(ticket.number, possible.event, failure);
    throw failure;
  }
  say(`${ticket.number} ${zh(EVENTS, possible.event)} ✓ 已完成 done`);
  await seen(ticket.number);
}

// After a deed the ticket may be another unit's: then there is nothing left to show.
async function seen(number) {
  try {
    await show(number);
  } catch (failure) {
    if (failure.id !== "not-your-unit") throw failure;
    closeTicket();
  }
  await readList();
}

// Somebody was faster: what is there now is shown, the form stays with what was written in it as long
// as its event is still possible, and is sent for the new version then.
async function again(number, event, failure) {
  const form = byId("acts").querySelector("form");
  await show(number);
  const now = open.possible.find((one) => one.event === event && !one.refused);
  if (!now) {
    say(`${failure.message} 已重新加载，此操作不再适用。 Reloaded: it can't be done any more.`, true);
    return;
  }
  byId("acts").replaceChildren(actsHead(), form);
  say("内容已被他人修改，已重新加载，请核对后再提交。 Somebody changed it: reloaded, look again and submit.", true);
}

// --- a new one

function drawNewForm() {
  showing += 1;
  byId("one").hidden = true;
  byId("nothing").hidden = false;
  write(byId("nothing"), "填写右侧表单，提交后进入审核 Fill in the form: it goes to review");
  markRow("");
  const form = drawNew({
    ours, back: closeTicket,
    made: async (told) => {
      const same = told.duplicates.length;
      say(`${told.ticket.number} 已建单 made${same ? `，疑似重复 ${same} 条` : ""}`);
      await readFirst();
      await show(told.ticket.number);
    },
  });
  byId("acts").replaceChildren(form);
  byId("deeds").hidden = false;
  form.querySelector("input").focus();
}

function closeTicket() {
  showing += 1;
  open = null;
  dropSounds(byId("one"));
  byId("one").replaceChildren();
  byId("acts").replaceChildren();
  byId("one").hidden = byId("deeds").hidden = true;
  byId("nothing").hidden = false;
  byId("nothing").replaceChildren("请从左侧选择一件工单 ", english("Choose a ticket"));
  markRow("");
  document.title = "12345 工单";
  const wanted = new URLSearchParams(location.search);
  wanted.delete("ticket");
  history.replaceState(null, "", `${location.pathname}?${wanted}`);
}

// --- the page

// The list is read again now and then; while the server is away the banner says so.
async function keepReading(mine) {
  if (mine !== session) return;
  try {
    if (document.visibilityState === "visible") await readList();
    showFound();
  } catch (failure) {
    if (mine !== session) return;
    if (!failure.away) say(failure.message, true);
    else showLost();
  }
  if (mine === session) setTimeout(() => telling(keepReading)(mine), AGAIN_MS);
}

function leave() {
  session += 1;
  endInbox();
  closeTicket();
  byId("board").hidden = true;
}

for (const id of ["state", "due", "card", "unit", "part", "class", "area"]) {
  byId(id).addEventListener("change", telling(readFirst));
}
byId("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  telling(readFirst)();
});
byId("previous").addEventListener("click", telling(() => turn(false)));
byId("next").addEventListener("click", telling(() => turn(true)));
byId("again").addEventListener("click", telling(readList));
byId("new").addEventListener("click", drawNewForm);

enter({
  may: (role) => mayUse("/tickets", role),
  refusal: "此令牌不能查看工单。 This token may not see tickets.",
  leave,
  open: telling(async (chosen, status) => {
    const other = tenant && tenant !== chosen.tenant;
    const wanted = other ? null : new URLSearchParams(location.search).get("ticket");
    leave();
    const mine = session;
    tenant = chosen.tenant;
    me = status.token;
    setTime(chosen.time_zone, status.at);
    await readChoices(ours);
    if (mine !== session) return;
    write(byId("who"), `· ${ROLES[me.role]}`);
    byId("new").hidden = !TAKERS.has(me.role);
    beginList({ path: ours, role: me.role, own: me.unit, choose: telling(show) });
    byId("board").hidden = false;
    if (me.role === "department" && me.unit) beginInbox(ours, me.unit, telling(show));
    await readList();
    setTimeout(() => telling(keepReading)(mine), AGAIN_MS);
    if (wanted) await show(wanted);
  }),
});
