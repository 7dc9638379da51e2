// Durations and clocks. The server's clock leads: a wall's own may be wrong.

export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = String(seconds % 60).padStart(2, "0");
  if (hours === 0) return `${minutes}:${rest}`;
  return `${hours}:${String(minutes).padStart(2, "0")}:${rest}`;
}

export class ServerClock {
  constructor() {
    this.offset = null;
  }

  // A message is never early: of all offsets seen, the greatest had the least delay.
  heard(at, fresh) {
    const offset = Date.parse(at) - Date.now();
    if (fresh || this.offset === null || offset > this.offset) this.offset = offset;
  }

  now() {
    return Date.now() + (this.offset ?? 0);
  }
}

const PARTS = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

export function wallClock(ms, timeZone) {
  return new Intl.DateTimeFormat("zh-CN", { ...PARTS, second: "2-digit", timeZone }).format(ms);
}

export function wallDate(ms, timeZone) {
  const words = { year: "numeric", month: "long", day: "numeric", weekday: "long", timeZone };
  return new Intl.DateTimeFormat("zh-CN", words).format(ms);
}

export function minuteOfDay(ms, timeZone) {
  const [hour, minute] = new Intl.DateTimeFormat("en-GB", { ...PARTS, timeZone })
    .format(ms)
    .split(":");
  return Number(hour) * 60 + Number(minute);
}
