// The pages there are, and who may use which: the same roles as the API's.

import { byId, element, english } from "./dom.js";
import { part } from "./server.js";
import { dropToken } from "./token.js";

const CENTRE = ["administrator", "supervisor", "seat", "reviewer", "leader", "auditor"];

const PAGES = [
  {
    path: "/tickets", zh: "工单", en: "Tickets", roles: [...CENTRE, "department"],
    about: "查询、派单、签收、答复、审核，看期限与全过程", aboutEn: "Find, dispatch, sign, reply, review; limits and the whole way",
  },
  {
    path: "/seat", zh: "我的座席", en: "My seat", roles: ["seat"],
    about: "就绪、示忙、话后整理；咨询、转接、三方通话", aboutEn: "Ready, pause, wrap-up; consult, transfer, three-way",
  },
  {
    path: "/queues", zh: "排队与座席", en: "Queues", roles: ["administrator", "supervisor"],
    about: "谁在等待、谁可接听；置顶来电、调整座席状态", aboutEn: "Who waits and who could answer; move up, set states",
  },
  {
    path: "/spoken", zh: "语音受理复核", en: "Spoken requests", roles: ["administrator", "supervisor", "seat"],
    about: "听取非人工时段的语音诉求，更正并提交", aboutEn: "The morning list: listen, correct, submit",
  },
  {
    path: "/report", zh: "运行月报", en: "Report", roles: ["administrator", "supervisor", "reviewer", "leader", "auditor"],
    about: "话务与工单指标、单位排名，可打印", aboutEn: "Figures of calls and tickets, ranking of units, for print",
  },
  {
    path: "/wallboard", zh: "运行看板", en: "Wallboard", roles: [...CENTRE, "wallboard"],
    about: "大屏：等待、接通率、座席、各线路", aboutEn: "The wall: waiting, service level, seats, lines",
  },
];
export const ROLES = {
  administrator: "管理员", supervisor: "督办员", seat: "座席", reviewer: "审核员", department: "承办单位",
  leader: "领导", auditor: "审计员", wallboard: "看板", citizen: "市民", system: "系统",
};

export const pagesFor = (role) => PAGES.filter(({ roles }) => roles.includes(role));
export const mayUse = (path, role) => pagesFor(role).some((page) => page.path === path);

// Links to the other pages this role may use, and the way out. A page without room for them has a
// link to the start alone.
export function drawPages(role, tenant) {
  const pages = pagesFor(role);
  const home = byId("home");
  if (home) home.hidden = pages.length < 2;
  const nav = byId("pages");
  if (!nav) return;
  const links = pages.map(({ path, zh, en }) => {
    const link = element("a", "", zh);
    link.append(" ", english(en));
    link.href = tenant ? `${path}?tenant=${part(tenant)}` : path;
    if (path === location.pathname) link.setAttribute("aria-current", "page");
    return link;
  });
  const out = element("button", "", "退出");
  out.append(" ", english("Sign out"));
  out.type = "button";
  out.title = ROLES[role] ?? role;
  out.addEventListener("click", () => {
    dropToken();
    location.assign("/");
  });
  nav.replaceChildren(...links, out);
  nav.hidden = false;
}
