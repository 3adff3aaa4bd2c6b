// What somebody can do after the server's goodbye, by its code (PROTOCOL.md).

const ADVICE = {
  kicked: "You may come back, unless you are told otherwise.",
  banned: "When the time is over, you may join again.",
  door_locked: "Nobody new is let in at the moment; try again later.",
  replaced: "You go on there; to go on here, join again.",
  closing: "Join again when the room is open.",
  idle: "Join again whenever you like.",
  timeout: "Join again when the network is better.",
  slow: "Join again when the network is better.",
  flood: "You may join again; a long text is best pasted as one message.",
  fault: "It was not your doing: join again.",
};

export function advice(code) {
  return ADVICE[code] || "";
}
