// One ticket as it is read: what was asked, where and by whom, replies, recordings, its relations.

import { element, english } from "./dom.js";
import { ROLES } from "./pages.js";
import { answer, read } from "./server.js";
import { telling } from "./said.js";
import { long, short } from "./ticket_time.js";
import { ALIKE, KINDS, ORIGINS, STATES, TONES, URGENCIES, both, zh } from "./ticket_words.js";
import { areaName, className, unit, unitName } from "./units.js";

const CALLS = new Set(["administrator", "supervisor"]);
const WORDS = new Set([...CALLS, "reviewer", "seat"]);
const MORNING = new Set([...CALLS, "seat"]);
const LANGUAGES = { cmn: "普通话", yue: "粤语", en: "英语", za: "壮语" };

export const mayHearWords = (role) => WORDS.has(role);
export const mayReadSpoken = (role) => MORNING.has(role);

export function chip(words, tone = "", en = "") {
  const made = element("span", "chip", words);
  if (en) made.append(" ", english(en));
  if (tone) made.dataset.tone = tone;
  return made;
}

export function stateChip(state) {
  const [name, en] = both(STATES, state);
  const made = chip(name, TONES[state] ?? "done", en);
  made.classList.add("state");
  return made;
}

// What is special of a life, each with words of its own. `of` has what rows and lives have alike.
export function flags(of) {
  const made = [];
  if (URGENCIES[of.urgency]) made.push(chip(`⚡ ${zh(URGENCIES, of.urgency)}`, "alarm", both(URGENCIES, of.urgency)[1]));
  if (of.cards?.includes("red_card")) made.push(chip("■ 红牌", "alarm", "red card"));
  else if (of.cards?.includes("yellow_card")) made.push(chip("▲ 黄牌", "warn", "yellow card"));
  if (of.cards?.includes("circulated")) made.push(chip("通报", "alarm", "circular"));
  if (of.supervised) made.push(chip("督办", "warn", "supervised"));
  if (of.instructed) made.push(chip("领导批示", "warn", "instructed"));
  if (of.confidential) made.push(chip("保密", "warn", "confidential"));
  if (of.round > 1) made.push(chip(`第${of.round}轮`, "warn", `round ${of.round}`));
  if (of.urges) made.push(chip(`催办 ${of.urges}`, "warn", "urged"));
  if (of.repeats) made.push(chip(`重复 ${of.repeats}`, "", "repeats"));
  if (of.long_term) made.push(chip("挂账", "", "long-term"));
  return made;
}

export function ownerWords(owner) {
  if (!owner) return "已结束，无须办理";
  const [what, id] = owner.split(":");
  if (what === "unit") return unitName(id);
  return what === "ticket" ? `随主工单 ${id}` : ROLES[what] ?? what;
}

export function heading(zhWords, en) {
  const made = element("h3", "", `${zhWords} `);
  made.append(english(en));
  return made;
}

function fact(list, name, en, value) {
  if (!value) return;
  const term = element("dt", "", `${name} `);
  term.append(english(en));
  const shown = element("dd");
  shown.append(value);
  list.append(term, shown);
}

// Who asked, as far as this token may know him.
export function caller(ticket) {
  const { requester } = ticket.content;
  const number = ticket.anonymous ? "匿名来电" : ticket.caller;
  const words = [requester, number].filter(Boolean).join(" ");
  if (ticket.requester_shown === "hidden") return "保密，由热线中心联系";
  return words && ticket.requester_shown === "masked" ? `${words}(已隐去)` : words;
}

export function drawHead(ticket) {
  const made = element("header", "ticket-head");
  const title = element("h2", "", ticket.title || ticket.content.text.slice(0, 40) || "(无标题)");
  title.id = "title";
  const line = element("p", "number-line");
  line.append(element("span", "number", ticket.number), stateChip(ticket.state));
  const kind = both(KINDS, ticket.kind ?? "");
  if (ticket.kind) line.append(chip(kind[0], "", kind[1]));
  line.append(...flags(ticket.life));
  made.append(line, title);
  return made;
}

export function drawMatter(ticket) {
  const made = element("section", "matter");
  const said = ticket.content;
  made.append(heading("诉求", "What was asked"));
  if (said.danger) made.append(element("p", "danger", `⚠ 危险：${said.danger}`));
  made.append(element("p", "text", said.text || "(还没有文字，请听录音或查看办理过程)"));
  const list = element("dl", "facts");
  fact(list, "地点", "place", [said.place, said.place_code && areaName(said.place_code)].filter(Boolean).join(" · "));
  fact(list, "分类", "class", said.class_code && className(said.class_code));
  fact(list, "诉求人", "requester", caller(ticket));
  fact(list, "语种", "language", ticket.language && ticket.language !== "cmn" ? LANGUAGES[ticket.language] ?? ticket.language : "");
  fact(list, "来源", "origin", [zh(ORIGINS, ticket.origin), said.channel, ticket.line_id && `线路 ${ticket.line_id}`].filter(Boolean).join(" · "));
  fact(list, "受理", "taken", [long(ticket.created_at), ticket.seat_id && `座席 ${ticket.seat_id}`].filter(Boolean).join(" · "));
  const lead = unit(ticket.life.lead);
  if (ticket.life.lead) {
    const words = [unitName(ticket.life.lead), lead && `${lead.on_duty.person} ${lead.on_duty.phone}`].filter(Boolean).join(" · ");
    fact(list, "主办", "lead", words);
  }
  fact(list, "协办", "co-units", ticket.life.co_units.map(unitName).join("、"));
  made.append(list);
  for (const { at, text } of said.added) {
    const more = element("p", "added");
    more.append(element("b", "", `补充 ${short(at)} `), text);
    made.append(more);
  }
  return made;
}

