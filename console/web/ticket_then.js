// A ticket as it was after one of its events, step by step, and the way back to now. It is read only.

import { element, english } from "./dom.js";
import { long } from "./ticket_time.js";
import { drawHead, drawMatter, drawReplies } from "./ticket_view.js";
import { drawWay } from "./ticket_way.js";
import { EVENTS, both } from "./ticket_words.js";

// `then` is what held after the event; who called and when stays as it is. `go` shows another step.
export function drawThen({ ticket, events }, event, then, path, go) {
  const past = { ...ticket, ...then, state: event.state, title: then.content.title, kind: then.life.kind };
  const told = element("p", "then-told", `历史状态：${long(event.at)}，并非现在 `);
  told.append(english("As it was, not as it is"));
  const body = element("div", "scroll then");
  body.tabIndex = 0;
  body.setAttribute("aria-label", "当时的工单 The ticket as it was");
  body.setAttribute("role", "region");
  const way = events.slice(0, events.indexOf(event) + 1);
  body.append(told, drawMatter(past), drawReplies(past, path), drawWay(way, past, null, go));
  return [drawHead(past), body];
}

function button(name, words, en, act) {
  const made = element("button", name, `${words} `);
  made.type = "button";
  made.append(english(en));
  if (act) made.addEventListener("click", act);
  else made.disabled = true;
  return made;
}

// Beside it stands no action, but the steps.
export function drawSteps(events, event, go, now) {
  const made = element("div", "then-steps");
  const place = events.indexOf(event);
  const [name, en] = both(EVENTS, event.event);
  const title = element("h2", "", "历史状态 ");
  title.append(english("As it was"));
  const which = element("p", "", `第 ${place + 1} 步，共 ${events.length} 步：${name} `);
  which.setAttribute("role", "status");
  which.append(english(en));
  const to = (index) => events[index] && (() => go(events[index]));
  const steps = element("p", "then-turns");
  steps.append(button("earlier", "← 上一步", "before", to(place - 1)), button("later", "下一步 →", "after", to(place + 1)));
  made.append(title, which, steps, button("to-now", "回到现在", "back to now", now));
  return made;
}
