// What the server's objects mean for the chat: PROTOCOL.md, the JSON wire, one function for each.

import { REMEMBERED } from "./talk.js";

const NOT_SHOWN = ["older", "gap", "commands", "survey", "quit"]; // what is asked by the page itself

const LOCKS = {
  "+m": "has locked this room: only those with a voice speak here now.",
  "-m": "has unlocked this room: everybody may speak here.",
};

export function receive(chat, event) {
  MEANING[event.event]?.(chat, event);
}

const MEANING = {
  link,
  welcome,
  joined,
  resumed,
  parted,
  said,
  acted: said,
  whispered,
  accepted: (chat, event) => chat.own.accepted(event, chat.take(event).message),
  refused,
  entered,
  left,
  renamed,
  told,
  listed,
  channels,
  seen: (chat, event) => chat.say(chat.view, "note", event, `${event.name}, whom you watch for, is on line.`),
  history,
  topic,
  mode: (chat, event) =>
    change(chat, event, `${event.by} ${LOCKS[event.changes] || `changed who may do what: ${event.changes}`}`),
  inviting: (chat, event) => change(chat, event, `${event.by} has asked ${event.name} in.`),
  invited: (chat, event) =>
    chat.say(chat.view, "note", event, `${event.by} asks you into ${event.title}: type /join ${event.room}`),
  away: (chat, event) =>
    chat.say(chat.view, "note", event, event.text ? `${event.name} is away: ${event.text}` : `${event.name} is back.`),
  called: (chat, event) => chat.say(chat.view, "note", event, `${event.from} calls: ${event.text}`),
  missed: (chat, event) => chat.say(chat.view, "note", event, `${event.name}, whom you watch for, has gone.`),
  removed,
  announced,
  slowed,
};

// ---- coming and going oneself

function link(chat, news) {
  if (["retrying", "ended"].includes(news.state)) chat.cut();
  if (news.state === "ended") chat.own.anew(); // nobody will come back for an answer
  chat.page.link(news);
}

function welcome(chat, event) {
  if (event.back) return back(chat, event);
  chat.note = null;
  chat.recalled.clear();
  if (chat.me && chat.me !== event.name) {
    const { wanted } = chat;
    chat.page.forget();
    chat.wanted = wanted;
  }
  chat.me = event.name;
  const rooms = [...chat.rooms.values()].filter((room) => room.joined && room.key !== event.room);
  const before = chat.home;
  chat.home = settle(chat, event);
  greet(chat, event, `You are here as ${event.name}.`);
  if (!chat.view) chat.look(chat.home);
  chat.own.anew();
  chat.ask({ do: "help" }, { about: "commands" });
  if (before) rejoin(chat, rooms, before);
  else if (chat.wanted && chat.wanted !== event.room) chat.join(chat.wanted);
  chat.survey();
}

// One is where one was: the rooms follow, and what was missed in them.
function back(chat, event) {
  chat.me = event.name;
  chat.missed = new Map();
  for (const room of chat.rooms.values()) room.joined = false;
  chat.home = settle(chat, event);
  if (!chat.view) chat.look(chat.home); // the page has been loaded anew
}

function resumed(chat, event) {
  const { missed, note } = chat;
  chat.missed = chat.note = null;
  chat.own.resumed(new Map([...missed].map(([place, { count }]) => [place, count])), event.cut);
  for (const room of chat.rooms.values()) caughtUp(chat, room, missed.get(room.key), event.cut);
  if (note && chat.wanted && chat.wanted !== chat.home.key) chat.join(chat.wanted); // the address names another room
  else if (note?.talk) chat.talkWith(note.talk);
  else if (!chat.view.isPrivate) chat.look(chat.home);
  if (!chat.commands.length) chat.ask({ do: "help" }, { about: "commands" });
  chat.survey();
}

// What was missed in a room has been told; of much, only the end.
function caughtUp(chat, room, missed, isCut) {
  const { known } = room;
  const isWhole = !isCut && !(missed?.count >= REMEMBERED.room);
  room.known = 0;
  if (known && !isWhole && !(missed?.first <= known)) chat.past.fill(room, known, missed?.first);
  else room.cut = 0;
}

// After a server has begun anew: back into every room, the one that was shown last.
function rejoin(chat, rooms, last) {
  const order = [...rooms.filter((room) => room !== last), last].filter((room) => rooms.includes(room));
  for (const room of order) chat.ask({ do: "join", room: room.key }, { about: "rejoin" });
}

