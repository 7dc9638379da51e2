// A unit's inbox: what it was told of its tickets, and a button to say that it was seen.

import { byId, element, english } from "./dom.js";
import { telling } from "./said.js";
import { ask, part } from "./server.js";
import { short } from "./ticket_time.js";
import { EVENTS, zh } from "./ticket_words.js";

const PAGE = 50;
const MESSAGES = {
  "ticket-dispatched": "新派工单", "ticket-ruled": "联席会议已裁定", "return-refused": "退单被驳回",
  "extension-granted": "延期已同意", "extension-refused": "延期被驳回", "reply-sent-back": "答复被退回",
  "citizen-not-content": "市民不满意，请再次办理", "long-term-ended": "挂账结束，期限继续计时", reminded: "提醒：临近期限",
};
const EVERY_MS = 60_000;

let begun = 0;

const words = (message) => MESSAGES[message] ?? zh(EVENTS, message);

// Reads it now and then until `endInbox`.
export function beginInbox(ours, unit, show) {
  const mine = ++begun;
  const button = byId("inbox");
  button.hidden = false;
  const read = telling(async () => {
    const { notices } = await ask(`${ours(`units/${part(unit)}/notices`)}?open=true&limit=${PAGE}`);
    if (mine !== begun) return;
    byId("inbox-count").textContent = notices.length < PAGE ? notices.length : `${PAGE}+`;
    button.classList.toggle("some", notices.length > 0);
    draw(notices, ours, unit, show, read);
  });
  button.onclick = () => open(byId("notices").hidden);
  const again = async () => {
    await read();
    if (mine === begun) setTimeout(() => mine === begun && again(), EVERY_MS);
  };
  again();
}

export function endInbox() {
  begun += 1;
  byId("inbox").hidden = true;
  open(false);
}

function open(shown) {
  byId("notices").hidden = !shown;
  byId("inbox").setAttribute("aria-expanded", String(shown));
}

function draw(notices, ours, unit, show, read) {
  const list = byId("notices");
  const rows = notices.map((notice) => {
    const item = element("li");
    const link = element("button", "link", notice.ticket);
    link.type = "button";
    link.addEventListener("click", () => {
      open(false);
      show(notice.ticket);
    });
    const seen = element("button", "", "知悉 ");
    seen.type = "button";
    seen.append(english("seen"));
    seen.addEventListener("click", telling(async () => {
      seen.disabled = true;
      try {
        await ask(ours(`units/${part(unit)}/notices/${notice.id}/acknowledge`), { body: {} });
      } finally {
        seen.disabled = false;
      }
      await read();
    }));
    item.append(element("b", "", words(notice.message)), link, element("time", "", short(notice.at)), seen);
    return item;
  });
  if (!rows.length) {
    const none = element("li", "soft", "没有未读通知 ");
    none.append(english("nothing new"));
    rows.push(none);
  }
  list.replaceChildren(...rows);
}