// A file is fetched when somebody wants it: each look is in the log. The window saves it.
function proof(id, place, path) {
  if (!FILE.test(id)) return element("span", "chip", id);
  const button = element("button", "chip", `↓ 佐证 ${place} ${id.split(".").pop()}`);
  button.type = "button";
  button.title = id;
  button.addEventListener("click", telling(async () => {
    button.disabled = true;
    try {
      const link = element("a");
      link.href = URL.createObjectURL(await read(await answer(`${path}/${id}`), "blob"));
      link.download = `${id.slice(0, 8)}.${id.split(".").pop()}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
    } finally {
      button.disabled = false;
    }
  }));
  return button;
}
const FILE = /^[0-9a-f]{64}\.(jpg|png|pdf)$/;
const KEPT_MS = 60_000;

export function drawReplies(ticket, path) {
  const made = element("section", "replies");
  const { replies } = ticket.content;
  if (!replies.length) return made;
  made.append(heading("答复", "Replies"));
  for (const reply of [...replies].reverse()) {
    const one = element("article", "reply");
    const by = element("p", "soft", `${reply.unit ? unitName(reply.unit) : "热线中心"} · ${short(reply.at)}`);
    one.append(by, element("p", "text", reply.text));
    if (reply.public && reply.public !== reply.text) {
      const open = element("p", "public");
      open.append(element("b", "", "公开答复 "), reply.public);
      one.append(open);
    }
    if (reply.evidence.length) {
      const proofs = element("p", "proofs");
      reply.evidence.forEach((id, index) => proofs.append(proof(id, index + 1, path), " "));
      one.append(proofs);
    }
    made.append(one);
  }
  return made;
}

// A recording is fetched when somebody wants to hear it: each play is in the log.
export function player(name, path) {
  const made = element("p", "player-line");
  const button = element("button", "", `▶ ${name}`);
  button.type = "button";
  button.addEventListener("click", telling(async () => {
    button.disabled = true;
    try {
      const sound = element("audio");
      sound.controls = true;
      sound.src = URL.createObjectURL(await read(await answer(path), "blob"));
      sound.setAttribute("aria-label", name);
      made.replaceChildren(element("span", "soft", name), sound);
      sound.focus();
    } finally {
      button.disabled = false;
    }
  }));
  made.append(button);
  return made;
}

// Whoever leaves a ticket lets its recordings go.
export function dropSounds(within) {
  for (const sound of within.querySelectorAll("audio")) {
    sound.pause();
    URL.revokeObjectURL(sound.src);
  }
}

export function drawSounds(ticket, role, spoken) {
  const made = element("section", "sounds");
  const sounds = [];
  if (CALLS.has(role) && ticket.recording) sounds.push(player("通话录音", ticket.recording));
  if (CALLS.has(role) && ticket.voice) sounds.push(player("语音诉求", ticket.voice));
  if (!sounds.length && !spoken) return made;
  made.append(heading("录音与转写", "Recording and transcript"), ...sounds);
  for (const given of spoken?.answers ?? []) {
    if (!given.text) continue;
    const line = element("p", "said-line");
    line.append(element("b", "", { kind: "类型", place: "地点", matter: "内容", number: "电话", confirm: "确认" }[given.question] ?? "", ), " ", given.text);
    made.append(line);
  }
  return made;
}

function link(number, words, show) {
  const item = element("li");
  const button = element("button", "link", number);
  button.type = "button";
  button.addEventListener("click", () => show(number));
  item.append(button, " ", words);
  return item;
}

// `more` is what was asked after the ticket: tickets merged into it, by number, and likely duplicates.
export function drawRelated(ticket, { merged = {}, alike = [] }, show) {
  const made = element("section", "related");
  const { life } = ticket;
  const list = element("ul");
  if (life.parent) list.append(link(life.parent, "主单 whole", show));
  for (const number of ticket.parts) list.append(link(number, "子单 part", show));
  if (life.main) list.append(link(life.main, "并入的主工单 main", show));
  for (const number of ticket.linked) {
    list.append(link(number, ["已并入本单 merged", merged[number] && caller(merged[number])].filter(Boolean).join(" · "), show));
  }
  for (const one of alike) {
    const why = one.reasons.map((reason) => ALIKE[reason] ?? reason).join("、");
    list.append(link(one.number, `疑似重复 ${Math.round(one.score)}分 · ${zh(STATES, one.state)} · ${one.title}(${why})`, show));
  }
  if (!list.children.length) return made;
  made.append(heading("关联工单", "Related tickets"), list);
  return made;
}