function joined(chat, event) {
  const { about } = chat.take(event);
  const isNew = !chat.rooms.get(event.room)?.joined;
  chat.home = settle(chat, event);
  if (chat.missed) return chat.note && chat.look(chat.home);
  if (isNew) greet(chat, event, `You came into ${chat.home.title}.`);
  if (about !== "rejoin") chat.look(chat.home);
  chat.survey();
}

function parted(chat, event) {
  chat.take(event);
  const room = chat.room(event.room, event.title);
  room.joined = false;
  chat.home = chat.room(event.current, event.current_title);
  if (room.farewell) chat.say(chat.home, "note", event, room.farewell);
  room.farewell = "";
  if (chat.view === room) chat.look(chat.home);
  chat.survey();
  chat.page.lists();
}

function greet(chat, event, text) {
  chat.home.greeting = chat.say(chat.home, "note", event, text);
  chat.home.greeting.divider = true;
}

function settle(chat, event) {
  const room = chat.room(event.room, event.title);
  room.title = event.title;
  room.description = event.description ?? room.description;
  room.people = new Set(event.users);
  room.joined = true;
  chat.page.lists();
  return room;
}

// ---- what is said

function said(chat, event) {
  count(chat, event);
  if (!chat.isNew(event)) return;
  if (event.from === chat.me && chat.own.found(event)) return;
  const talk = chat.room(event.room);
  chat.put(message(chat, event, talk), [talk], event.history);
}

function whispered(chat, event) {
  count(chat, event);
  if (!chat.isNew(event)) return;
  const own = event.from === chat.me;
  if (own && chat.own.found(event)) return;
  const sort = event.history && chat.about(event).line === undefined;
  const talks = (own ? event.to : [event.from]).map((name) => chat.privately(name));
  const room = chat.view.isPrivate ? chat.home : chat.view;
  chat.put(message(chat, event, talks[0] || room), talks.includes(chat.view) || sort ? talks : [...talks, room], sort);
}

// Counts what was missed, and what is told of the past, by room ("" for private talk).
function count(chat, event) {
  if (event.history) chat.past.heard(event);
  const place = event.room || "";
  const told = chat.missed || (event.history && event.ref === undefined && chat.recalled);
  if (!told) return;
  const { first, count } = told.get(place) || { first: event.id, count: 0 };
  told.set(place, { first, count: count + 1 });
}

function message(chat, event, talk) {
  const at = Date.parse(event.time);
  const { id, from, to, text } = event;
  const isHistory = Boolean(event.history) && !(talk.cut && at > talk.cut);
  return { kind: event.event, id, at, from, to, text, history: isHistory, own: from === chat.me, places: [] };
}

function history(chat, event) {
  const context = chat.take(event);
  const { talk, line } = context;
  if (chat.rooms.has(event.room)) recalled(chat, chat.rooms.get(event.room));
  if (talk) chat.past.heardAll(context);
  else if (line) {
    chat.say(chat.view, "note", event, `${event.count} messages were recalled; they stand where their time says.`);
  }
  const greeting = event.count && chat.rooms.get(event.room)?.greeting;
  if (greeting) greeting.text += " Above is what was said before.";
  chat.page.changed(chat.view, false);
}

// The last messages of a room have been told to one who came in; who was there before may have missed more.
function recalled(chat, room) {
  const { known } = room;
  const { first } = chat.recalled.get(room.key) || {};
  chat.recalled.delete(room.key);
  room.known = 0;
  if (known && first > known + 1) chat.past.fill(room, known, first);
  else room.cut = 0;
}

function refused(chat, event) {
  const context = chat.take(event);
  const { about, message, line } = context;
  if (message) return chat.own.refused(event, message);
  if (context.talk) chat.past.exhausted(context, event.code === "not_in");
  if (NOT_SHOWN.includes(about)) return;
  if (line) chat.page.giveBack(line);
  chat.say(chat.view, "trouble", event, event.text);
}

// ---- what the host and the operators do

// A message is gone, wherever it stands; also one's own.
function removed(chat, event) {
  const talks = [...chat.rooms.values(), ...chat.talks.values()];
  const message = talks.flatMap((talk) => talk.messages).find(({ id }) => id === event.message);
  if (!message) return;
  Object.assign(message, { kind: "note", text: `${event.by} has removed a message of ${event.from}.`, id: undefined });
  Object.assign(message, { remark: undefined, state: undefined, own: false });
  for (const talk of message.places) chat.page.changed(talk, false);
}

function announced(chat, event) {
  chat.take(event);
  chat.say(chat.view, "announcement", event, `${event.from} announces: ${event.text}`);
}

