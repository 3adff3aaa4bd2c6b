// Which lines hold a password: where it begins in them is all that is told. Nothing is kept here.

const HEADS = [
  /^\s*\/(?:register|password|identify|login|pass|door)\s+/i,
  /^\s*\/oper\s+\S+\s+/i,
  /^\s*\/(?:msg|tell|w|query)\s+(?:nick|ns)(?:serv)?\s+(?:register|identify)\s+/i,
];

// Returns where the password begins in what was typed, null where none does.
export function secretIn(text) {
  for (const head of HEADS) {
    const found = text.match(head);
    if (found) return found[0].length;
  }
  return null;
}
