// How one message looks. It knows the message, the one before it and one's own name; not the log around them.

import { clean, isOnlyEmoji, make, mentions, rich } from "./words.js";

const LONG = { lines: 24, characters: 2_500 }; // of a text that is more than these, only the beginning is shown at first
const TOGETHER = 5 * 60_000; // ms within which messages of one person stand under one name
const COLOURS = 12;

// What decides the look of a row beside the message itself; a row is made anew when this changes.
export function setting(message, before, isMark, me) {
  const day = !before || new Date(before.at).toDateString() !== new Date(message.at).toDateString();
  const follows =
    !day && !isMark && isTalk(message) && isTalk(before) && before.from === message.from &&
    before.kind === message.kind && Boolean(before.history) === Boolean(message.history) &&
    String(before.to) === String(message.to) && message.at - before.at < TOGETHER;
  return [day, isMark, follows, message.state, message.remark, message.at, message.text.length, me, message.kind, message.unfolded].join(" ");
}

// Returns the row. `actions` has write(name), again(message), edit(message) and unfold(message).
export function row(message, settings, me, actions) {
  const [day, isMark, follows] = settings.split(" ").map((word) => word === "true");
  const item = make("li", `row ${message.kind}`);
  if (day) item.append(make("p", "day", new Date(message.at).toLocaleDateString([], DAY)));
  if (isMark) item.append(make("p", "new", make("span", "", "New since you looked")));
  item.append(make("div", "body", ...(isTalk(message) ? talk(message, follows, me, actions) : plain(message))));
  const { own, divider, history, state } = message;
  const flags = { own, divider, history, follows, [state]: state };
  for (const [name, on] of Object.entries(flags)) if (on) item.classList.add(name);
  if (isTalk(message) && !message.own && mentions(message.text, me)) item.classList.add("mentioned");
  return item;
}

function colour(name) {
  let sum = 7;
  for (const character of name) sum = (sum * 131 + character.codePointAt(0)) % 65_521;
  return `c${sum % 251 % COLOURS}`;
}

export function initial(name) {
  return make("span", `face ${colour(name)}`, [...name.replace(/^[^\p{L}\p{N}]+/u, "")][0]?.toUpperCase() || "?");
}

const DAY = { weekday: "long", day: "numeric", month: "long", year: "numeric" };

function isTalk(message) {
  return ["said", "acted", "whispered"].includes(message.kind);
}

function talk(message, follows, me, actions) {
  const isAct = message.kind === "acted";
  const parts = [];
  if (follows) parts.push(make("span", "unseen", `${clean(message.from)}: `)); // sighted people see the name above
  else if (!isAct) parts.push(head(message, me, actions));
  const body = make("div", "text", rich(clean(message.text), me));
  body.dir = "auto";
  if (isAct) {
    body.prepend(make("bdi", `who ${colour(message.from)}`, clean(message.from)), " ");
    body.append(when(message));
  }
  if (message.kind === "said" && isOnlyEmoji(message.text)) body.classList.add("large");
  if (follows) body.title = time(message);
  parts.push(body, ...folded(message, body, actions), ...outcome(message, actions));
  if (follows) return parts;
  const face = initial(clean(message.from));
  face.setAttribute("aria-hidden", "true");
  return [face, ...parts];
}

// A long text does not push all others off the screen: the way to the rest of it.
function folded(message, body, actions) {
  const lines = message.text.split("\n").length;
  if (message.unfolded || (lines <= LONG.lines && message.text.length <= LONG.characters)) return [];
  body.classList.add("folded");
  const many = lines > LONG.lines ? `${lines} lines` : `${message.text.length.toLocaleString("en")} characters`;
  return [make("div", "fold", button(`Show all ${many}`, actions.unfold, message))];
}

function head(message, me, actions) {
  const name = make("button", `who ${colour(message.from)}`, make("bdi", "", clean(message.from)));
  name.type = "button";
  name.title = message.own ? "" : `Write to ${message.from} in private`;
  name.disabled = Boolean(message.own);
  name.addEventListener("click", () => actions.write(message.from));
  const line = make("div", "head", name);
  if (message.kind === "whispered") {
    line.append(make("span", "pill", "private"), make("span", "to", `to ${readers(message, me)}`));
  }
  line.append(when(message));
  return line;
}

function when(message) {
  const made = make("time", "", time(message));
  made.dateTime = new Date(message.at).toISOString();
  return made;
}

function readers(message, me) {
  return message.to.map((name) => (name === me ? "you" : clean(name))).join(", ");
}

// What became of one's own message.
function outcome(message, actions) {
  if (message.state === "pending") return [make("span", "fate", "sending …")];
  if (!message.remark) return [];
  const fate = make("span", "fate", message.remark);
  if (message.state === "failed") {
    fate.append(button("Send again", actions.again, message), button("Edit", actions.edit, message));
  }
  return [fate];
}

function button(label, action, message) {
  const made = make("button", "small", label);
  made.type = "button";
  made.addEventListener("click", () => action(message));
  return made;
}

// What is no talk: somebody came or went, an answer, a refusal.
function plain(message) {
  const text = clean(message.text);
  if (message.kind !== "answer") return [make("p", "text", text)];
  const rows = text.split("\n").map((line) => line.match(/^(\S.*?)\s{2,}(.*)$/));
  if (!rows.every(Boolean)) return [make("p", "text", text)];
  const table = make("dl", "text");
  for (const [, term, meaning] of rows) table.append(make("dt", "", term), make("dd", "", meaning));
  return [table];
}

function time(message) {
  const at = new Date(message.at);
  const clock = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const isToday = at.toDateString() === new Date().toDateString();
  if (!message.history) return clock;
  return `${isToday ? "today" : at.toLocaleDateString([], { day: "numeric", month: "short" })}, ${clock}`;
}
