// What somebody may do with a ticket: a button for each event the table allows him, and its form.

import { element, english } from "./dom.js";
import { formShell } from "./form_shell.js";
import { telling } from "./said.js";
import { ask } from "./server.js";
import { fieldOf } from "./ticket_fields.js";
import { EVENTS, both } from "./ticket_words.js";
import { unitName } from "./units.js";

// Optional fields that are worth a place at once; all others are behind "more".
const AT_ONCE = new Set(["reason", "co_units", "public_reply", "basis", "result", "solved", "satisfied", "evidence"]);
const WORDED = new Set(["submitted", "answered"]);
const MATTER = new Set(["title", "text", "kind", "class_code", "place", "place_code"]);
// What goes on with it stands first, in these colours; words to it stand below.
const FORWARD = new Set([
  "dispatched", "signed", "replied", "reply_passed", "return_granted", "extension_granted", "ruled", "submitted",
  "satisfied", "reviewed", "info_given", "closed", "contacted",
]);
const LEAD = "主办";
const ADVISERS = new Set(["reviewer", "supervisor", "leader", "administrator"]);
const COMPARERS = new Set(["seat", "reviewer", "supervisor"]);

function eventButton(possible, choose) {
  const [name, en] = both(EVENTS, possible.event);
  const button = element("button", FORWARD.has(possible.event) ? "act forward" : "act", `${name} `);
  button.type = "button";
  button.dataset.event = possible.event;
  button.append(english(en));
  button.disabled = Boolean(possible.refused);
  button.addEventListener("click", () => choose(possible));
  return button;
}

// What his role may, but the ticket doesn't take now: with the reason, so that nobody wonders.
function refusedLine(possible) {
  const line = element("p", "not-now");
  const [name] = both(EVENTS, possible.event);
  line.append(element("b", "", `${name}:`), NOT_NOW[possible.refused] ?? "现在不能 ", " ", english(possible.reason));
  return line;
}
const NOT_NOW = {
  "citizen-not-contacted": "请先登记联系市民", "children-open": "尚有子单未办结", "return-too-late": "已过退单时限",
  "not-returnable": "已裁定，不能再退", "not-extendable": "不能延期", "extension-too-late": "已过期限，不能延期",
  "handler-may-not-supervise": "办督分离：承办者不得督办", "supervisor-may-not-handle": "办督分离：督办者不得承办",
  "not-long-term": "未挂账", "has-linked": "已有并入的工单", "part-of-parent": "请在主单上操作",
  "not-your-unit": "不属于贵单位", "role-not-allowed": "角色无权",
};

export function drawActions(possible, choose) {
  const made = element("div", "actions");
  const can = possible.filter(({ refused }) => !refused);
  const sorted = [...can].sort((a, b) => FORWARD.has(b.event) - FORWARD.has(a.event));
  const list = element("div", "buttons");
  list.append(...sorted.map((one) => eventButton(one, choose)));
  if (!can.length) {
    const none = element("p", "soft", "当前角色在此状态下没有可办事项 ");
    none.append(english("Nothing to be done here by your role"));
    made.append(none);
  }
  made.append(list, ...possible.filter(({ refused }) => refused).map(refusedLine));
  return made;
}

function suggestions(told, fields) {
  const made = element("div", "advice");
  const title = element("p", "soft", "派单建议 ");
  title.append(english("Suggested"));
  made.append(title);
  if (told.why) made.append(element("p", "soft", told.why));
  const offer = (one, role, put) => {
    const button = element("button", "offer");
    button.type = "button";
    button.append(element("b", "", one.name), ` ${role}`, element("span", "reasons", one.reasons.join(";")));
    button.addEventListener("click", () => {
      if (role === LEAD) for (const other of made.querySelectorAll("[aria-pressed]")) other.removeAttribute("aria-pressed");
      put(one.unit);
      if (role === LEAD) button.setAttribute("aria-pressed", "true");
    });
    made.append(button);
  };
  told.leads.forEach((one) => offer(one, LEAD, fields.lead.put));
  if (fields.co_units) told.co_units.forEach((one) => offer(one, "协办", fields.co_units.put));
  if (!told.leads.length) made.append(element("p", "soft", "没有合适的单位，请自行选择。 Nobody fits: choose."));
  return made;
}

function likelyMains(alike, fields) {
  const made = element("div", "advice");
  for (const one of alike) {
    const button = element("button", "offer");
    button.type = "button";
    button.append(element("b", "", one.number), ` ${Math.round(one.score)}分`,
      element("span", "reasons", `${one.title} · ${unitName(one.lead) || "未派单"}`));
    button.addEventListener("click", () => fields.main.put(one.number));
    made.append(button);
  }
  if (!alike.length) made.append(element("p", "soft", "没有疑似重复的工单 No likely duplicates"));
  return made;
}

// Help that is fetched beside a form; without it the form works as well.
async function help(place, fields, { ours, number, role }) {
  if (fields.lead && ADVISERS.has(role)) {
    const { suggestion } = await ask(ours(`tickets/${number}/dispatch-suggestion`));
    place.append(suggestions(suggestion, fields));
  }
  if (fields.main && COMPARERS.has(role)) {
    const { duplicates } = await ask(ours(`tickets/${number}/duplicates`));
    place.append(likelyMains(duplicates, fields));
  }
}

// The form of an event. `send` is told its data and a key, and raises Failure; `back` closes it.
export async function drawForm(possible, ticket, { ours, role, send, back }) {
  const title = both(EVENTS, possible.event);
  const names = possible.event === "refused" ? await refusalNames(ours) : {};
  const content = { ...ticket.content, kind: ticket.kind };
  const worded = WORDED.has(possible.event);
  const upload = async (file) =>
    (await ask(ours(`tickets/${ticket.number}/evidence`), { file })).evidence.id;
  const fields = {};
  const main = element("div", "fields");
  const more = element("details", "more-fields");
  more.append(element("summary", "", "更多 more"));
  for (const field of possible.fields) {
    fields[field.name] = fieldOf(field, worded ? content[field.name] ?? "" : undefined, names, upload);
    const shown = field.needed || AT_ONCE.has(field.name) || (worded && MATTER.has(field.name));
    (shown ? main : more).append(fields[field.name].node);
  }
  const data = () => {
    const given = Object.entries(fields).map(([name, { value }]) => [name, value()]);
    return Object.fromEntries(given.filter(([, value]) => value !== undefined));
  };
  const beside = element("div", "help");
  const form = formShell({
    event: possible.event, title, confirm: [`确认${title[0]}`, "Confirm"], data, send, back,
    parts: [beside, main, ...(more.children.length > 1 ? [more] : [])],
  });
  telling(help)(beside, fields, { ours, number: ticket.number, role });
  return form;
}

let refusals = null;
async function refusalNames(ours) {
  refusals ??= Object.fromEntries((await ask(ours("refusals"))).reasons.map((one) => [one.code, one.name]));
  return refusals;
}
