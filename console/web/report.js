// The monthly report: chosen, shown, printed. The server makes it; here it only gets its place.

import { byId, element } from "./dom.js";
import { enter } from "./entry.js";
import { mayUse } from "./pages.js";
import { say, telling } from "./said.js";
import { answer, part, read } from "./server.js";

let text = "";
let asked = 0;
let tenant = "";

const ours = (path) => `tenants/${part(tenant)}/${path}`;

// --- the report

async function make() {
  const turn = ++asked;
  const month = byId("month").value;
  history.replaceState(null, "", `?tenant=${part(tenant)}&month=${part(month)}`);
  for (const id of ["show", "print", "html"]) byId(id).disabled = true;
  byId("report").replaceChildren();
  say("正在统计…… Counting…", false, true);
  try {
    const found = await read(await answer(`${ours("report")}?month=${part(month)}`), "text");
    if (turn !== asked) return;
    text = found;
    // This page has the style already, and its policy allows none within.
    const bare = text.replace(/<style>.*?<\/style>/s, "");
    const made = new DOMParser().parseFromString(bare, "text/html");
    byId("report").replaceChildren(document.adoptNode(made.querySelector("main")));
    document.title = made.title;
    byId("print").disabled = byId("html").disabled = false;
    say("");
  } catch (failure) {
    if (turn !== asked) return;
    say(failure.message, true, true);
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
  const path = `${ours("kpi.csv")}?month=${part(month)}&by=unit&compare=true&bom=true`;
  save(await read(await answer(path), "blob"), `kpi-units-${month}.csv`);
}

byId("choose").addEventListener("submit", (event) => {
  event.preventDefault();
  telling(make)();
});
byId("print").addEventListener("click", () => window.print());
byId("html").addEventListener("click", () =>
  save(new Blob([text], { type: "text/html" }), `report-${byId("month").value}.html`));
byId("csv").addEventListener("click", telling(saveRanking));

// --- who asks

function leave() {
  asked += 1;
  byId("choose").hidden = true;
  byId("report").replaceChildren();
  say("");
}

enter({
  may: (role) => mayUse("/report", role),
  refusal: "此令牌不能查看月报。 This token may not see the report.",
  leave,
  open: telling(async (chosen) => {
    leave();
    tenant = chosen.tenant;
    const wanted = new URLSearchParams(location.search).get("month");
    byId("month").value = wanted ?? lastMonth();
    byId("choose").hidden = false;
    if (wanted) await make();
    else say("请选择月份，然后生成。 Choose a month and make its report.", false, true);
  }),
});

// The month that is over: its report is the one that is wanted.
function lastMonth() {
  const day = new Date();
  day.setDate(0);
  return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, "0")}`;
}
