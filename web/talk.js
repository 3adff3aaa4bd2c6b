// One room, or one private talk: what was said in it, who is in it, and what has not been looked at yet.
// It knows neither the server nor the page.

// A message: { kind, id, at (ms since 1970), from, to, text, own, history, state, remark }, where kind is said, acted,
// whispered, note, answer or trouble, and state is undefined, "pending" or "failed".

export const REMEMBERED = { room: 200, person: 50 }; // messages it tells to someone who comes back
const KEPT = 20_000; // messages in memory

export class Talk {
  constructor(key, title, isPrivate = false) {
    this.key = key;
    this.title = title;
    this.isPrivate = isPrivate;
    this.description = "";
    this.joined = false;
    this.people = new Set();
    this.messages = [];
    this.unread = 0;
    this.mark = null; // the first message that is new since somebody looked
    this.cut = 0; // when the connection was lost: what is recalled and younger was missed
    this.known = 0; // the id of the last event before that
    this.asking = false; // whether the server has been asked for what is older
    this.first = 0; // the lowest id that was recalled: what is older has not been asked for
    this.complete = false; // there is nothing older
    this.most = KEPT; // messages that are kept
    this.absent = false; // in private: the other one is off line
    this.inlined = null; // the room in which the unread ones of a private talk stand, too
  }

  // What it is called where rooms and people stand together.
  get place() {
    return (this.isPrivate ? "@" : "#") + this.key;
  }

  get latest() {
    const last = this.messages.length - 1;
    return last < 0 ? 0 : this.messages[last].at;
  }

  // Puts a message where its time says; what happens now goes to the end, whatever the clocks say.
  add(message, inOrder = false) {
    let index = this.messages.length;
    if (inOrder) while (index > 0 && isLater(this.messages[index - 1], message)) index--;
    this.messages.splice(index, 0, message);
    return index === this.messages.length - 1;
  }

  // Forgets the oldest messages of very many; returns them. They can be asked for again.
  trim() {
    if (this.messages.length <= this.most) return [];
    this.first = 0;
    this.complete = false;
    return this.messages.splice(0, KEPT / 10);
  }

  // So many messages have been read back: they are kept, too.
  grow() {
    this.most = Math.min(2 * KEPT, Math.max(this.most, this.messages.length));
    if (this.messages.length >= 2 * KEPT) this.complete = true;
  }

  remove(message) {
    const index = this.messages.indexOf(message);
    if (index >= 0) this.messages.splice(index, 1);
    if (this.mark === message) this.mark = null;
  }

  missed(message) {
    this.unread++;
    this.mark ||= message;
  }

  // The connection is lost: what comes next may have something missing before it, and behind what was `heard` last.
  interrupt(heard) {
    this.asking = false;
    this.cut ||= this.latest;
    this.known ||= heard;
  }

  rename(old, name) {
    if (this.people.delete(old)) this.people.add(name);
  }
}

// Many things happen in one millisecond; the server counts them.
function isLater(one, other) {
  return one.at > other.at || (one.at === other.at && one.id > other.id);
}
