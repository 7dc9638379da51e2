// What the page says to whoever works with it: how a deed went, and why not.

import { byId } from "./dom.js";
import { Failure } from "./server.js";

const SAID_MS = 6_000;
const FAILED_MS = 20_000; // a reason in two languages takes its time to read
let saying = 0;

// `stays`: until something else is said.
export function say(text, failed = false, stays = false) {
  const said = byId("said");
  said.replaceChildren(text);
  said.hidden = !text;
  said.classList.toggle("failed", failed);
  clearTimeout(saying);
  if (!stays) saying = setTimeout(() => say(""), failed ? FAILED_MS : SAID_MS);
}

export const tell = (failure) => say(failure.message, true);

// A deed whose failure is told and never lost: nothing awaits what a listener returns. What isn't a
// Failure is a mistake of the page's own: said too, and left to the browser's console.
export function telling(deed) {
  return async (...given) => {
    try {
      return await deed(...given);
    } catch (error) {
      if (!(error instanceof Failure)) {
        say("页面出错，请刷新。 Something is wrong with this page: reload it.", true);
        throw error;
      }
      tell(error);
      return undefined;
    }
  };
}
