// Times of tickets as people say them, in the city's own zone and by the server's clock.

import { english } from "./dom.js";
import { ServerClock } from "./time.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SOON = 8 * HOUR; // a desk that has so much left should look at it today
const SHORT = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const LONG = { ...SHORT, year: "numeric", weekday: "short" };

const clock = new ServerClock();
let zone = "Asia/Shanghai";

export function setTime(timeZone, at) {
  zone = timeZone;
  clock.heard(at, true);
}

export const now = () => clock.now();
const format = (parts, at) => new Intl.DateTimeFormat("zh-CN", { ...parts, timeZone: zone }).format(new Date(at));
export const short = (at) => format(SHORT, at);
export const long = (at) => format(LONG, at);

export function span(ms) {
  const whole = Math.abs(ms);
  if (whole >= DAY) {
    const hours = Math.floor((whole % DAY) / HOUR);
    return `${Math.floor(whole / DAY)}天${hours ? `${hours}小时` : ""}`;
  }
  if (whole >= HOUR) {
    const minutes = Math.floor((whole % HOUR) / MINUTE);
    return `${Math.floor(whole / HOUR)}小时${minutes ? `${minutes}分` : ""}`;
  }
  return `${Math.max(1, Math.floor(whole / MINUTE))}分钟`;
}

// Counted time, in hours of work.
export const hours = (seconds) => `${Math.round(seconds / 360) / 10}`.replace(/\.0$/, "");

// How it stands with a limit: what it says, in a tone and with a sign of its own.
export function standing(due) {
  const left = Date.parse(due) - now();
  if (left < 0) return { tone: "alarm", sign: "■", zh: `已超期 ${span(left)}`, en: "overdue" };
  if (left < SOON) return { tone: "warn", sign: "▲", zh: `剩 ${span(left)}`, en: "left" };
  return { tone: "calm", sign: "●", zh: `剩 ${span(left)}`, en: "left" };
}

export function told(standing) {
  return [`${standing.sign} ${standing.zh} `, english(standing.en)];
}
