// Joins the parts of the page: the door, the room, and what is remembered. What a part does stands in its own file.

import { Bell } from "./bell.js";
import { Chat } from "./chat.js";
import { advice } from "./endings.js";
import { Entry } from "./entry.js";
import { leaveNote, recall, remember, takeNote, tokenOf } from "./keep.js";
import { Link } from "./link.js";
import { Lists } from "./lists.js";
import { Log } from "./log.js";
import { clean, mentions } from "./words.js";

const SURVEY = 60; // seconds between looks at what rooms there are

const find = (id) => document.getElementById(id);
const address = new URL("ws", location.href);
address.protocol = location.protocol === "https:" ? "wss:" : "ws:";

const link = new Link(address.href, (event) => chat.receive(event));
const bell = new Bell(recall("sound") === "on");
let claimed = ""; // the name that was refused last, perhaps for want of its password

// ---- what the chat tells the page

const page = {
  looks: (talk) => talk === chat.view && document.visibilityState === "visible" && document.hasFocus(),
  changed: (talk, atEnd) => log.changed(talk, atEnd),
  lists: () => {
    lists.changed();
    badge();
  },
  shown() {
    const { view, home } = chat;
    find("title").textContent = view.isPrivate ? `Private, with ${view.title}` : view.title;
    find("description").textContent = view.isPrivate ? "Nobody else hears this." : view.description;
    find("house").classList.toggle("in-private", view.isPrivate);
    find("entry").placeholder = view.isPrivate ? `To ${view.title} only` : `To everyone in ${view.title}`;
    const query = home.key === "lobby" ? "" : `?room=${encodeURIComponent(home.key)}`;
    if (!view.isPrivate) window.history.replaceState(null, "", location.pathname + query);
    log.show(view);
    page.lists();
    closeDrawers();
  },
  news(message) {
    badge();
    if (message.places.some((place) => page.looks(place))) return;
    const personal = message.kind === "whispered" || mentions(message.text, chat.me);
    bell.ring(personal ? 880 : 620);
    const [place] = message.places;
    const from = message.kind === "whispered" ? `${clean(message.from)}, in private` : `${clean(message.from)} in ${place.title}`;
    if (personal) bell.notify(from, clean(message.text).slice(0, 200), () => chat.look(place));
  },
  forget() {
    chat.forget();
    entry.forget();
    badge();
  },
  giveBack: (text) => entry.giveBack(text),
  learned: () => entry.learned(),
  link: (news) => LINK[news.state](news),
};

const chat = new Chat(link, page);

function badge() {
  bell.title(chat.unread, chat.view?.title);
  const elsewhere = chat.unread - (chat.view?.unread || 0);
  find("elsewhere").hidden = !elsewhere;
  find("elsewhere").textContent = elsewhere || "";
}

// ---- the door

const LINK = {
  connecting: ({ text }) => status(text),
  connected() {
    remember("name", find("name").value.trim());
    find("password").value = "";
    find("room-password").value = "";
    banner("");
    enter(true);
  },
  retrying({ text }) {
    if (!chat.view) enter(false);
    status(text);
  },
  refused({ text, code }) {
    enter(false);
    const atDoor = code === "room_password";
    const secret = ["registered", "wrong_password", "blocked", "busy"].includes(code);
    if (atDoor) find("room-secret").hidden = false;
    else if (secret) find("secret").hidden = false;
    claimed = find("name").value.trim();
    trouble(code === "registered" ? `${text.split(";")[0]}: please give its password.` : text);
    const field = find(atDoor ? "room-password" : secret ? "password" : "name");
    field.focus();
    field.select();
  },
  ended({ text, code }) {
    if (code === "quit") page.forget();
    if (!chat.view) return LINK.refused({ text, code: "" });
    banner("");
    find("composer").hidden = true;
    find("ended").hidden = false;
    find("state").className = "dot off";
    find("farewell").textContent = `${text} ${advice(code)}`.trim();
    find("again").focus();
  },
};

function status(text) {
  if (chat.view && !find("house").hidden) banner(text);
  else {
    trouble(text);
    find("trouble").classList.add("calm");
  }
}

function trouble(text) {
  find("trouble").classList.remove("calm");
  find("trouble").textContent = text;
  find("enter").disabled = false;
}

function banner(text) {
  find("banner").textContent = text;
  find("banner").hidden = !text;
  find("state").className = `dot ${text ? "waiting" : "on"}`;
}

function enter(inside) {
  const isNew = find("house").hidden || find("composer").hidden;
  delete document.documentElement.dataset.back;
  find("door").hidden = inside;
  find("house").hidden = !inside;
  find("composer").hidden = false;
  find("ended").hidden = true;
  if (inside && isNew) entry.focus(); // whoever comes back is left where he was
}

find("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = find("name").value.trim();
  if (!name) return trouble("Please give a name.");
  chat.wanted = wantedRoom();
  link.join(name, find("password").value, find("room-password").value || undefined, tokenOf(name));
});

