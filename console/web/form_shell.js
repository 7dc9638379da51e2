// What all forms here have alike: a title, an end with two buttons, and a refusal told within.

import { element, english } from "./dom.js";
import { telling } from "./said.js";
import { Failure } from "./server.js";

// A key makes a deed happen once, however often it is sent; `crypto.randomUUID` needs https.
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function button(type, name, en, className = "") {
  const made = element("button", className, `${name} `);
  made.type = type;
  made.append(english(en));
  return made;
}

// `event` names it, `parts` stand between title and end, `data` gives what is sent, `send` is told
// it with a key: the same one while the same is sent again. `back` closes the form.
export function formShell({ event, title: [name, en], confirm, parts, data, send, back }) {
  const form = element("form", "event-form");
  form.autocomplete = "off";
  form.dataset.event = event;
  const title = element("h3", "", `${name} `);
  title.append(english(en));
  const refused = element("p", "refused");
  refused.setAttribute("role", "alert");
  refused.hidden = true;
  const submit = button("submit", confirm[0], confirm[1], "submit");
  const cancel = button("button", "取消", "Cancel");
  cancel.addEventListener("click", back);
  const ends = element("div", "ends");
  ends.append(cancel, submit);
  form.append(title, ...parts, refused, ends);
  form.addEventListener("keydown", (pressed) => pressed.key === "Escape" && back());
  let key = newKey();
  let sent = "";
  const deed = telling(async () => {
    const given = data();
    const text = JSON.stringify(given);
    if (sent && text !== sent) key = newKey();
    sent = text;
    submit.disabled = true;
    refused.hidden = true;
    try {
      await send(given, key);
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      refused.textContent = failure.message;
      refused.hidden = false;
      refused.scrollIntoView({ block: "nearest" });
    } finally {
      submit.disabled = false;
    }
  });
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    deed();
  });
  return form;
}
