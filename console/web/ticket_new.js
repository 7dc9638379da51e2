// A request that came in otherwise than by a call: over the web, by letter, at a counter.

import { element, english } from "./dom.js";
import { formShell } from "./form_shell.js";
import { telling } from "./said.js";
import { ask } from "./server.js";
import { fieldOf } from "./ticket_fields.js";
import { ALIKE, CHOICES, KINDS, STATES, zh } from "./ticket_words.js";

const REMINDED = 2_000; // so many signs are looked through for what they remind of

const FIELDS = [
  { name: "title", shape: "text", needed: true, most: 200 },
  { name: "text", shape: "text", needed: true, most: 10_000 },
  { name: "kind", shape: "choice", choices: Object.keys(KINDS) },
  { name: "urgency", shape: "choice", choices: ["normal", "urgent", "critical"] },
  { name: "class_code", shape: "text", most: 20 },
  { name: "place", shape: "text", most: 200 },
  { name: "place_code", shape: "text", most: 12 },
  { name: "channel", shape: "text", most: 40 },
  { name: "requester", shape: "text", most: 60 },
];

function phoneField() {
  const input = Object.assign(element("input"), { type: "tel", name: "phone", maxLength: 21, pattern: "\\+?[0-9]{3,20}" });
  const node = element("label", "field");
  const name = element("span", "name", "联系电话 ");
  name.append(english("telephone"));
  node.append(name, input);
  return { node, value: () => input.value.trim(), good: () => input.checkValidity() };
}

// What to think of before it is taken: an emergency, the same matter once more, reasons not to accept.
function hintsOf({ scope, duplicates }) {
  const hint = (tone, ...words) => {
    const item = element("li");
    item.dataset.tone = tone;
    item.append(...words);
    return item;
  };
  const danger = ({ line, hits }) =>
    hint("alarm", `■ 疑似险情(${hits.map(({ words }) => words).join("、")})：应立即转接 ${CHOICES[line] ?? line} `, english("an emergency: transfer it"));
  const alike = (one) => {
    const why = one.reasons.map((reason) => ALIKE[reason] ?? reason).join("、");
    return hint("warn", "▲ 疑似重复 ", element("b", "", one.number), ` ${Math.round(one.score)}分 · ${zh(STATES, one.state)} · ${one.title}(${why})`);
  };
  return [
    ...(scope.emergency ? [danger(scope.emergency)] : []), ...duplicates.map(alike),
    ...scope.hints.map(({ name, advice }) => hint("calm", `● 可能不予受理：${name}。${advice}`)),
  ];
}

// `made` is told what the server answered: the ticket, and open ones that are likely the same.
export function drawNew({ ours, made, back }) {
  const fields = Object.fromEntries(FIELDS.map((field) => [field.name, fieldOf(field, "")]));
  const phone = phoneField();
  const secret = element("label", "check");
  const box = Object.assign(element("input"), { type: "checkbox", name: "confidential" });
  secret.append(box, "保密 ", english("confidential"));
  const hints = element("ul", "hints");
  hints.setAttribute("aria-live", "polite");
  const list = element("div", "fields");
  list.append(...Object.values(fields).map(({ node }) => node), phone.node, secret);
  fields.text.node.after(hints);
  let asked = 0;
  list.addEventListener("change", telling(async () => {
    const mine = (asked += 1);
    const text = (fields.text.value() ?? "").slice(0, REMINDED);
    if (!text) return hints.replaceChildren();
    const about = ["place", "place_code", "class_code"].map((name) => [name, fields[name].value()]);
    const known = Object.fromEntries(about.filter(([, value]) => value));
    const body = { text, ...known, ...(phone.good() && phone.value() && { phone: phone.value() }) };
    const told = await Promise.all([ask(ours("scope"), { body: { text } }), ask(ours("duplicates"), { body })]);
    if (mine === asked) hints.replaceChildren(...hintsOf(Object.assign({}, ...told)));
  }));
  const data = () => {
    const given = Object.entries(fields).map(([name, { value }]) => [name, value()]);
    const { requester, ...words } = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    const citizen = { ...(requester && { name: requester }), ...(phone.value() && { phone: phone.value() }) };
    return { ...words, confidential: box.checked, requester: citizen };
  };
  return formShell({
    event: "taken", title: ["新建工单", "New ticket, not by a call"], confirm: ["提交审核", "Submit"],
    parts: [list], data, back,
    send: async (body, key) => made(await ask(ours("tickets"), { body, headers: { "Idempotency-Key": key } })),
  });
}
