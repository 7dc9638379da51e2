// The morning list: listen, with the words lit up as they are said; correct; submit.

import { byId, element, english, write } from "./dom.js";
import { enter } from "./entry.js";
import { mayUse } from "./pages.js";
import { say, tell, telling } from "./said.js";
import { answer, ask, part as encoded, read } from "./server.js";
import { duration } from "./time.js";

const PAGE = 50;
const BACK_S = 3;
const SURE = 0.7;
const UNTIL_WORD_S = 0.05;
const KINDS = [
  ["", "未定", "not known"], ["consultation", "咨询", "question"], ["complaint", "投诉", "complaint"],
  ["help", "求助", "help"], ["suggestion", "建议", "suggestion"], ["report", "举报", "report"],
  ["praise", "表扬", "praise"],
];
const KIND = Object.fromEntries(KINDS.map(([id, zh]) => [id, zh]));
const WHY = {
  unconfirmed: "未确认", unsure: "识别不准", not_understood: "未听懂", not_recognised: "未识别",
  language: "其他语种", danger: "紧急",
};
const ASKED = {
  kind: ["诉求类型", "kind"], place: ["地点", "place"], matter: ["诉求内容", "what happened"],
  number: ["回电号码", "call back"], confirm: ["确认", "confirmation"], broken: ["中断处", "broken off"],
};
const MEANS = {
  yes: "确认", again: "重说", more: "补充", none: "不用回电", other: "换号码",
};
const LANGUAGE = { cmn: "普通话", yue: "粤语", en: "English", za: "壮语" };

let tenant = "";
let requests = [];
let next = null;
let open = null;
let sounds = [];
let part = 0;
let words = [];

const ours = (path) => `tenants/${encoded(tenant)}/${path}`;

// --- the list

let listing = 0;
async function readList(after = "") {
  const turn = ++listing;
  const language = byId("language").value;
  const query = new URLSearchParams({ limit: PAGE, ...(after && { after }), ...(language && { language }) });
  const told = await ask(`${ours("spoken")}?${query}`);
  if (turn !== listing) return;
  requests = after ? [...requests, ...told.requests] : told.requests;
  next = told.next_after;
  drawList();
}

function reasons(list, review) {
  list.replaceChildren(...review.map((why) => {
    const chip = element("li", "", WHY[why] ?? why);
    chip.dataset.why = why;
    return chip;
  }));
  return list;
}

function row(request) {
  const item = element("li");
  item.dataset.number = request.number;
  item.tabIndex = 0;
  const first = element("div", "first");
  const kind = [KIND[request.kind] ?? "", request.place].filter(Boolean).join(" · ");
  first.append(element("b", "", kind || "语音留言"));
  const time = element("time", "", new Date(request.made_at).toLocaleString("zh-CN", {
    month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }));
  first.append(time);
  const language = request.language === "cmn" ? "" : `〔${LANGUAGE[request.language] ?? request.language}〕`;
  item.append(first, element("p", "words", language + (request.text || "（无文字，请听录音）")),
    reasons(element("ul", "why"), request.review));
  const choose = () => show(request.number);
  item.addEventListener("click", choose);
  item.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === item) choose();
  });
  return item;
}

function drawList() {
  byId("requests").replaceChildren(...requests.map(row));
  write(byId("waiting"), next ? `${requests.length}+` : requests.length);
  byId("more").hidden = !next;
  mark();
}

function mark() {
  for (const item of byId("requests").children) {
    if (item.dataset.number) item.setAttribute("aria-current", String(item.dataset.number === open?.number));
  }
  byId("one").hidden = byId("correct").hidden = !open;
  byId("nothing").hidden = Boolean(open);
  byId("nothing").replaceChildren(
    requests.length ? "请选择一条 " : "没有待复核的语音受理 ",
    english(requests.length ? "Choose one" : "Nothing to check"));
}

// --- one request

let showing = 0;
async function show(number) {
  const turn = ++showing;
  stop();
  try {
    const { request } = await ask(ours(`spoken/${number}`));
    if (turn !== showing) return;
    open = request;
    draw();
    mark();
    const found = await Promise.all(request.audio.map(load));
    if (turn !== showing) {
      found.forEach((url) => url && URL.revokeObjectURL(url));
      return;
    }
    sounds = found;
    turnTo(0, 0, false);
  } catch (failure) {
    if (turn === showing) tell(failure);
  }
}

async function load(path) {
  try {
    return URL.createObjectURL(await read(await answer(path), "blob"));
  } catch (failure) {
    tell(failure);
    return "";
  }
}

function draw() {
  write(byId("number"), open.number);
  reasons(byId("why"), open.review);
  words = [];
  byId("answers").replaceChildren(...open.answers.map(drawAnswer));
  if (!open.answers.length) {
    byId("answers").append(element("li", "voice", "没有识别结果，请听录音。"));
  }
  const told = open.corrected ?? open;
  byId("kind").value = told.kind ?? "";
  byId("place").value = told.place;
  byId("place-code").value = told.place_code;
  byId("topic").value = told.topic;
  byId("callback").value = told.callback;
  byId("text").value = told.text;
  const matter = open.answers.findLast((one) => one.question === "matter" && one.value);
  byId("because").replaceChildren(matter
    ? `建议分类：${matter.label}（${Math.round(matter.score * 100)}%，依据：${matter.because.join("、")}）` : "");
}