find("name").addEventListener("input", () => {
  if (find("name").value.trim() === claimed) return;
  find("secret").hidden = true;
  find("password").value = "";
  trouble("");
});

find("again").addEventListener("click", () => {
  find("name").value = chat.me;
  enter(false);
  link.join(chat.me, "");
});

// ---- the room

const write = (name) => {
  closeDrawers();
  entry.write(name);
};

const entry = new Entry(find, {
  commands: () => chat.commands,
  names: () => [...new Set([...chat.home.people, ...[...chat.talks.values()].map((talk) => talk.key)])],
  rooms: () => chat.places.map(({ room }) => room),
  me: () => chat.me,
  send(text) {
    const error = chat.own.enter(text);
    if (!error) log.toEnd();
    return error;
  },
});

const log = new Log(find("log"), find("newest"), {
  me: () => chat.me,
  older: () => chat.past.older(chat.view),
  write,
  again: (message) => chat.own.again(message),
  unfold: (message) => log.unfold(message),
  edit(message) {
    if (entry.giveBack(message.typed)) chat.own.withdraw(message);
    else entry.hint("There is something in the entry already; send or clear it first.");
  },
});

const lists = new Lists(find, chat, {
  join: (room) => chat.join(room),
  part: (room) => chat.part(room),
  talk: (name) => chat.talkWith(name),
  write,
});

find("open-room").addEventListener("submit", (event) => {
  event.preventDefault();
  const room = find("room-name").value.trim().replace(/\s+/g, "-");
  if (room) chat.join(room.replace(/^#/, "").toLowerCase());
  find("room-name").value = "";
});

find("leave").addEventListener("click", () => chat.leave());

find("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address keeps naming the room
  entry.focus();
});

// The room that the address names, as `/join-link` writes it: http://HOST:PORT/?room=NAME
function wantedRoom() {
  return (new URLSearchParams(location.search).get("room") || "").trim().toLowerCase();
}

// A page that goes may be loaded anew, or only rest: whoever closes it is missed by the server soon enough.
function leave() {
  if (link.ticket) leaveNote({ ...link.ticket, ...chat.leaveNote(), draft: entry.draft });
}

addEventListener("pagehide", leave);
document.addEventListener("freeze", leave);
addEventListener("pageshow", (event) => event.persisted && takeNote() && link.hurry());
document.addEventListener("resume", () => takeNote());

// ---- drawers, where there is little room

const DRAWERS = { "show-rooms": "rooms", "show-people": "people" };

for (const [opener, drawer] of Object.entries(DRAWERS)) {
  find(opener).addEventListener("click", () => {
    const open = !find(drawer).classList.contains("open");
    closeDrawers();
    if (open) openDrawer(opener, drawer);
  });
}

function openDrawer(opener, drawer) {
  find(drawer).classList.add("open");
  find(opener).setAttribute("aria-expanded", "true");
  find("shade").hidden = false;
  find(drawer).querySelector("button:not(:disabled)")?.focus();
  if (link.open) chat.survey();
}

function closeDrawers() {
  for (const [opener, drawer] of Object.entries(DRAWERS)) {
    const held = find(drawer).classList.contains("open") && find(drawer).contains(document.activeElement);
    find(drawer).classList.remove("open");
    find(opener).setAttribute("aria-expanded", "false");
    if (held) find(opener).focus();
  }
  find("shade").hidden = true;
}

find("shade").addEventListener("click", closeDrawers);
addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeDrawers();
  const step = event.altKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!step || !chat.view) return;
  lists.step(step);
  event.preventDefault();
});

// ---- looking and looking away

function looked() {
  if (document.visibilityState !== "visible" || !document.hasFocus()) return;
  link.hurry();
  chat.seen();
  page.lists();
}

function lookedAway() {
  if (chat.view) chat.view.mark = null; // what comes now is new
}

addEventListener("focus", looked);
addEventListener("blur", lookedAway);
document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? looked() : lookedAway()));
setInterval(() => document.visibilityState === "visible" && link.open && chat.survey(), SURVEY * 1000);

// ---- switches

function press(id, on) {
  find(id).setAttribute("aria-pressed", String(on));
}

find("sound").addEventListener("click", () => {
  press("sound", bell.toggle());
  remember("sound", bell.on ? "on" : "off");
});

find("theme").addEventListener("click", () => {
  const { dataset } = document.documentElement;
  dataset.theme = dataset.theme === "dark" ? "light" : "dark";
  press("theme", dataset.theme === "dark");
  remember("theme", dataset.theme);
});

press("sound", bell.on);
press("theme", document.documentElement.dataset.theme === "dark");
find("where").textContent = location.host;
find("bound").hidden = !wantedRoom();
find("bound-room").textContent = clean(wantedRoom());

const note = takeNote();
find("name").value = note?.name || recall("name");
if (note) {
  chat.note = note;
  chat.wanted = wantedRoom();
  link.join(note.name, "", undefined, note.token);
  entry.giveBack(note.draft || "");
} else {
  enter(false);
  find("name").focus();
}
