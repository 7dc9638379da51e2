// A request that came in otherwise than by a call: over the web, by letter, at a counter.

import { element, english } from "./dom.js";
import { formShell } from "./form_shell.js";
import { ask } from "./server.js";
import { fieldOf } from "./ticket_fields.js";
import { KINDS } from "./ticket_words.js";

const FIELDS = [
  { name: "title", shape: "text", needed: true, most: 200 },
  { name: "text", shape: "text", needed: true, most: 10_000 },
  { name: "kind", shape: "choice", choices: Object.keys(KINDS) },
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
  return { node, value: () => input.value.trim() };
}

// `made` is told what the server answered: the ticket, and open ones that are likely the same.
export function drawNew({ ours, made, back }) {
  const fields = Object.fromEntries(FIELDS.map((field) => [field.name, fieldOf(field, "")]));
  const phone = phoneField();
  const secret = element("label", "check");
  const box = Object.assign(element("input"), { type: "checkbox", name: "confidential" });
  secret.append(box, "保密 ", english("confidential"));
  const list = element("div", "fields");
  list.append(...Object.values(fields).map(({ node }) => node), phone.node, secret);
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
