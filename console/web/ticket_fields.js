// One field of a form: what it looks like, and the value it gives (undefined: left out).

import { element, english } from "./dom.js";
import { telling } from "./said.js";
import { CHOICES, FIELDS, both } from "./ticket_words.js";
import { areaOptions, classOptions, fullName, unitName, unitOf } from "./units.js";

const LINE = 200; // texts up to so many signs have one line
const UNIT = new Set(["lead", "suggested"]);
const NO_UNIT = "没有此单位，请从列表中选择。 No such unit: choose from the list.";

function labelled(field, input) {
  const [name, en] = both(FIELDS, field.name);
  const made = element("label", "field");
  const words = element("span", "name", `${name} `);
  words.append(english(en));
  if (field.needed) words.append(element("b", "must", "必填"));
  made.append(words, input);
  return made;
}

function oneLine(type, name, value = "") {
  const input = element("input");
  Object.assign(input, { type, name, value });
  return input;
}

function chosen(name, options, value) {
  const input = element("select");
  input.name = name;
  input.append(...options);
  input.value = value ?? "";
  return input;
}

function unitInput(name, value) {
  const input = oneLine("text", name, value ? fullName(value) : "");
  input.setAttribute("list", "unit-names");
  input.placeholder = "输入名称选择 type to choose";
  input.addEventListener("input", () => {
    input.setCustomValidity(input.value && !unitOf(input.value) ? NO_UNIT : "");
  });
  return input;
}

function oneUnit(field) {
  const input = unitInput(field.name);
  input.required = field.needed;
  return {
    node: labelled(field, input), input,
    put: (id) => {
      input.value = fullName(id);
      input.setCustomValidity("");
    },
    value: () => unitOf(input.value) || undefined,
  };
}

// Something taken, until it is taken away: its name may be cut short, the way to be rid of it not.
function takenChip(name, away) {
  const one = element("button", "chip");
  one.type = "button";
  one.title = name;
  one.setAttribute("aria-label", `移除 ${name}`);
  one.append(element("span", "cut", name), " ✕");
  one.addEventListener("click", away);
  return one;
}

// Several units: each is typed or chosen, and stands below until it is taken away.
function severalUnits(field) {
  const input = unitInput(field.name);
  const list = element("span", "taken");
  const ids = [];
  const draw = () => {
    list.replaceChildren(...ids.map((id) => takenChip(unitName(id), () => {
      ids.splice(ids.indexOf(id), 1);
      draw();
    })));
    input.required = field.needed && !ids.length;
  };
  const put = (id) => {
    if (!ids.includes(id)) ids.push(id);
    input.value = "";
    input.setCustomValidity("");
    draw();
  };
  const take = () => unitOf(input.value) && put(unitOf(input.value));
  input.addEventListener("change", take);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !unitOf(input.value)) return;
    event.preventDefault();
    take();
  });
  draw();
  const node = element("div", "several");
  node.append(labelled(field, input), list);
  return { node, input, put, value: () => (ids.length ? [...ids] : undefined) };
}

// Pictures and PDFs: each is sent when it is chosen, and stands below until it is taken away.
function files(field, upload) {
  const input = oneLine("file", field.name);
  Object.assign(input, { multiple: true, accept: "image/jpeg,image/png,application/pdf" });
  const list = element("span", "taken");
  const taken = new Map();
  const draw = () => {
    list.replaceChildren(...[...taken].map(([id, name]) => takenChip(name, () => {
      taken.delete(id);
      draw();
    })));
  };
  input.addEventListener("change", telling(async () => {
    const chosen = [...input.files];
    input.setCustomValidity("正在上传，请稍候。 Being sent, wait a moment.");
    try {
      for (const file of chosen) {
        taken.set(await upload(file), file.name);
        draw();
      }
    } finally {
      input.setCustomValidity("");
      input.value = "";
    }
  }));
  const node = element("div", "several");
  node.append(labelled(field, input), list);
  return { node, input, value: () => (taken.size ? [...taken.keys()] : undefined) };
}

function flag(field) {
  const input = chosen(field.name, [new Option("未问 not asked", ""), new Option("是 yes", "true"), new Option("否 no", "false")]);
  return { node: labelled(field, input), input, value: () => (input.value ? input.value === "true" : undefined) };
}

function inputOf(field, value, names) {
  const none = value === undefined ? "不变 unchanged" : "未定 not known";
  if (field.name === "class_code") return chosen(field.name, classOptions(none), value);
  if (field.name === "place_code") return chosen(field.name, areaOptions(none), value);
  if (field.shape === "choice") {
    const options = field.choices.map((id) => new Option(names[id] ?? CHOICES[id] ?? id, id));
    return chosen(field.name, [new Option(field.needed ? "请选择 choose" : none, ""), ...options], value);
  }
  if (field.shape === "whole") return oneLine("number", field.name);
  if (field.shape === "day") return oneLine("date", field.name);
  if (field.most <= LINE) return oneLine("text", field.name, value);
  const input = element("textarea");
  Object.assign(input, { name: field.name, rows: field.needed ? 5 : 3, value: value ?? "" });
  return input;
}

// `value`: what it holds at first (undefined: an event that changes it only if told to); `names`:
// better names of its choices; `upload` sends a file and tells its id.
export function fieldOf(field, value, names = {}, upload = null) {
  if (UNIT.has(field.name)) return oneUnit(field);
  if (field.shape === "flag") return flag(field);
  if (field.shape === "ids") return field.name === "evidence" ? files(field, upload) : severalUnits(field);
  const input = inputOf(field, value, names);
  input.required = field.needed;
  if (field.shape === "text" && "maxLength" in input) input.maxLength = field.most;
  if (field.shape === "whole") Object.assign(input, { min: 1, max: field.most, step: 1 });
  return {
    node: labelled(field, input), input,
    put: (text) => { input.value = text; },
    value: () => {
      const given = input.value.trim();
      if (!given) return undefined;
      return field.shape === "whole" ? Number(given) : given;
    },
  };
}
