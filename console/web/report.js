// The monthly report: chosen, shown, printed. The server makes it; here it only gets its place.

import { byId, element } from "./dom.js";
import { dropToken, keepToken, keptToken, takeToken } from "./token.js";

const MAY = new Set(["administrator", "supervisor", "reviewer", "leader", "auditor"]);
let text = "";
let asked = 0;

const part = encodeURIComponent;
const ours = (path) => `/api/v1/tenants/${part(byId("tenant").value)}/${path}`;

async function answer(path) {
  const got = await fetch(path, { headers: { Authorization: `Bearer ${keptToken()}` } });
  if (got.ok) return got;
  const told = await got.json();
  const failure = new Error(`${told.error.message_zh} ${told.error.message}`);
  failure.status = got.status;
  throw failure;
}

function say(words, failed = false) {
  byId("said").textContent = words;
  byId("said").classList.toggle("failed", failed);
  byId("said").hidden = !words;
}

// --- the report

async function make() {
  const turn = ++asked;
  const month = byId("month").value;
  history.replaceState(null, "", `?tenant=${part(byId("tenant").value)}&month=${part(month)}`);
  for (const id of ["show", "print", "html"]) byId(id).disabled = true;
  byId("report").replaceChildren();
  say("正在统计…… Counting…");
  try {
    const found = await (await answer(`${ours("report")}?month=${part(month)}`)).text();
    if (turn !== asked) return;
    text = found;
    // This page has the style already, and its policy allows none within.
    const bare = text.replace(/<style>.*?<\/style>/s, "");
    const made = new DOMParser().parseFromString(bare, "text/html");
    byId("report").replaceChildren(document.adoptNode(made.querySelector("main")));
    document.title = made.title;
    byId("print").disabled = byId("html").disabled = false;
    say("");
  } catch (error) {
    if (turn === asked) say(error.message, true);
  } finally {
    if (turn === asked) byId("show").disabled = false;
  }
}

function save(content, name) {
  const link = element("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
}

async function saveRanking() {
  const month = byId("month").value;
  try {
    const path = `${ours("kpi.csv")}?month=${part(month)}&by=unit&compare=true&bom=true`;
    save(await (await answer(path)).blob(), `kpi-units-${month}.csv`);
  } catch (error) {
    say(error.message, true);
  }
}

byId("choose").addEventListener("submit", (event) => {
  event.preventDefault();
  make();
});
byId("print").addEventListener("click", () => window.print());
byId("html").addEventListener("click", () =>
  save(new Blob([text], { type: "text/html" }), `report-${byId("month").value}.html`));
byId("csv").addEventListener("click", saveRanking);

// --- who asks

function askForToken(reason) {
  dropToken();
  byId("choose").hidden = true;
  byId("refused").hidden = !reason;
  byId("refused").textContent = reason ?? "";
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

async function start() {
  let status;
  try {
    status = await (await answer("/api/v1/status")).json();
  } catch (error) {
    if (error.status === undefined || error.status >= 500) return say(error.message, true);
    return askForToken(error.message);
  }
  if (!MAY.has(status.token.role)) return askForToken("此令牌不能查看月报。 This token may not see the report.");
  const wanted = new URLSearchParams(location.search);
  byId("tenant").replaceChildren(...status.tenants.map((one) => {
    const option = element("option", "", one.name);
    option.value = one.tenant;
    return option;
  }));
  const known = status.tenants.some((one) => one.tenant === wanted.get("tenant"));
  byId("tenant").value = known ? wanted.get("tenant") : status.tenants[0]?.tenant;
  byId("tenant").hidden = status.tenants.length < 2;
  byId("month").value = wanted.get("month") ?? lastMonth();
  byId("choose").hidden = false;
  if (wanted.get("month")) make();
}

// The month that is over: its report is the one that is wanted.
function lastMonth() {
  const day = new Date();
  day.setDate(0);
  return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, "0")}`;
}

if (takeToken()) start();
else askForToken();
