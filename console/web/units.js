// The city's units, classes and areas: their names, asked once, and fields to choose from them.

import { byId, element } from "./dom.js";
import { ask } from "./server.js";

let units = new Map();
let byName = new Map();
let classes = new Map();
let areas = new Map();

export async function readChoices(ours) {
  const [told, choices] = await Promise.all([ask(ours("units")), ask(ours("choices"))]);
  units = new Map(told.units.map((unit) => [unit.id, unit]));
  const names = told.units.map(({ name }) => name);
  // Two units of one name are told apart by their id.
  const named = (unit) => (names.indexOf(unit.name) === names.lastIndexOf(unit.name) ? unit.name : `${unit.name} ${unit.id}`);
  byName = new Map(told.units.map((unit) => [named(unit), unit.id]));
  classes = new Map(choices.classes.map(({ code, path }) => [code, path]));
  areas = new Map(choices.areas.map(({ code, name }) => [code, name]));
  byId("unit-names").replaceChildren(...[...byName.keys()].map((name) => new Option(name)));
}

export const unitName = (id) => units.get(id)?.name ?? id;
export const unit = (id) => units.get(id);
export const areaName = (code) => areas.get(code) ?? areas.get(code.slice(0, 6)) ?? code;
export const className = (code) => {
  const [, leaf] = [...classes].find(([known]) => known === code) ?? [];
  if (leaf) return leaf.join(" / ");
  const [, path] = [...classes].find(([known]) => known.startsWith(code)) ?? [];
  return path ? path.slice(0, code.length / 2).join(" / ") : code;
};
export const fullName = (id) => [...byName].find(([, known]) => known === id)?.[0] ?? id;

// The id of a unit by what was typed: its name, or the id itself; "" for neither.
export const unitOf = (typed) => byName.get(typed.trim()) ?? (units.has(typed.trim()) ? typed.trim() : "");

export function unitOptions(first) {
  return [new Option(first, ""), ...[...byName].map(([name, id]) => new Option(name, id))];
}

// All leaves below their domain and group; `levels`: the levels above can be chosen too.
export function classOptions(first, levels = false) {
  const options = [new Option(first, "")];
  const groups = new Map();
  for (const [code, [domain, group, leaf]] of classes) {
    const title = `${domain} / ${group}`;
    if (!groups.has(title)) {
      const made = element("optgroup");
      made.label = title;
      if (levels) made.append(new Option(`${group}(全部)`, code.slice(0, 4)));
      groups.set(title, made);
      options.push(made);
    }
    groups.get(title).append(new Option(leaf, code));
  }
  return options;
}

export function areaOptions(first) {
  return [new Option(first, ""), ...[...areas].map(([code, name]) => new Option(name, code))];
}
