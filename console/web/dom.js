// Making and changing elements. Text only ever goes in as text, so nothing in it can act.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function svg(tag, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

export function icon(name) {
  const made = svg("svg", { "aria-hidden": "true", viewBox: "0 0 24 24" });
  made.append(svg("use", { href: `#i-${name}` }));
  return made;
}

// Writing the same text again would cost layout and wake screen readers.
export function write(target, text) {
  const value = String(text);
  if (target.textContent !== value) target.textContent = value;
}

// What stands where there is nothing to show yet, and how that changes.
export function nothing(picture, words, en, command) {
  const made = element("li", "nothing");
  made.append(icon(picture), words, english(en));
  if (command) made.append(element("code", "", command));
  return made;
}

export function variable(target, name, value) {
  target.style.setProperty(`--${name}`, value);
}

export function english(text) {
  const made = element("span", "", text);
  made.lang = "en";
  return made;
}
