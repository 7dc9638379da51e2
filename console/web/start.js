// The start: leads to the pages that a token's role may use, at once where there is only one.

import { byId, element, english, write } from "./dom.js";
import { enter } from "./entry.js";
import { ROLES, pagesFor } from "./pages.js";
import { part } from "./server.js";

function card({ path, zh, en, about, aboutEn }, tenant) {
  const item = element("li");
  const link = element("a");
  link.href = tenant ? `${path}?tenant=${part(tenant)}` : path;
  const name = element("b", "", `${zh} `);
  name.append(english(en));
  const words = element("p", "", about);
  const more = element("p");
  more.append(english(aboutEn));
  link.append(name, words, more);
  item.append(link);
  return item;
}

enter({
  may: (role) => pagesFor(role).length > 0,
  refusal: "此令牌没有可用的页面。 There is no page for this token.",
  leave: () => { byId("board").hidden = true; },
  open: ({ tenant }, { token: { role }, tenants }) => {
    const pages = pagesFor(role);
    const chosen = tenants.length > 1 ? tenant : "";
    if (pages.length === 1) {
      location.replace(chosen ? `${pages[0].path}?tenant=${part(chosen)}` : pages[0].path);
      return;
    }
    write(byId("who"), `· ${ROLES[role] ?? role}`);
    byId("cards").replaceChildren(...pages.map((page) => card(page, chosen)));
    byId("board").hidden = false;
  },
});
