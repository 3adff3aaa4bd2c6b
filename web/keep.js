// What this browser remembers between visits; where it may not, nothing is remembered, and nothing breaks.

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
