// Asking the server. Whatever goes wrong becomes a Failure with a sentence for people.

import { keptToken } from "./token.js";

const AWAY = "连接不上服务器，请稍后再试。 The server can't be reached, try again.";
const UNREADABLE = "服务器的回答无法读取。 The server's answer can't be read.";

// `status` is HTTP's (0: no answer came), `id` the API's own name of the error.
export class Failure extends Error {
  constructor(message, status = 0, id = "") {
    super(message);
    this.status = status;
    this.id = id;
  }

  // Nobody's mistake: the server or the way to it is away, and may be back soon.
  get away() {
    return this.status === 0 || this.status >= 500;
  }
}

let refused = () => {};

// What happens when the server doesn't take the token any more, whoever asked.
export function whenRefused(deed) {
  refused = deed;
}

export const part = encodeURIComponent;

// The answer, good. With a `body` it is posted as JSON, a `file` as its bytes. Raises Failure, and
// nothing else.
export async function answer(path, { body, file, headers, method } = {}) {
  const got = await sent(path.startsWith("/") ? path : `/api/v1/${path}`, {
    method: method ?? (body === undefined && !file ? "GET" : "POST"),
    headers: {
      Authorization: `Bearer ${keptToken()}`,
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...(file && { "Content-Type": "application/octet-stream" }),
      ...headers,
    },
    body: file ?? (body === undefined ? undefined : JSON.stringify(body)),
  });
  if (got.ok) return got;
  const failure = await failed(got);
  if (failure.status === 401) refused(failure);
  throw failure;
}

// The JSON of an answer. A connection may break in the middle of it.
export async function ask(path, options) {
  return read(await answer(path, options), "json");
}

// `what`: json, text or blob.
export async function read(got, what) {
  try {
    return await got[what]();
  } catch {
    throw new Failure(what === "json" ? UNREADABLE : AWAY);
  }
}

async function sent(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Failure(AWAY);
  }
}

// A proxy in between may answer with a page of its own instead of our JSON.
async function failed(got) {
  try {
    const { error } = await got.json();
    return new Failure(`${error.message_zh} ${error.message}`, got.status, error.id);
  } catch {
    return new Failure(`${UNREADABLE} (HTTP ${got.status})`, got.status);
  }
}
