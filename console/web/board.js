// The board as last told: a snapshot, then changes in order. No page here, only values.

export function fromSnapshot(message) {
  const { seats, ...head } = message.board;
  return { head, seats: new Map(seats.map((seat) => [seat.id, seat])), seq: message.seq };
}

// The new board, or null when a message is missing in between and a snapshot is needed.
export function withChanges(board, message) {
  if (message.seq !== board.seq + 1) return null;
  const seats = new Map(board.seats);
  for (const id of message.seats_gone) seats.delete(id);
  for (const seat of message.seats) seats.set(seat.id, seat);
  return { head: { ...board.head, ...message.set }, seats, seq: message.seq };
}