function slowed(chat, event) {
  chat.take(event);
  const how = event.seconds ? `lets everyone speak only once in ${event.seconds} s` : "lets everyone speak freely";
  chat.say(chat.room(event.room), "note", event, `${event.by} ${how}.`);
}

// ---- who is here

function entered(chat, event) {
  const room = chat.room(event.room);
  if (room.people.has(event.name)) return;
  room.people.add(event.name);
  moved(chat, room, event, "came in");
  const talk = chat.talks.get(event.name.toLowerCase());
  if (!talk?.absent) return;
  talk.absent = false;
  chat.say(talk, "note", event, `${event.name} is here again.`);
}

function left(chat, event) {
  chat.take(event);
  const room = chat.room(event.room);
  room.people.delete(event.name);
  if (event.kicked || event.reason) {
    const own = event.kicked && event.name === chat.me;
    const how = event.kicked ? `${own ? "were" : "was"} put out${event.by ? ` by ${event.by}` : ""}` : "went";
    const why = event.reason ? `: ${event.reason}` : ".";
    chat.say(room, "note", event, `${own ? "You" : event.name} ${how}${why}`);
    if (own) room.farewell = `You were put out of ${room.title}${why}`;
    chat.page.lists();
  } else moved(chat, room, event, event.gone ? "went" : "left the room");
  if (event.gone) absent(chat, event);
}

// Somebody with whom one talks in private is off line; each room tells it.
function absent(chat, event) {
  const talk = chat.talks.get(event.name.toLowerCase());
  if (!talk || talk.absent) return;
  talk.absent = true;
  chat.say(talk, "note", event, `${event.name} is off line.`);
}

// A whole class comes in one line.
function moved(chat, room, event, verb) {
  const last = room.messages[room.messages.length - 1];
  if (last?.verb === verb && last.names.length < 30) {
    last.names.push(event.name);
    last.text = `${last.names.join(", ")} ${verb}.`;
    chat.page.changed(room, true);
  } else {
    const note = chat.say(room, "note", event, `${event.name} ${verb}.`);
    Object.assign(note, { verb, names: [event.name] });
  }
  chat.page.lists();
}

function renamed(chat, event) {
  chat.take(event);
  const own = event.old === chat.me;
  if (own) chat.me = event.new;
  chat.rekey(event.old, event.new);
  for (const room of chat.rooms.values()) {
    if (!room.people.has(event.old)) continue;
    room.rename(event.old, event.new);
    chat.say(room, "note", event, own ? `You are now ${event.new}.` : `${event.old} is now ${event.new}.`);
  }
  chat.page.lists();
}

// ---- how a room changes

function topic(chat, event) {
  chat.room(event.room).description = event.text;
  const what = event.text ? `says what this room is about: ${event.text}` : "says no more what this room is about.";
  change(chat, event, `${event.by} ${what}`);
  chat.page.lists();
}

function change(chat, event, text) {
  chat.take(event);
  chat.say(chat.room(event.room), "note", event, text);
}

// ---- answers

function told(chat, event) {
  const context = chat.take(event);
  if (context.about === "commands") return learn(chat, event.text);
  if (context.talk) return chat.past.exhausted(context);
  if (["register", "password"].includes(event.about)) chat.own.secretAccepted();
  chat.say(chat.view, "answer", event, event.text);
}

function learn(chat, help) {
  const lines = help.split("\n").map((line) => line.match(/^(\/(\S+).*?)\s{2,}(.*)$/));
  chat.commands = lines.filter(Boolean).map(([, usage, verb, text]) => ({ verb, usage, help: text }));
  chat.page.learned();
}

function listed(chat, event) {
  chat.take(event);
  const rows = event.users.map(({ name, seconds, rooms }) => `${name}  ${length(seconds)}, in ${rooms.join(", ")}`);
  chat.say(chat.view, "answer", event, rows.join("\n") || "Nobody else is here.");
}

function channels(chat, event) {
  const { about } = chat.take(event);
  chat.places = event.channels;
  for (const { room, title, description } of chat.places) {
    const known = chat.rooms.get(room);
    if (known) Object.assign(known, { title, description });
  }
  chat.page.lists();
  if (about === "survey") return chat.past.begin(chat.view); // what is told of a room at first has come by now
  const rows = event.channels.map(({ title, description, count }) => `${title}  ${count} here. ${description}`);
  chat.say(chat.view, "answer", event, rows.join("\n"));
}

function length(seconds) {
  if (seconds < 90) return `${seconds} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