function drawAnswer(given) {
  const item = element("li");
  const [zh, en] = ASKED[given.question] ?? [given.question, ""];
  const head = element("h3", "", `${zh} `);
  head.append(english(en));
  const known = MEANS[given.value] || (given.value && KIND[given.value]);
  const meant = known || (given.question === "matter" ? "" : given.label || given.value);
  if (meant) head.append(element("b", "", `→ ${meant}`));
  else if (given.question !== "matter" && given.question !== "broken") head.append(element("b", "", "→ 未听懂"));
  if (given.keys) head.append(element("span", "", `按键 ${given.keys}`));
  item.append(head);
  const text = element("p");
  for (const [word, begin, end, confidence] of given.words) {
    const spoken = element("button", confidence < SURE ? "word unsure" : "word", word);
    spoken.type = "button";
    spoken.title = `${Math.round(confidence * 100)}%`;
    spoken.addEventListener("click", () => turnTo(given.part ?? 0, begin, true));
    words.push({ button: spoken, part: given.part, begin, end });
    text.append(spoken);
  }
  if (!given.words.length && given.part !== null && given.end_s > given.begin_s) {
    const hear = element("button", "word", `录音 ${duration(given.begin_s * 1000)}–${duration(given.end_s * 1000)}`);
    hear.type = "button";
    hear.addEventListener("click", () => turnTo(given.part, given.begin_s, true));
    text.append(hear);
  }
  item.append(text);
  return item;
}

// --- playing

const audio = byId("audio");

// A play that is stopped before it began (the next request is shown) is no failure; one the browser
// can't do is told.
async function start() {
  try {
    await audio.play();
  } catch (error) {
    if (error.name !== "AbortError") say(`无法播放录音 cannot play: ${error.message}`, true);
  }
}

function turnTo(which, at, play) {
  if (!sounds[which]) return;
  if (part !== which || !audio.src) {
    part = which;
    audio.src = sounds[which];
  }
  audio.currentTime = at;
  audio.playbackRate = Number(byId("speed").value);
  if (play) start();
  tick();
}

function stop() {
  audio.pause();
  audio.removeAttribute("src");
  sounds.forEach((url) => url && URL.revokeObjectURL(url));
  sounds = [];
}

function tick() {
  const at = audio.currentTime;
  const whole = Number.isFinite(audio.duration) ? audio.duration : 0;
  byId("place-in").max = Math.max(whole, 0.01);
  byId("place-in").value = at;
  write(byId("clock"), `${duration(at * 1000)} / ${duration(whole * 1000)}`);
  // A word is lit a little early, when the one before it isn't over yet: only the later one is.
  const lit = words.findLast((word) => word.part === part && at >= word.begin - UNTIL_WORD_S && at < word.end);
  for (const word of words) {
    const { button } = word;
    const now = word === lit;
    if (now && !button.classList.contains("now") && !audio.paused) button.scrollIntoView({ block: "nearest" });
    button.classList.toggle("now", now);
  }
}

function eachFrame() {
  tick();
  if (!audio.paused) requestAnimationFrame(eachFrame);
}

audio.addEventListener("play", () => {
  byId("play").replaceChildren("暂停 ", english("pause"));
  eachFrame();
});
audio.addEventListener("pause", () => byId("play").replaceChildren("播放 ", english("play")));
audio.addEventListener("loadedmetadata", tick);
audio.addEventListener("ended", () => turnTo(part + 1, 0, true));
byId("play").addEventListener("click", () => (audio.paused ? start() : audio.pause()));
byId("back").addEventListener("click", () => turnTo(part, Math.max(0, audio.currentTime - BACK_S), !audio.paused));
byId("place-in").addEventListener("input", () => turnTo(part, Number(byId("place-in").value), !audio.paused));
byId("speed").addEventListener("change", () => { audio.playbackRate = Number(byId("speed").value); });

// --- submitting

async function submit() {
  const done = open;
  byId("submit").disabled = true;
  try {
    await ask(ours(`spoken/${done.number}`), {
      body: {
        version: done.version, kind: byId("kind").value || null,
        place: byId("place").value.trim(), place_code: byId("place-code").value.trim(),
        topic: byId("topic").value.trim(), callback: byId("callback").value.trim(),
        text: byId("text").value.trim(),
      },
    });
    say(`${done.number} 已提交 submitted`);
    const following = requests[requests.findIndex(({ number }) => number === done.number) + 1];
    stop();
    open = null;
    await readList();
    if (following && requests.some(({ number }) => number === following.number)) await show(following.number);
  } catch (failure) {
    if (failure.status === 409) await show(done.number);
    throw failure;
  } finally {
    byId("submit").disabled = false;
  }
}

byId("correct").addEventListener("submit", (event) => {
  event.preventDefault();
  telling(submit)();
});

// --- beginning

function leave() {
  showing += 1;
  listing += 1;
  stop();
  open = null;
  byId("board").hidden = true;
}

byId("language").append(...Object.entries(LANGUAGE).map(([id, name]) => new Option(name, id)));
byId("language").addEventListener("change", telling(() => readList()));
byId("more").addEventListener("click", telling(() => readList(next)));
byId("kind").append(...KINDS.map(([id, zh, en]) => new Option(`${zh} ${en}`, id)));
enter({
  may: (role) => mayUse("/spoken", role),
  refusal: "此页面需要座席、督办员或管理员令牌。 A seat's or supervisor's token is needed.",
  leave,
  open: telling(async (chosen) => {
    leave();
    tenant = chosen.tenant;
    requests = [];
    await readList();
    byId("board").hidden = false;
  }),
});
