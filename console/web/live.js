// One WebSocket that comes back by itself. The token travels in the first message only.

const SILENCE_MS = 12_000; // the server says something every 5 s
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8_000;
const REFUSED = new Set([4400, 4401, 4403]);

// What a proxy in between has made unreadable is as good as nothing said.
function message(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export class Live {
  constructor(tenant, token, { message, lost, refused }) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.url = `${scheme}//${location.host}/api/v1/tenants/${encodeURIComponent(tenant)}/live`;
    this.token = token;
    this.on = { message, lost, refused };
    this.tries = 0;
    this.ended = false;
    this.connect();
  }

  connect() {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.watch();
    socket.onopen = () => socket.send(JSON.stringify({ token: this.token }));
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.tries = 0;
      this.watch();
      const told = message(event.data);
      if (told) this.on.message(told);
      else this.again();
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.closed(event.code);
    };
  }

  watch() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.again(), SILENCE_MS);
  }

  // Give this connection up and take a new one, with a new snapshot.
  again() {
    const old = this.socket;
    this.closed(0);
    old.close();
  }

  closed(code) {
    clearTimeout(this.silence);
    this.socket = null;
    if (this.ended) return;
    if (REFUSED.has(code)) {
      this.ended = true;
      this.on.refused(code);
      return;
    }
    this.on.lost();
    const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.tries);
    this.tries += 1;
    // Not all screens of a wall at the same instant.
    this.retry = setTimeout(() => this.connect(), longest * (0.6 + 0.4 * Math.random()));
  }

  end() {
    this.ended = true;
    clearTimeout(this.silence);
    clearTimeout(this.retry);
    this.socket?.close();
  }
}
