// What this browser remembers between visits; where it may not, nothing is remembered, and nothing breaks.

const FRESH = 60_000; // ms within which a page that is loaded is the one that was here just now

export function recall(key) {
  try {
    return localStorage.getItem(`chat.${key}`) || "";
  } catch {
    return "";
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`chat.${key}`, value);
  } catch {
    // a private window, perhaps
  }
}

// A page that goes leaves a note: for itself, should it be loaded anew in this tab, and for a new one in another tab,
// where somebody gives the same name. `note` has a name and the token by which one comes back.
export function leaveNote(note) {
  const { name, token } = note;
  const at = Date.now();
  write(sessionStorage, { ...note, at });
  write(localStorage, { name, token, at });
}

// Returns, once, what the page before this one in the same tab has left; null where that is long ago.
export function takeNote() {
  const note = take(sessionStorage);
  if (note) tokenOf(note.name);
  return note;
}

// Returns, once, the token of a page of `name`'s that has been closed just now, or "".
export function tokenOf(name) {
  const note = take(localStorage);
  return note?.name === name ? note.token : "";
}

function write(store, note) {
  try {
    store.setItem("chat.note", JSON.stringify(note));
  } catch {
    // one will be asked for one's name
  }
}

function take(store) {
  try {
    const note = JSON.parse(store.getItem("chat.note"));
    store.removeItem("chat.note");
    return note && Date.now() - note.at < FRESH ? note : null;
  } catch {
    return null;
  }
}
