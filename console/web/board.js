// The board as last told: a snapshot, then changes in order. No page here, only values.

const byId = (list) => new Map(list.map((one) => [one.id, one]));

export function fromSnapshot(message) {
  const { seats, groups, ...head } = message.board;
  return { head, seats: byId(seats), groups: byId(groups), seq: message.seq };
}

// The new board, or null when a message is missing in between and a snapshot is needed.
export function withChanges(board, message) {
  if (message.seq !== board.seq + 1) return null;
  return {
    head: { ...board.head, ...message.set },
    seats: changed(board.seats, message.seats, message.seats_gone),
    groups: changed(board.groups, message.groups, message.groups_gone),
    seq: message.seq,
  };
}

function changed(before, news, gone) {
  if (!news.length && !gone.length) return before;
  const after = new Map(before);
  for (const id of gone) after.delete(id);
  for (const one of news) after.set(one.id, one);
  return after;
}
