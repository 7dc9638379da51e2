// How every page begins: the token is taken or asked for, the server is asked who it is, a city is
// chosen, and the page opens. The form comes back whenever the server refuses the token.

import { byId, english, write } from "./dom.js";
import { drawPages } from "./pages.js";
import { ask, whenRefused } from "./server.js";
import { dropToken, keepToken, takeToken } from "./token.js";

const RETRY_MS = 3_000;

// `may`: whether a role may use the page, `refusal` what others read. `open` is told tenant and
// status, again when another city is chosen; `leave`: the page is to be empty. `lost`: the server
// is away before the page could open (by default the banner says so).
export function enter({ may, refusal, open, leave = () => {}, lost = () => showLost() }) {
  let turn = 0;

  function askForToken(reason = "") {
    turn += 1;
    leave();
    showFound();
    for (const id of ["pages", "home"]) if (byId(id)) byId(id).hidden = true;
    byId("refused").hidden = !reason;
    write(byId("refused"), reason);
    byId("enter").hidden = false;
    byId("token").focus();
  }

  function refused(reason) {
    dropToken();
    askForToken(reason);
  }

  async function begin() {
    const mine = ++turn;
    let status;
    try {
      status = await ask("status");
    } catch (failure) {
      if (mine !== turn) return;
      if (!failure.away) return askForToken(failure.message);
      lost();
      setTimeout(() => mine === turn && begin(), RETRY_MS);
      return;
    }
    if (mine === turn) known(status);
  }

  // The token is good, but perhaps for other pages: they are shown with the form.
  function known(status) {
    showFound();
    const { token: { role }, tenants } = status;
    if (!may(role) || !tenants.length) {
      askForToken(may(role) ? "没有可显示的租户。 There is no tenant to show." : refusal);
      drawPages(role, "");
      return;
    }
    byId("enter").hidden = true;
    const asked = new URLSearchParams(location.search).get("tenant");
    const choice = byId("tenant-choice");
    const first = tenants.some(({ tenant }) => tenant === asked) ? asked : tenants[0].tenant;
    choice.replaceChildren(
      ...tenants.map((one) => new Option(one.name, one.tenant, false, one.tenant === first)));
    choice.hidden = tenants.length < 2;
    choice.onchange = () => {
      const query = new URLSearchParams(location.search);
      query.set("tenant", choice.value);
      history.replaceState(null, "", `${location.pathname}?${query}`);
      show(choice.value);
    };
    const show = (chosen) => {
      const tenant = tenants.find((one) => one.tenant === chosen);
      if (byId("tenant-name")) write(byId("tenant-name"), tenant.name);
      drawPages(role, tenants.length > 1 ? chosen : "");
      open(tenant, status);
    };
    show(first);
  }

  whenRefused((failure) => refused(failure.message));
  byId("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    keepToken(byId("token").value.trim());
    byId("token").value = "";
    byId("enter").hidden = true;
    begin();
  });
  if (takeToken()) begin();
  else askForToken();
  return { refused };
}

// `since`: words on how old what is shown has become.
export function showLost(since = "") {
  if (byId("banner").hidden) {
    byId("banner").replaceChildren(`连接中断，正在自动重连${since} `, english("Connection lost, reconnecting"));
  }
  byId("banner").hidden = false;
  document.body.classList.add("lost");
}

export function showFound() {
  byId("banner").hidden = true;
  document.body.classList.remove("lost");
}
