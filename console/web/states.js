// What seats do and why they pause, in both languages.

export const STATES = [
  ["talking", "通话", "talking"],
  ["reserved", "振铃", "ringing"],
  ["ready", "空闲", "ready"],
  ["wrap_up", "整理", "wrap-up"],
  ["cool_down", "冷却", "missed"],
  ["paused", "示忙", "paused"],
  ["offline", "离线", "offline"],
];
export const REASONS = { break: "小休", meal: "用餐", training: "培训", meeting: "会议", missed: "未接", other: "其他", signed_off: "签退" };
