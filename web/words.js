// Text from anybody, made into nodes of the page: only ever text nodes, and links to http and https.

const LINK = /\bhttps?:\/\/[^\s<>"]+/giu;
const INVISIBLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/gu;
const EMOJI = "\\p{Extended_Pictographic}[\\u{fe0f}\\u{1f3fb}-\\u{1f3ff}]?";
const ONLY_EMOJI = new RegExp(`^(?:${EMOJI}(?:\u200d${EMOJI})*\\s*){1,6}$`, "u");

// Makes an element; `parts` are nodes, or strings that become text.
export function make(tag, className = "", ...parts) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...parts);
  return element;
}

// Takes out what could turn a line around or is not to be seen: a client does not trust its server.
export function clean(text) {
  return String(text).replace(INVISIBLE, "");
}

export function isOnlyEmoji(text) {
  return ONLY_EMOJI.test(text);
}

// The text with its links and the mentions of `name` marked.
export function rich(text, name) {
  const found = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const address = trimmed(match[0]);
    found.append(...marked(text.slice(end, match.index), name), link(address));
    end = match.index + address.length;
  }
  found.append(...marked(text.slice(end), name));
  return found;
}

export function mentions(text, name) {
  return pattern(name).test(text);
}

function marked(text, name) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(pattern(name))) {
    const start = match.index + match[1].length;
    parts.push(text.slice(end, start), make("mark", "", match[2]));
    end = start + match[2].length;
  }
  return [...parts, text.slice(end)];
}

// `name` as a whole word, in any case; group 1 is what stands before it.
function pattern(name) {
  const literal = name.replace(/[.*+?^${}()|[\]\\/-]/gu, "\\$&");
  return new RegExp(`(^|[^\\p{L}\\p{N}_])(${literal})(?![\\p{L}\\p{N}_])`, "giu");
}

// A full stop after an address is not part of it, nor is a bracket that was opened before it.
function trimmed(address) {
  const kept = address.replace(/[.,;:!?'"\]}]+$/u, "");
  const isClosed = kept.split("(").length >= kept.split(")").length;
  return isClosed || !kept.endsWith(")") ? kept : trimmed(kept.slice(0, -1));
}

function link(address) {
  let target;
  try {
    target = new URL(address);
  } catch {
    return document.createTextNode(address);
  }
  const anchor = make("a", "", address);
  anchor.href = target.href;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer";
  return anchor;
}
